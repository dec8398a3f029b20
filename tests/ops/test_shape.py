"""What tells shapes, and broadcasting to a shape."""
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

INTS = {"int32": tf.int32, "int64": tf.int64}


def cases():
    for name, dtype in INTS.items():
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk", "uuu"):
            yield Case("Shape", name, [Spec(shape)], lambda x, d=dtype: tf.raw_ops.Shape(input=x, out_type=d))
        yield Case("Shape", name, [Spec((B0, 3))], lambda x, d=dtype: tf.raw_ops.Shape(input=x, out_type=d))
        yield Case("Shape", name, [Spec(Unranked((2, 3), (4,)))],
                   lambda x, d=dtype: tf.raw_ops.Shape(input=x, out_type=d))
        yield Case("Size", name, [Spec((2, 3))], lambda x, d=dtype: tf.raw_ops.Size(input=x, out_type=d))
        for shape in ((B, 3), (B, U(2, 4), 3), (U(2, 5),)):
            yield Case("Size", name, [Spec(shape)], lambda x, d=dtype: tf.raw_ops.Size(input=x, out_type=d))
        yield Case("Size", name, [Spec(Unranked((2, 3), (4,)))],
                   lambda x, d=dtype: tf.raw_ops.Size(input=x, out_type=d))
        yield Case("ShapeN", name, [Spec((B, 3)), Spec((2, U(4, 5)))],
                   lambda x, y, d=dtype: tf.raw_ops.ShapeN(input=[x, y], out_type=d))
        yield Case("ShapeN", name, [Spec((2, 3)), Spec((B, 2, 2)), Spec((4,))],
                   lambda x, y, z, d=dtype: tf.raw_ops.ShapeN(input=[x, y, z], out_type=d))
    for shape in ((), (3,), (B, 2), (B, 2, 1, 3, 2)):
        yield Case("Rank", "", [Spec(shape)], lambda x: tf.raw_ops.Rank(input=x) + 1)
    yield Case("Rank", "", [Spec(Unranked((2, 3), (4,)))], lambda x: tf.raw_ops.Rank(input=x))
    # Arithmetic with shapes.
    yield Case("Size", "mean by size", [Spec((B, U(2, 4), 3))],
               lambda x: tf.reduce_sum(x) / tf.cast(tf.size(x), tf.float32))
    yield Case("Shape", "half of the height", [Spec((B, U(4, 8), 3))],
               lambda x: x[:, :tf.shape(x)[1] // 2], data_dependent=True)
    yield Case("Shape", "last", [Spec((B, U(4, 8)))], lambda x: tf.shape(x)[-1] * 2)
    yield Case("Shape", "dtypes", [Spec((B, 3), "uint8")], lambda x: tf.shape(x))
    yield Case("Shape", "dtypes", [Spec((B, 3), "bool")], lambda x: tf.shape(x))

    targets = [((3,), (2, 3)), ((1, 3), (2, 3)), ((), (2, 2)), ((2, 1, 3), (2, 4, 3)), ((B, 1), (3, 4)),
               ((2, 1, 1), (2, 3, 4)), ((1, 1, 1, 1, 1), (2, 1, 3, 1, 2)), ((3,), (2, 1, 2, 1, 3)),
               ((1, U(3), 1), (2, 3, 2))]
    for shape, target in targets:
        name = "to=" + "x".join(map(str, target))
        yield Case("BroadcastTo", name, [Spec(shape)], lambda x, t=target: tf.broadcast_to(x, t))
    for dtype in ("float16", "int8", "uint8", "int16", "int32", "int64", "bool"):
        yield Case("BroadcastTo", "to=2x3", [Spec((1, 3), dtype)], lambda x: tf.broadcast_to(x, (2, 3)))
    yield Case("BroadcastTo", "like another", [Spec((1, 3)), Spec((B, 3))],
               lambda x, y: tf.broadcast_to(x, tf.shape(y)))
    yield Case("BroadcastTo", "[batch, 4, 3]", [Spec((B, 1, 3))],
               lambda x: tf.broadcast_to(x, [tf.shape(x)[0], 4, 3]))
    yield Case("BroadcastTo", "int64 target", [Spec((1, 3)), Spec((B, 3))],
               lambda x, y: tf.broadcast_to(x, tf.shape(y, out_type=tf.int64)))
    yield Case("BroadcastTo", "like another, any rank", [Spec((3,)), Spec(Unranked((2, 3), (2, 2, 3)))],
               lambda x, y: tf.broadcast_to(x, tf.shape(y)))
    yield Case("BroadcastArgs", "", [Spec((B, 1)), Spec((1, U(3, 4)))],
               lambda x, y: tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y)))
    yield Case("BroadcastArgs", "ranks differ", [Spec((B, 2, 1)), Spec((U(3, 4),))],
               lambda x, y: tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y)))
    yield Case("BroadcastArgs", "used", [Spec((B, 1)), Spec((1, U(3, 4)))], lambda x, y: tf.broadcast_to(
        x, tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y))))


test_shape = differential("shape", cases())
