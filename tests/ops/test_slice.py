"""Slice and StridedSlice, with every mask."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "uint16", "uint32", "int32", "int64", "bool"]
NEW = tf.newaxis

# What is done to x of shape (4, 5, 6).
INDEXED = {
    "1:3": lambda x: x[1:3],
    ":,1:4": lambda x: x[:, 1:4],
    ":,:,::2": lambda x: x[:, :, ::2],
    "::-1": lambda x: x[::-1],
    ":,::-2": lambda x: x[:, ::-2],
    ":,4:1:-1": lambda x: x[:, 4:1:-1],
    ":,-3:-1": lambda x: x[:, -3:-1],
    ":,-3:": lambda x: x[:, -3:],
    ":,:-2": lambda x: x[:, :-2],
    ":,2:100": lambda x: x[:, 2:100],
    ":,-100:3": lambda x: x[:, -100:3],
    ":,1": lambda x: x[:, 1],
    ":,-1": lambda x: x[:, -1],
    ":,1,2": lambda x: x[:, 1, 2],
    ":,1:2,2": lambda x: x[:, 1:2, 2],
    "...,0": lambda x: x[..., 0],
    "...,1:3": lambda x: x[..., 1:3],
    ":,...,1": lambda x: x[:, ..., 1],
    ":,...,:2,1": lambda x: x[:, ..., :2, 1],
    "new": lambda x: x[NEW],
    "...,new": lambda x: x[..., NEW],
    ":,new": lambda x: x[:, NEW],
    ":,new,1:3": lambda x: x[:, NEW, 1:3],
    ":,new,...,new,2": lambda x: x[:, NEW, ..., NEW, 2],
    "new,:,1,new,::2": lambda x: x[NEW, :, 1, NEW, ::2],
    "...": lambda x: x[...],
    ":": lambda x: x[:],
    ":,3:1": lambda x: x[:, 3:1],
    ":,1:4:2,::3": lambda x: x[:, 1:4:2, ::3],
    ":,:,::-1": lambda x: x[:, :, ::-1],
    ":,::-1,::-1": lambda x: x[:, ::-1, ::-1],
}


def strided():
    for name, build in INDEXED.items():
        patterns = ["kkk", "ukk"] + (["uuu"] if name in (
            ":,1:4", "::-1", ":,-3:", ":,:-2", ":,1", ":,-1", "...,0", "...,new", ":,new", "...,1:3") else [])
        for shape in masks((4, 5, 6), *patterns):
            yield Case("StridedSlice", name, [Spec(shape)], build)
    for name in (":,1", "...,0", ":,::-2", ":,new"):
        yield Case("StridedSlice", name, [Spec((B0, 5, 6))], INDEXED[name])
        for dtype in DTYPES:
            yield Case("StridedSlice", name, [Spec((B, 5, 6), dtype)], INDEXED[name])
    for name in ("1:3", ":,1", "...,0", "...,new", "::-1"):
        yield Case("StridedSlice", name, [Spec(Unranked((4, 5, 6), (3, 4)))], INDEXED[name])
    yield Case("StridedSlice", "new", [Spec(())], lambda x: x[NEW])
    yield Case("StridedSlice", "1:-1", [Spec((7,))], lambda x: x[1:-1])
    yield Case("StridedSlice", "2", [Spec((7,))], lambda x: x[2])
    yield Case("StridedSlice", "rank 5", [Spec((B, 3, 4, 3, 2))], lambda x: x[:, 1:, ::2, :2, 0])
    yield Case("StridedSlice", "rank 6", [Spec((B, 3, 4, 3, 2, 2))], lambda x: x[:, 1:, ::2, :2, :, 0])
    yield Case("StridedSlice", "rank 7", [Spec((B, 3, 2, 3, 2, 2, 2))], lambda x: x[:, 1:, :, :2, :, 0, ::-1])
    yield Case("StridedSlice", "int64 bounds", [Spec((B, 5))], lambda x: tf.raw_ops.StridedSlice(
        input=x, begin=np.array([0, 1], np.int64), end=np.array([2**40, 2**62], np.int64),
        strides=np.array([1, 2], np.int64)))
    # At run time.
    index = Spec((), "int32", (0, 3))
    yield Case("StridedSlice", "i", [Spec((4, 5)), index], lambda x, i: x[i])
    yield Case("StridedSlice", ":,i", [Spec((B, 5, 2)), index], lambda x, i: x[:, i])
    yield Case("StridedSlice", ":,i+1", [Spec((B, 5, 2)), Spec((), "int64", (0, 3))], lambda x, i: x[:, i + 1])
    yield Case("StridedSlice", ":,-i-1", [Spec((B, 5, 2)), index], lambda x, i: x[:, -i - 1])
    yield Case("StridedSlice", ":,:n", [Spec((2, 5)), Spec((), "int32", (1, 3))], lambda x, n: x[:, :n],
               data_dependent=True)
    yield Case("StridedSlice", ":,n:", [Spec((B, 5)), Spec((), "int64", (1, 3))], lambda x, n: x[:, n:],
               data_dependent=True)
    yield Case("StridedSlice", "a window", [Spec((8, 5)), index],
               lambda x, i: tf.reshape(x[i:i + 3], (3, 5)) * 2)
    yield Case("StridedSlice", ":size", [Spec((B, 8)), Spec((B, U(4, 6)))], lambda x, y: x[:, :tf.shape(y)[1]])
    yield Case("StridedSlice", ":batch", [Spec((4, 8)), Spec((B, 2))], lambda x, y: x[:tf.shape(y)[0]])


def slices():
    for begin, size in [((0, 1, 2), (4, 2, 3)), ((1, 0, 0), (2, 5, 6)), ((0, 0, 0), (-1, -1, -1)),
                        ((1, 2, 3), (-1, -1, -1)), ((0, 4, 5), (4, 1, 1)), ((0, 1, 0), (-1, 3, -1)),
                        ((0, 0, 0), (4, 5, 6))]:
        name = f"{begin},{size}".replace(" ", "")
        yield Case("Slice", name, [Spec((4, 5, 6))], lambda x, b=begin, s=size: tf.slice(x, b, s))
    for begin, size in [((0, 1, 2), (-1, 2, 3)), ((0, 2, 0), (-1, -1, -1)), ((0, 0, 0), (1, 5, 6)),
                        ((0, 0, 0), (-1, -1, -1)), ((0, 1, 1), (1, -1, 2))]:
        name = f"{begin},{size}".replace(" ", "")
        for shape in masks((4, 5, 6), "ukk", "uuk"):
            yield Case("Slice", name, [Spec(shape)], lambda x, b=begin, s=size: tf.slice(x, b, s))
    yield Case("Slice", "1,3", [Spec((6,))], lambda x: tf.slice(x, [1], [3]))
    yield Case("Slice", "rank 5", [Spec((B, 3, 4, 3, 2))],
               lambda x: tf.slice(x, [0, 1, 0, 1, 0], [-1, 2, 3, -1, 1]))
    yield Case("Slice", "rank 7", [Spec((2, 1, 3, 2, 2, 2, 2))],
               lambda x: tf.slice(x, [0] * 6 + [1], [2, 1, 2, 1, 2, 1, 1]))
    yield Case("Slice", "int64", [Spec((B, 5))], lambda x: tf.slice(
        x, np.array([0, 1], np.int64), np.array([-1, 2], np.int64)))
    yield Case("Slice", "batch of 0", [Spec((B0, 5))], lambda x: tf.slice(x, [0, 1], [-1, 3]))
    for dtype in DTYPES:
        yield Case("Slice", "(0,1,2),(-1,2,3)", [Spec((B, 5, 6), dtype)],
                   lambda x: tf.slice(x, (0, 1, 2), (-1, 2, 3)))
    begin = Spec((2,), "int32", (0, 2))
    yield Case("Slice", "begin at run time", [Spec((5, 5)), begin], lambda x, b: tf.slice(x, b, [2, 3]))
    yield Case("Slice", "begin at run time", [Spec((5, 5)), Spec((2,), "int64", (0, 2))],
               lambda x, b: tf.slice(x, b, np.array([2, 3], np.int64)))
    yield Case("Slice", "begin at run time,to the end", [Spec((5, 5)), begin],
               lambda x, b: tf.slice(x, b, [-1, -1]), data_dependent=True)
    yield Case("Slice", "size at run time", [Spec((5, 5)), Spec((2,), "int32", (1, 3))],
               lambda x, s: tf.slice(x, [1, 2], s), data_dependent=True)
    yield Case("Slice", "size of another", [Spec((B, 8)), Spec((U(1, 3), U(4, 5)))],
               lambda x, y: tf.slice(x, [0, 1], tf.shape(y)))


def cases():
    yield from strided()
    yield from slices()


test_slice = differential("slice", cases())
