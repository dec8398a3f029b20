"""Reshape, Squeeze and ExpandDims."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "int32", "int64", "bool"]


def constant_targets():
    # shape of the operand, target
    for shape, target in [
            ((2, 6), (3, 4)), ((2, 6), (-1,)), ((2, 6), (2, -1, 3)), ((12,), (3, 4)), ((), (1, 1)),
            ((1, 1), ()), ((2, 3, 4, 5), (6, 20)), ((2, 3, 4, 5), (2, 1, 12, 1, 5)),
            ((B, 10, 10, 4), (-1, 100, 4)), ((B, 10, 10, 4), (-1, 400)), ((B, 4), (-1, 2, 2)),
            ((B0, 6), (-1, 3, 2)), ((B, 5, U(2, 4)), (-1, 5)), ((3, U(4, 7), 2), (6, -1)),
            ((B, 1, 1, 7), (-1, 7)), ((B, 7), (-1, 1, 1, 7)), ((B, 6), (-1,)), ((U(2, 4), U(3, 6)), (-1, 3)),
            ((2, 2, 2, 2, 2, 2), (4, 4, 4)), ((4, 4, 4), (2, 2, 2, 2, 2, 2)), ((2, 0, 3), (0, 6)),
            (Unranked((2, 6), (12,)), (3, -1)), (Unranked((4,), (2, 2)), (2, 2)),
            ((U(0, 2), 3), (-1, 3)), ((B, 2, 3, 2, 3), (-1, 6, 6))]:
        name = "target=" + "x".join(map(str, target))
        yield Case("Reshape", name, [Spec(shape)], lambda x, t=target: tf.reshape(x, t))
    for dtype in DTYPES:
        yield Case("Reshape", "target=-1x6", [Spec((B, 2, 3), dtype)], lambda x: tf.reshape(x, (-1, 6)))
    yield Case("Reshape", "int64 target", [Spec((B, 2, 3))], lambda x: tf.reshape(x, np.array([-1, 6], np.int64)))


def computed_targets():
    def add(name, shape, build, **more):
        return Case("Reshape", name, [Spec(shape)], build, **more)

    yield add("[batch, -1]", (B, 3, 4), lambda x: tf.reshape(x, [tf.shape(x)[0], -1]))
    yield add("[batch, -1, 4]", (B, 5, 3, 4), lambda x: tf.reshape(x, [tf.shape(x)[0], -1, 4]))
    yield add("[-1, h, 2]", (B, U(3, 5), 2), lambda x: tf.reshape(x, [-1, tf.shape(x)[1], 2]))
    yield add("[batch, h, w*c]", (B, U(3, 5), U(2, 4), 2), lambda x: tf.reshape(
        x, tf.stack([tf.shape(x)[0], tf.shape(x)[1], tf.shape(x)[2] * tf.shape(x)[3]])))
    yield add("[batch*h, c]", (B, U(3, 5), 2), lambda x: tf.reshape(
        x, tf.stack([tf.shape(x)[0] * tf.shape(x)[1], 2])))
    yield add("concat of shapes", (B, U(3, 5), 2), lambda x: tf.reshape(
        x, tf.concat([tf.shape(x)[:2], [1, 2]], 0)))
    yield add("own shape", (B, U(3, 5), 2), lambda x: tf.reshape(x, tf.shape(x)))
    yield add("reversed shape", (U(2, 4), U(3, 5)), lambda x: tf.reshape(x, tf.reverse(tf.shape(x), [0])))
    yield add("own shape, any rank", Unranked((2, 3), (4,)), lambda x: tf.reshape(x, tf.shape(x)))
    yield add("int64 shape", (B, U(3, 5), 2), lambda x: tf.reshape(
        x, tf.concat([tf.shape(x, out_type=tf.int64)[:1], [-1]], 0)))
    yield Case("Reshape", "like another", [Spec((B, U(4, 6))), Spec((B, U(2, 3), 2))],
               lambda x, y: tf.reshape(x, tf.shape(y)))
    yield Case("Reshape", "back and forth", [Spec((B, 3, U(4, 6), 2))],
               lambda x: tf.reshape(tf.reshape(x, [-1, 2]) * 2, tf.shape(x)))


def squeezes():
    for shape, axes in [
            ((1, 3, 1, 4), None), ((1, 3, 1, 4), (0,)), ((1, 3, 1, 4), (2,)), ((1, 3, 1, 4), (0, 2)),
            ((1, 3, 1, 4), (-2,)), ((1, 3, 1, 4), (-4, -2)), ((B, 1, 1, 5), (1, 2)), ((B, 1, 1, 5), (-2, -3)),
            ((B, U(3, 5), 1), (2,)), ((B, U(3, 5), 1), (-1,)), ((B0, 1, 4), (1,)), ((1, 1), None), ((3,), None),
            ((U(1), 3), (0,)), ((1, 2, 1, 3, 1, 2), None), (Unranked((1, 3), (1, 2, 2)), (0,)),
            (Unranked((3, 1), (2, 2, 1)), (-1,))]:
        yield Case("Squeeze", f"axes={axes or 'all'}".replace(" ", ""), [Spec(shape)],
                   lambda x, a=axes: tf.squeeze(x, a))
    for dtype in DTYPES:
        yield Case("Squeeze", "axes=(1,)", [Spec((B, 1, 4), dtype)], lambda x: tf.squeeze(x, [1]))


def expansions():
    for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
        for axis in (0, 1, 3, -1, -2, -4):
            yield Case("ExpandDims", f"axis={axis}", [Spec(shape)], lambda x, a=axis: tf.expand_dims(x, a))
    yield Case("ExpandDims", "axis=0", [Spec(())], lambda x: tf.expand_dims(x, 0))
    yield Case("ExpandDims", "axis=0", [Spec((B0, 3))], lambda x: tf.expand_dims(x, 0))
    yield Case("ExpandDims", "axis=-1", [Spec(Unranked((3,), (2, 2)))], lambda x: tf.expand_dims(x, -1))
    yield Case("ExpandDims", "axis=2", [Spec((2, 1, 2, 3, 2))], lambda x: tf.expand_dims(x, 2))
    for dtype in DTYPES:
        yield Case("ExpandDims", "axis=1", [Spec((B, 4), dtype)], lambda x: tf.expand_dims(x, 1))


def cases():
    yield from constant_targets()
    yield from computed_targets()
    yield from squeezes()
    yield from expansions()


test_reshape = differential("reshape", cases())
