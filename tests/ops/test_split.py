"""Split, SplitV, Unpack."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "uint16", "uint32", "int32", "int64", "bool"]


def cases():
    for axis in (0, 1, 2, -1, -2):
        for shape in masks((4, 6, 2), "kkk", "kuk", "kku"):
            unknown = not isinstance(shape[axis], int)
            if not unknown:
                yield Case("Split", f"axis={axis},n=2", [Spec(shape)],
                           lambda x, a=axis: tf.split(x, 2, a))
    for axis in (1, 2, -1):
        yield Case("Split", f"axis={axis},n=2", [Spec((B, 6, 2))], lambda x, a=axis: tf.split(x, 2, a))
    yield Case("Split", "axis=1,n=3,unknown axis", [Spec((2, U(6, 3)))], lambda x: tf.split(x, 3, 1))
    yield Case("Split", "axis=0,n=2,unknown axis", [Spec((U(2, 4), 3))], lambda x: tf.split(x, 2, 0))
    yield Case("Split", "axis=1,n=1", [Spec((B, 3))], lambda x: tf.raw_ops.Split(axis=1, value=x, num_split=1))
    yield Case("Split", "axis=3,n=4", [Spec((B, 2, 3, 8))], lambda x: tf.split(x, 4, 3))
    yield Case("Split", "axis=1,n=5", [Spec((B0, 5))], lambda x: tf.split(x, 5, 1))
    yield Case("Split", "axis=2,rank 7", [Spec((2, 1, 4, 1, 2, 1, 2))], lambda x: tf.split(x, 2, 2))
    yield Case("Split", "axis=-1,any rank", [Spec(Unranked((2, 4), (3, 2, 2)))], lambda x: tf.raw_ops.Split(
        axis=-1, value=x, num_split=2))
    for dtype in DTYPES:
        yield Case("Split", "axis=1,n=2", [Spec((B, 4), dtype)], lambda x: tf.split(x, 2, 1))
        yield Case("SplitV", "axis=1,sizes=3,1", [Spec((B, 4), dtype)], lambda x: tf.split(x, [3, 1], 1))
        yield Case("Unpack", "axis=1", [Spec((B, 3), dtype)], lambda x: tf.unstack(x, 3, 1))
        yield Case("Unpack", "axis=0", [Spec((2, 3), dtype)], lambda x: tf.unstack(x, 2, 0))

    for sizes in ([1, 4], [2, -1], [-1, 1, 1], [1, 1, 1, 2], [0, 5], [5]):
        name = "sizes=" + ",".join(map(str, sizes))
        for shape in masks((2, 5, 3), "kkk", "ukk", "ukU".lower()):
            yield Case("SplitV", f"axis=1,{name}", [Spec(shape)], lambda x, s=sizes: tf.raw_ops.SplitV(
                value=x, size_splits=s, axis=1, num_split=len(s)))
    yield Case("SplitV", "axis=-1,sizes=2,3", [Spec((B, 2, 5))], lambda x: tf.split(x, [2, 3], -1))
    yield Case("SplitV", "axis=0,sizes=1,2", [Spec((3, 2))], lambda x: tf.split(x, [1, 2], 0))
    yield Case("SplitV", "axis=1,sizes=2,-1,unknown axis", [Spec((2, U(5, 3)))],
               lambda x: tf.raw_ops.SplitV(value=x, size_splits=[2, -1], axis=1, num_split=2))
    yield Case("SplitV", "axis=1,int64 sizes", [Spec((B, 5))],
               lambda x: tf.raw_ops.SplitV(value=x, size_splits=np.array([2, 3], np.int64), axis=1, num_split=2))

    for axis in (0, 1, 2, -1, -3):
        yield Case("Unpack", f"axis={axis}", [Spec((2, 3, 4))], lambda x, a=axis: tf.unstack(x, axis=a))
    for axis in (1, 2, -1, -2):
        for shape in ((B, 3, 4), (B0, 3, 4)):
            yield Case("Unpack", f"axis={axis}", [Spec(shape)], lambda x, a=axis: tf.unstack(x, axis=a),
                       note="empty" if shape[0] is B0 else "")
    yield Case("Unpack", "axis=2", [Spec((U(2, 3), U(4, 5), 3))], lambda x: tf.unstack(x, axis=2))
    yield Case("Unpack", "axis=0", [Spec((3,))], lambda x: tf.unstack(x))
    yield Case("Unpack", "axis=0,of a shape", [Spec((B, U(2, 4), 3))],
               lambda x: tf.reshape(x, [tf.unstack(tf.shape(x))[0], -1]))
    yield Case("Unpack", "axis=0,any rank", [Spec(Unranked((2, 3), (2, 2, 1)))], lambda x: tf.unstack(x, 2, 0))
    yield Case("Unpack", "axis=-1,any rank", [Spec(Unranked((2, 3), (2, 2, 3)))], lambda x: tf.unstack(x, 3, -1))
    yield Case("Unpack", "axis=-2,any rank", [Spec(Unranked((2, 3), (2, 2, 1)))], lambda x: tf.unstack(x, 2, -2))


test_split = differential("split", cases())
