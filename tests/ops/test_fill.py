"""Fill, Empty, ZerosLike, OnesLike, Range, LinSpace, OneHot."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "int32", "int64", "bool"]


def fills():
    for dims in ((), (3,), (2, 3), (2, 1, 3, 2, 1)):
        yield Case("Fill", "dims=" + "x".join(map(str, dims)), [Spec(())],
                   lambda v, d=dims: tf.raw_ops.Fill(dims=np.array(d, np.int32), value=v))
    for dtype in DTYPES:
        yield Case("Fill", "dims=2x3", [Spec((), dtype)],
                   lambda v: tf.raw_ops.Fill(dims=np.array([2, 3], np.int64), value=v))
    yield Case("Fill", "like another", [Spec(()), Spec((B, 3))],
               lambda v, x: tf.raw_ops.Fill(dims=tf.shape(x), value=v))
    yield Case("Fill", "[batch, 4]", [Spec((B, 3))], lambda x: tf.concat([x, tf.fill([tf.shape(x)[0], 4], 2.0)], 1))
    yield Case("Fill", "int64 dims", [Spec(()), Spec((B, U(2, 3)))],
               lambda v, x: tf.raw_ops.Fill(dims=tf.shape(x, out_type=tf.int64), value=v))
    yield Case("Fill", "at run time", [Spec(()), Spec((2,), "int32", (1, 3))],
               lambda v, d: tf.raw_ops.Fill(dims=d, value=v), data_dependent=True)
    yield Case("Empty", "like another", [Spec((B, 3))],
               lambda x: tf.raw_ops.Empty(shape=tf.shape(x), dtype=tf.float32, init=True) + x)
    for op in ("ZerosLike", "OnesLike"):
        build = lambda x, op=op: getattr(tf.raw_ops, op)(x=x)
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
            yield Case(op, "", [Spec(shape)], build)
        for dtype in DTYPES:
            yield Case(op, "", [Spec((B, 3), dtype)], build)
        yield Case(op, "", [Spec(Unranked((2, 3), (4,)))], build)
        yield Case(op, "used", [Spec((B0, 3))], lambda x, b=build: x + b(x))


def ranges():
    number = Spec((), "int32", (3, 6))
    for dtype, name in (("int32", "int32"), ("int64", "int64"), ("float32", "float32")):
        t = tf.as_dtype(dtype)
        yield Case("Range", f"constant,{name}", [Spec((5,), dtype)], lambda x, t=t: x + tf.raw_ops.Range(
            start=tf.constant(1, t), limit=tf.constant(6, t), delta=tf.constant(1, t)))
        yield Case("Range", f"0 to n,{name}", [Spec((), dtype, (3, 6))], lambda n, t=t: tf.raw_ops.Range(
            start=tf.constant(0, t), limit=n, delta=tf.constant(1, t)), data_dependent=True)
        yield Case("Range", f"2 to n by 2,{name}", [Spec((), dtype, (3, 9))], lambda n, t=t: tf.raw_ops.Range(
            start=tf.constant(2, t), limit=n, delta=tf.constant(2, t)), data_dependent=True)
        yield Case("Range", f"n down to 0,{name}", [Spec((), dtype, (3, 9))], lambda n, t=t: tf.raw_ops.Range(
            start=n, limit=tf.constant(0, t), delta=tf.constant(-1, t)), data_dependent=True)
    yield Case("Range", "constant,float32", [Spec((4,))], lambda x: x + tf.range(0.25, 1.2, 0.25))
    yield Case("Range", "batch", [Spec((B, 3))],
               lambda x: x * tf.cast(tf.range(tf.shape(x)[0]), tf.float32)[:, None])
    yield Case("Range", "grid", [Spec((B, U(3, 5), U(4, 6), 1))], lambda x: x[..., 0] + tf.cast(
        tf.range(tf.shape(x)[1])[:, None] * 10 + tf.range(tf.shape(x)[2])[None], tf.float32))
    yield Case("Range", "of the batch", [Spec((B, 3))], lambda x: tf.range(tf.shape(x)[0]))
    for n in (1, 2, 5, 33):
        yield Case("LinSpace", f"n={n}", [Spec(()), Spec(())], lambda a, b, n=n: tf.raw_ops.LinSpace(
            start=a, stop=b, num=n))
    yield Case("LinSpace", "constant", [Spec((4,))], lambda x: x + tf.raw_ops.LinSpace(
        start=tf.constant(0.0), stop=tf.constant(2.0), num=4))


def one_hots():
    for axis in (-1, 0, 1, 2):
        for shape in masks((3, 4), "kk", "uk", "uu"):
            yield Case("OneHot", f"axis={axis}", [Spec(shape, "int32", (-2, 6))],
                       lambda i, a=axis: tf.one_hot(i, 5, axis=a))
    for dtype in DTYPES:
        t = tf.as_dtype(dtype)
        yield Case("OneHot", "axis=-1", [Spec((B, 4), "int32", (-1, 5))], lambda i, t=t: tf.raw_ops.OneHot(
            indices=i, depth=5, on_value=tf.cast(1, t), off_value=tf.cast(0, t)))
    for dtype in ("uint8", "int64"):
        yield Case("OneHot", "axis=-1", [Spec((B, 4), dtype, (0, 6))], lambda i: tf.one_hot(i, 5),
                   note=dtype + " indices")
    yield Case("OneHot", "on=2,off=-1", [Spec((B, 4), "int32", (0, 5))], lambda i: tf.one_hot(i, 5, 2.0, -1.0))
    yield Case("OneHot", "on and off at run time", [Spec((3,), "int32", (0, 5)), Spec(()), Spec(())],
               lambda i, on, off: tf.one_hot(i, 5, on, off))
    yield Case("OneHot", "scalar", [Spec((), "int32", (0, 4))], lambda i: tf.one_hot(i, 5))
    yield Case("OneHot", "rank 4", [Spec((B, 2, 1, 3), "int32", (0, 4))], lambda i: tf.one_hot(i, 4, axis=2))
    yield Case("OneHot", "batch of 0", [Spec((B0, 3), "int32", (0, 4))], lambda i: tf.one_hot(i, 4))
    yield Case("OneHot", "depth at run time", [Spec((3,), "int32", (0, 4)), Spec((), "int32", (2, 5))],
               lambda i, d: tf.one_hot(i, d), data_dependent=True)
    yield Case("OneHot", "any rank", [Spec(Unranked((2, 3), (4,)), "int32", (0, 4))], lambda i: tf.one_hot(i, 4))


def cases():
    yield from fills()
    yield from ranges()
    yield from one_hots()


test_fill = differential("fill", cases())
