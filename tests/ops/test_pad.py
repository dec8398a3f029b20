"""Pad, PadV2, MirrorPad."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "uint16", "uint32", "int32", "int64", "bool"]


def text(paddings):
    return ";".join(f"{a},{b}" for a, b in paddings)


def mirrored(mode, paddings):
    return lambda x: tf.raw_ops.MirrorPad(input=x, paddings=np.array(paddings, np.int32), mode=mode)


def cases():
    for paddings in ([(0, 0), (1, 2), (0, 0)], [(1, 0), (0, 1), (2, 2)], [(0, 0), (0, 0), (0, 3)],
                     [(0, 0), (0, 0), (0, 0)], [(0, 0), (2, 0), (0, 1)]):
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
            yield Case("Pad", text(paddings), [Spec(shape)], lambda x, p=paddings: tf.raw_ops.Pad(input=x, paddings=p))
            yield Case("PadV2", text(paddings), [Spec(shape)], lambda x, p=paddings: tf.raw_ops.PadV2(
                input=x, paddings=p, constant_values=np.float32(-1.5)))
    for value in (0.0, float("-inf"), 7.0):
        yield Case("PadV2", f"value={value}", [Spec((B, 3))], lambda x, v=value: tf.raw_ops.PadV2(
            input=x, paddings=[[0, 0], [1, 1]], constant_values=np.float32(v)))
    yield Case("PadV2", "value at run time", [Spec((B, 3)), Spec(())], lambda x, v: tf.raw_ops.PadV2(
        input=x, paddings=[[0, 0], [1, 2]], constant_values=v))
    for rank, p in ((1, [(1, 2)]), (2, [(1, 0), (0, 2)]), (4, [(0, 0), (1, 1), (2, 2), (0, 0)]),
                    (5, [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0)]),
                    (6, [(0, 0), (1, 0), (0, 0), (0, 1), (0, 0), (1, 2)]),
                    (7, [(0, 0), (1, 0), (0, 0), (0, 1), (0, 0), (0, 0), (1, 1)])):
        for first in (2, B):
            shape = (first, 3, 2, 3, 1, 2, 2)[:rank]
            yield Case("Pad", f"rank {rank}", [Spec(shape)], lambda x, p=p: tf.pad(x, p))
            yield Case("PadV2", f"rank {rank}", [Spec(shape)], lambda x, p=p: tf.pad(x, p, constant_values=2.5))
    for dtype in DTYPES:
        yield Case("Pad", "0,0;1,2", [Spec((B, 3), dtype)], lambda x: tf.raw_ops.Pad(input=x, paddings=[[0, 0], [1, 2]]))
        yield Case("PadV2", "0,0;1,2", [Spec((B, 3), dtype)], lambda x: tf.raw_ops.PadV2(
            input=x, paddings=[[0, 0], [1, 2]], constant_values=tf.ones((), x.dtype)))
    for dtype in DTYPES[:-1]:  # TensorFlow has no MirrorPad of uint16 and uint32
        if dtype not in ("uint16", "uint32"):
            yield Case("MirrorPad", "REFLECT,0,0;1,2", [Spec((B, 4), dtype)],
                       mirrored("REFLECT", [(0, 0), (1, 2)]))
    yield Case("Pad", "int64 paddings", [Spec((B, 3))],
               lambda x: tf.raw_ops.Pad(input=x, paddings=np.array([[0, 0], [1, 2]], np.int64)))
    yield Case("Pad", "batch of 0", [Spec((B0, 3))], lambda x: tf.pad(x, [[0, 0], [1, 1]]))
    yield Case("Pad", "any rank", [Spec(Unranked((2, 3), (1, 2)))], lambda x: tf.pad(x, [[1, 0], [0, 2]]))
    yield Case("Pad", "at run time", [Spec((2, 3)), Spec((2, 2), "int32", (0, 2))], tf.pad, data_dependent=True)
    yield Case("Pad", "at run time", [Spec((B, 3)), Spec((2, 2), "int64", (0, 2))], tf.pad, data_dependent=True)
    yield Case("PadV2", "at run time", [Spec((2, 3)), Spec((2, 2), "int32", (0, 2))],
               lambda x, p: tf.pad(x, p, constant_values=3.0), data_dependent=True)
    yield Case("Pad", "to a size", [Spec((B, U(3, 5)))], lambda x: tf.reshape(
        tf.pad(x, [[0, 0], [0, 6 - tf.shape(x)[1]]]), [-1, 6]) * 2, data_dependent=True)
    for mode in ("REFLECT", "SYMMETRIC"):
        for paddings in ([(0, 0), (1, 2), (0, 0)], [(1, 0), (2, 2), (3, 1)], [(0, 0), (0, 0), (0, 0)]):
            for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
                if not isinstance(shape[0], int) and paddings[0] != (0, 0):
                    continue
                yield Case("MirrorPad", f"{mode},{text(paddings)}", [Spec(shape)], mirrored(mode, paddings))
        yield Case("MirrorPad", f"{mode},image", [Spec((B, 5, 4, 3))],
                   mirrored(mode, [(0, 0), (2, 1), (1, 3), (0, 0)]))
        yield Case("MirrorPad", f"{mode},rank 5", [Spec((B, 3, 2, 4, 2))],
                   mirrored(mode, [(0, 0), (2, 1), (1, 1), (0, 0), (1, 0)]))
        yield Case("MirrorPad", f"{mode},vector", [Spec((5,))], mirrored(mode, [(2, 3)]))
    yield Case("MirrorPad", "SYMMETRIC,at run time", [Spec((3, 4)), Spec((2, 2), "int32", (0, 2))],
               lambda x, p: tf.pad(x, p, "SYMMETRIC"), data_dependent=True)


test_pad = differential("pad", cases())
