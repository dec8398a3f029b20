"""Concat, ConcatV2, Pack, ParallelConcat, ConcatOffset."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "uint16", "uint32", "int32", "int64", "bool"]


def cases():
    for axis in (0, 1, 2, -1, -3):
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk", "kuk", "kku"):
            yield Case("ConcatV2", f"axis={axis}", [Spec(shape), Spec(shape)],
                       lambda x, y, a=axis: tf.concat([x, y], a))
    yield Case("ConcatV2", "axis=1,sizes differ", [Spec((B, 3, 2)), Spec((B, 1, 2)), Spec((B, U(2, 4), 2))],
               lambda *x: tf.concat(x, 1))
    yield Case("ConcatV2", "axis=0,of vectors", [Spec((3,)), Spec((U(2, 4),))], lambda *x: tf.concat(x, 0))
    yield Case("ConcatV2", "axis=1,with a constant", [Spec((2, 3))],
               lambda x: tf.concat([x, np.ones((2, 2), np.float32)], 1))
    yield Case("ConcatV2", "axis=1,unknown and known", [Spec((B, 3)), Spec((U(1, 3), 2))],
               lambda x, y: tf.concat([x, y], 1))
    yield Case("ConcatV2", "axis=0,empty operand", [Spec((0, 3)), Spec((B, 3))], lambda *x: tf.concat(x, 0))
    yield Case("ConcatV2", "axis=0,batch of 0", [Spec((B0, 3)), Spec((B0, 3))], lambda *x: tf.concat(x, 0))
    yield Case("ConcatV2", "axis=-1,rank 5", [Spec((B, 2, 3, 2, 1)), Spec((B, 2, 3, 2, 4))],
               lambda *x: tf.concat(x, -1))
    yield Case("ConcatV2", "axis=3,rank 7", [Spec((2, 1, 2, 1, 2, 1, 2)), Spec((2, 1, 2, 3, 2, 1, 2))],
               lambda *x: tf.concat(x, 3))
    yield Case("ConcatV2", "axis=3,rank 7", [Spec((B, 1, 2, 1, 2, 1, 2)), Spec((B, 1, 2, 3, 2, 1, 2))],
               lambda *x: tf.concat(x, 3))
    yield Case("ConcatV2", "axis=1,seven", [Spec((B, 1 + i, 2)) for i in range(7)], lambda *x: tf.concat(x, 1))
    yield Case("ConcatV2", "axis=0,any rank", [Spec(Unranked((2, 3), (1, 3))), Spec((2, 3))],
               lambda *x: tf.concat(x, 0))
    yield Case("ConcatV2", "axis=0,twice the same", [Spec((B, 3))], lambda x: tf.concat([x, x], 0))
    yield Case("ConcatV2", "axis=0,int64 axis", [Spec((B, 3)), Spec((2, 3))],
               lambda x, y: tf.raw_ops.ConcatV2(values=[x, y], axis=np.int64(0)))
    for axis in (0, 1):
        yield Case("Concat", f"axis={axis}", [Spec((B, 3)), Spec((B, 3))],
                   lambda x, y, a=axis: tf.raw_ops.Concat(concat_dim=a, values=[x, y]))
        yield Case("Concat", f"axis={axis}", [Spec((2, 3)), Spec((2, 3))],
                   lambda x, y, a=axis: tf.raw_ops.Concat(concat_dim=a, values=[x, y]))
    for dtype in DTYPES:
        yield Case("ConcatV2", "axis=1", [Spec((B, 3, 2), dtype), Spec((B, 3, 2), dtype)],
                   lambda x, y: tf.concat([x, y], 1))
        yield Case("Pack", "axis=1,n=2", [Spec((B, 3), dtype), Spec((B, 3), dtype)],
                   lambda x, y: tf.stack([x, y], 1))

    for axis in (0, 1, 2, -1, -2):
        for shape in masks((2, 3), "kk", "uk", "uu"):
            yield Case("Pack", f"axis={axis},n=3", [Spec(shape), Spec(shape), Spec(shape)],
                       lambda *x, a=axis: tf.stack(x, a))
    yield Case("Pack", "axis=0,n=1", [Spec((B, 3))], lambda x: tf.raw_ops.Pack(values=[x], axis=0))
    yield Case("Pack", "axis=1,n=1", [Spec((B, U(2, 3)))], lambda x: tf.raw_ops.Pack(values=[x], axis=1))
    yield Case("Pack", "axis=0,of scalars", [Spec(()), Spec(())], lambda *x: tf.stack(x))
    yield Case("Pack", "axis=0,of scalars", [Spec((), "int32"), Spec((), "int32")], lambda *x: tf.stack(x))
    yield Case("Pack", "axis=2,rank 4", [Spec((B, 2, 3, 2)), Spec((B, 2, 3, 2))], lambda *x: tf.stack(x, 2))
    yield Case("Pack", "axis=0,batch of 0", [Spec((B0, 3)), Spec((B0, 3))], lambda *x: tf.stack(x))
    yield Case("Pack", "upsampling", [Spec((B, 2, 3, 2))], lambda x: tf.reshape(
        tf.stack([tf.stack([x, x], 3), tf.stack([x, x], 3)], 2), [-1, 4, 6, 2]))
    yield Case("ParallelConcat", "n=2", [Spec((3, 2)), Spec((3, 2))],
               lambda x, y: tf.raw_ops.ParallelConcat(values=[x[None], y[None]], shape=[2, 3, 2]))
    yield Case("ConcatOffset", "axis=1", [Spec((B, 3)), Spec((B, 2)), Spec((B, U(4, 1)))],
               lambda *x: tf.raw_ops.ConcatOffset(concat_dim=1, shape=[tf.shape(v) for v in x])[1:])


test_concat = differential("concat", cases())
