"""Choices by condition."""
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential

raw = tf.raw_ops
DTYPES = ["float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool"]


def select(c, x, y):
    return raw.Select(condition=c, x=x, y=y)


def select_v2(c, x, y):
    return raw.SelectV2(condition=c, t=x, e=y)


def sparse(rng, shape):
    return rng.integers(0, 2, shape)


def cases():
    for condition, shape in [
        ((2, 5, 3), (2, 5, 3)), ((B, 5, 3), (B, 5, 3)), ((2,), (2, 5, 3)), ((B,), (B, 5, 3)),
        ((B,), (B, 4, 2, 3)), ((), (2, 3)), ((), (B, 3)), ((B0, 4), (B0, 4)), ((4,), (4,)), ((), ()),
        (Unranked((2, 3), (4,)), Unranked((2, 3), (4,))), ((2,), Unranked((2, 3), (2, 3, 1))),
        ((U(2, 1), U(3, 5)), (U(2, 1), U(3, 5))), ((2, 1, 3, 1, 2), (2, 1, 3, 1, 2)),
        ((2,), (2, 1, 3, 1, 2)),
    ]:
        yield Case("Select", "", [Spec(condition, "bool"), Spec(shape), Spec(shape)], select)
    for condition, x, y in [
        ((2, 5, 3), (2, 5, 3), (2, 5, 3)), ((B, 5, 3), (B, 5, 3), ()), ((B, 1, 3), (5, 3), (B, 5, 1)),
        ((), (B, 3), (3,)), ((3,), (B, 3), (1, 3)), ((B0, 4), (B0, 4), (4,)), ((), (), ()),
        ((3, 1, 4, 1, 2), (5, 4, 6, 2), (2,)), (Unranked((2, 3), (4,)), (), ()),
        ((U(2, 1), 1), (1, U(3, 5)), (U(2, 1), U(3, 5))), ((2,), Unranked((3, 2), (2,)), (2,)),
    ]:
        yield Case("SelectV2", "", [Spec(condition, "bool"), Spec(x), Spec(y)], select_v2)
    for dtype in DTYPES:
        yield Case("Select", "", [Spec((B,), "bool"), Spec((B, 4), dtype), Spec((B, 4), dtype)], select)
        yield Case("SelectV2", "", [Spec((B, 4), "bool"), Spec((B, 4), dtype), Spec((4,), dtype)], select_v2)
    yield Case("SelectV2", "constants", [Spec((B, 6), "bool")], lambda c: select_v2(c, 1.0, [2.0]))
    yield Case("SelectV2", "computed", [Spec((B, 6))], lambda x: select_v2(x > 0, x, -x))

    for shape in [(7,), (3, 4), (B, 4), (2, 3, 2), (2, 1, 3, 2), (U(2, 1), U(3, 5)), (2, 1, 2, 1, 3),
                  Unranked((2, 3), (4,))]:
        yield Case("Where", "", [Spec(shape, "bool")], lambda x: raw.Where(condition=x), data_dependent=True)
    for dtype in ["float32", *DTYPES[1:]]:
        yield Case("Where", "number", [Spec((B, 9), dtype, sparse)],
                   lambda x: raw.Where(condition=x), data_dependent=True)
    # The Interpreter's Python wrapper cannot read an output without elements: look at its shape. (The
    # compiled-model API gives that as [0, 0].)
    for shape in [(B, 9), (B0, 3, 2)]:
        yield Case("Where", "none", [Spec(shape)], lambda x: tf.shape(raw.Where(condition=x > 100.0)),
                   data_dependent=True)

    for shape in [(2, 5, 3), (B, 5, 3), (B0, 4), (), (U(2, 1), U(3, 5)), Unranked((2, 3), (4,))]:
        for dtype in ["float32", "int32"]:
            yield Case("ClipByValue", "scalars", [Spec(shape, dtype, (-9, 9))],
                       lambda x: raw.ClipByValue(t=x, clip_value_min=tf.constant(-2, x.dtype),
                                                 clip_value_max=tf.constant(3, x.dtype)))
    for dtype in ["float32", "float16", "int8", "int64", "uint8"]:
        yield Case("ClipByValue", "tensors", [Spec((4, 3), dtype, (0, 9)), Spec((4, 3), dtype, (1, 4)), Spec((4, 3), dtype, (4, 8))],
                   lambda x, a, b: raw.ClipByValue(t=x, clip_value_min=a, clip_value_max=b))


test_select = differential("select", cases())
