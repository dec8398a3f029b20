"""Cumsum and Cumprod."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, differential, masks, space


def cases():
    for p in space(axis=[0, 1, 2, -1, -2], exclusive=[False, True], reverse=[False, True]):
        for shape in masks((3, 4, 5), "kkk", "ukk"):
            yield Case("Cumsum", p.text(), [Spec(shape)],
                       lambda x, p=p: tf.cumsum(x, p.axis, p.exclusive, p.reverse))
            if p.axis != 0 or isinstance(shape[0], int):
                yield Case("Cumprod", p.text(), [Spec(shape)],
                           lambda x, p=p: tf.math.cumprod(x, p.axis, p.exclusive, p.reverse))
    for op, build in (("Cumsum", tf.cumsum), ("Cumprod", tf.math.cumprod)):
        for dtype in ("float16", "int8", "uint8", "int16", "int32", "int64"):
            yield Case(op, "axis=1", [Spec((B, 5), dtype)], lambda x, b=build: b(x, 1))
        yield Case(op, "axis=0", [Spec((7,))], lambda x, b=build: b(x, 0))
        yield Case(op, "axis=3", [Spec((B, 2, 3, 4, 2))], lambda x, b=build: b(x, 3))
        yield Case(op, "axis=1,empty", [Spec((B0, 4))], lambda x, b=build: b(x, 1))
        yield Case(op, "int64 axis", [Spec((B, 4))], lambda x, b=build: b(x, np.int64(1)))
    yield Case("Cumsum", "axis=1,unknown size", [Spec((B, U(3, 5)))], lambda x: tf.cumsum(x, 1))
    yield Case("Cumsum", "axis=2,rank 6", [Spec((2, 1, 3, 2, 1, 2))], lambda x: tf.cumsum(x, 2))


test_cumulative = differential("cumulative", cases())
