"""Reverse, ReverseV2, ReverseSequence, Roll."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "int32", "int64", "bool"]


def cases():
    for axes in ([0], [1], [2], [-1], [0, 1], [1, 2], [0, 2], [0, 1, 2], [-1, -3]):
        name = "axes=" + ",".join(map(str, axes))
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
            yield Case("ReverseV2", name, [Spec(shape)], lambda x, a=axes: tf.reverse(x, a))
    for flags in ([True, False, True], [False, True, False], [False, False, False]):
        name = "dims=" + "".join("r" if f else "-" for f in flags)
        for shape in ((2, 3, 4), (B, 3, 4)):
            yield Case("Reverse", name, [Spec(shape)], lambda x, f=flags: tf.raw_ops.Reverse(tensor=x, dims=f))
    yield Case("ReverseV2", "axes=none", [Spec((B, 3))], lambda x: tf.raw_ops.ReverseV2(
        tensor=x, axis=np.zeros(0, np.int32)))
    yield Case("ReverseV2", "axes=1,3", [Spec((B, 3, 2, 4, 2))], lambda x: tf.reverse(x, [1, 3]))
    yield Case("ReverseV2", "axes=0", [Spec((5,))], lambda x: tf.reverse(x, [0]))
    yield Case("ReverseV2", "int64 axes", [Spec((B, 3))], lambda x: tf.reverse(x, np.array([1], np.int64)))
    yield Case("ReverseV2", "axes=1,empty", [Spec((B0, 3))], lambda x: tf.reverse(x, [1]))
    yield Case("ReverseV2", "of a shape", [Spec((U(2, 4), U(3, 5)))],
               lambda x: tf.reshape(x, tf.reverse(tf.shape(x), [0])))
    for dtype in DTYPES:
        yield Case("ReverseV2", "axes=0,2", [Spec((B, 3, 2), dtype)], lambda x: tf.reverse(x, [0, 2]))

    def sequence(seq, batch, n):
        return lambda x, lengths: tf.reverse_sequence(x, lengths, seq_axis=seq, batch_axis=batch)

    for shape, seq, batch in (((2, 5), 1, 0), ((5, 2), 0, 1), ((2, 5, 3), 1, 0), ((2, 3, 5), 2, 0),
                              ((3, 2, 5), 2, 1), ((2, 5, 3, 2), 1, 0)):
        n = shape[seq]
        yield Case("ReverseSequence", f"seq={seq},batch={batch}",
                   [Spec(shape), Spec((shape[batch],), "int32", (0, n))], sequence(seq, batch, n))
        unknown = tuple(U(1, 3) if i == batch else d for i, d in enumerate(shape))
        yield Case("ReverseSequence", f"seq={seq},batch={batch}",
                   [Spec(unknown), Spec((U(1, 3),), "int64", (0, n))], sequence(seq, batch, n))
    for dtype in DTYPES:
        if dtype != "float16":
            yield Case("ReverseSequence", "seq=1,batch=0", [Spec((2, 5), dtype), Spec((2,), "int32", (0, 5))],
                       sequence(1, 0, 5))

    for shift, axis in (([1], [0]), ([2], [1]), ([-1], [2]), ([1, 2], [0, 2]), ([7], [1]), ([-9], [0]),
                        ([1, 1], [1, 1]), ([0], [1]), ([1], [-1])):
        name = f"shift={','.join(map(str, shift))},axis={','.join(map(str, axis))}"
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
            yield Case("Roll", name, [Spec(shape)], lambda x, s=shift, a=axis: tf.roll(x, s, a))
    yield Case("Roll", "scalar shift", [Spec((6,))], lambda x: tf.roll(x, 2, 0))
    yield Case("Roll", "batch of 0", [Spec((B0, 3))], lambda x: tf.roll(x, [1], [0]))
    for dtype in DTYPES:
        yield Case("Roll", "shift=2,axis=1", [Spec((B, 3, 4), dtype)], lambda x: tf.roll(x, [2], [1]))


test_reverse = differential("reverse", cases())
