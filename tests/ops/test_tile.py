"""Tile and what is made of it."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks


def cases():
    for multiples in ((2, 1, 1), (1, 3, 1), (1, 1, 2), (2, 2, 2), (1, 1, 1), (3, 1, 2)):
        for shape in masks((2, 3, 4), "kkk", "ukk", "uuk"):
            yield Case("Tile", f"multiples={multiples}".replace(" ", ""), [Spec(shape)],
                       lambda x, m=multiples: tf.tile(x, m))
    yield Case("Tile", "multiples=3", [Spec((4,))], lambda x: tf.tile(x, [3]))
    yield Case("Tile", "scalar", [Spec(())], lambda x: tf.tile(x, np.zeros(0, np.int32)))
    yield Case("Tile", "rank 5", [Spec((B, 2, 1, 3, 2))], lambda x: tf.tile(x, [1, 2, 3, 1, 2]))
    yield Case("Tile", "rank 6", [Spec((B, 2, 1, 3, 2, 1))], lambda x: tf.tile(x, [1, 2, 3, 1, 2, 2]))
    yield Case("Tile", "int64 multiples", [Spec((B, 3))], lambda x: tf.tile(x, np.array([1, 2], np.int64)))
    yield Case("Tile", "batch of 0", [Spec((B0, 3))], lambda x: tf.tile(x, [1, 2]))
    yield Case("Tile", "any rank", [Spec(Unranked((2, 3), (1, 2)))], lambda x: tf.tile(x, [2, 1]))
    yield Case("Tile", "multiples=0", [Spec((2, 3))], lambda x: tf.concat([tf.tile(x, [0, 1]), x], 0))
    for dtype in ("float16", "int8", "uint8", "int16", "int32", "int64", "bool"):
        yield Case("Tile", "multiples=(1,3,1)", [Spec((B, 3, 4), dtype)], lambda x: tf.tile(x, (1, 3, 1)))
    yield Case("Tile", "to a batch", [Spec((1, 4)), Spec((B, 2))], lambda x, y: tf.tile(x, [tf.shape(y)[0], 1]))
    yield Case("Tile", "at run time", [Spec((2, 3)), Spec((2,), "int32", (1, 3))], tf.tile, data_dependent=True)
    yield Case("Tile", "at run time", [Spec((2, 3)), Spec((2,), "int64", (1, 3))], tf.tile, data_dependent=True)
    for shape in ((2, 3), (B, 3)):
        yield Case("Tile", "repeat,axis=0", [Spec(shape)],
                   lambda x: tf.reshape(tf.tile(x[:, None], [1, 3, 1]), [-1, 3]))
        yield Case("Tile", "repeat,axis=1", [Spec(shape)],
                   lambda x: tf.reshape(tf.tile(x[:, :, None], [1, 1, 3]), [-1, 9]))
    yield Case("Tile", "upsampling", [Spec((B, 2, 3, 2))], lambda x: tf.reshape(
        tf.tile(x[:, :, None, :, None], [1, 1, 2, 1, 2, 1]), [-1, 4, 6, 2]))


test_tile = differential("tile", cases())
