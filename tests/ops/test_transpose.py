"""Transpose, ConjugateTranspose, InvertPermutation."""
import itertools

import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks


def cases():
    for rank, shape in ((1, (4,)), (2, (2, 3)), (3, (2, 3, 4))):
        for perm in itertools.permutations(range(rank)):
            yield Case("Transpose", f"perm={perm}".replace(" ", ""), [Spec(shape)],
                       lambda x, p=perm: tf.raw_ops.Transpose(x=x, perm=np.array(p, np.int32)))
    for perm in ((0, 2, 3, 1), (0, 3, 1, 2), (3, 2, 1, 0), (1, 0, 2, 3), (0, 1, 3, 2), (2, 3, 0, 1)):
        for shape in masks((2, 5, 4, 3), "kkkk", "ukkk", "uuuk"):
            yield Case("Transpose", f"perm={perm}".replace(" ", ""), [Spec(shape)],
                       lambda x, p=perm: tf.transpose(x, p))
    for perm in ((4, 3, 2, 1, 0), (0, 2, 1, 4, 3), (1, 2, 3, 4, 0)):
        yield Case("Transpose", f"perm={perm}".replace(" ", ""), [Spec((B, 3, 2, 4, 2))],
                   lambda x, p=perm: tf.transpose(x, p))
    yield Case("Transpose", "rank 6", [Spec((2, 1, 3, 2, 2, 2))], lambda x: tf.transpose(x, (5, 3, 1, 0, 2, 4)))
    yield Case("Transpose", "rank 7", [Spec((2, 1, 3, 2, 1, 2, 2))],
               lambda x: tf.transpose(x, (5, 3, 1, 0, 2, 4, 6)))
    yield Case("Transpose", "negative axes", [Spec((B, 3, 4))],
               lambda x: tf.raw_ops.Transpose(x=x, perm=np.array([-3, -1, -2], np.int32)))
    yield Case("Transpose", "int64 perm", [Spec((B, 3, 4))],
               lambda x: tf.transpose(x, np.array([0, 2, 1], np.int64)))
    yield Case("Transpose", "scalar", [Spec(())], lambda x: tf.raw_ops.Transpose(x=x, perm=np.zeros(0, np.int32)))
    yield Case("Transpose", "empty", [Spec((B0, 3))], lambda x: tf.transpose(x, (1, 0)))
    yield Case("Transpose", "any rank", [Spec(Unranked((2, 3), (4, 1)))], lambda x: tf.transpose(x, (1, 0)))
    yield Case("Transpose", "perm of a known rank", [Spec((B, U(3, 5), 2))], tf.transpose)
    for dtype in ("float16", "int8", "uint8", "int16", "int32", "int64", "bool"):
        yield Case("Transpose", "perm=(0,2,3,1)", [Spec((B, 3, 4, 2), dtype)],
                   lambda x: tf.transpose(x, (0, 2, 3, 1)))
    for shape in ((3, 4), (B, 4)):
        yield Case("ConjugateTranspose", "perm=(1,0)", [Spec(shape)],
                   lambda x: tf.raw_ops.ConjugateTranspose(x=x, perm=[1, 0]))
    for dtype in ("int32", "int64"):
        yield Case("InvertPermutation", "", [Spec((5,), dtype, lambda rng, shape: rng.permutation(5))],
                   lambda x: tf.raw_ops.InvertPermutation(x=x))


test_transpose = differential("transpose", cases())
