"""Conversions between dtypes."""
import itertools

import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

raw = tf.raw_ops
DTYPES = ["float32", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "bool"]
# A pair of dtypes is the attribute class of these ops (SrcT, DstT; T, type).
SHAPES = [(B, 4, 3), (2, 3)]


def positive(rng, shape):
    return rng.integers(0, 100, shape) + rng.choice([0, 0.5, 0.25], shape)


def negative(rng, shape):
    return rng.integers(-100, 100, shape)


def fractions(rng, shape):
    return rng.uniform(-9, 9, shape)


def values(source, target):
    if np.dtype(source).kind == "f":
        return positive if np.dtype(target).kind == "u" else fractions
    return positive if np.dtype(source).kind == "u" else None if source == "bool" else negative


def cast(target, truncate=False):
    return lambda x: raw.Cast(x=x, DstT=tf.as_dtype(target), Truncate=truncate)


def cases():
    for source, target in itertools.permutations(DTYPES, 2):
        yield Case("Cast", f"{source}->{target}", [Spec((B, 4, 3), source, values(source, target))], cast(target))
    for shape in [*masks((2, 5, 4, 3), "kkkk", "uuuk"), (B0, 3), (), (2, 1, 3, 1, 2), Unranked((2, 3), (4,))]:
        yield Case("Cast", "float32->int32", [Spec(shape, values=fractions)], cast("int32"))
        yield Case("Cast", "int32->float32", [Spec(shape, "int32")], cast("float32"))
        yield Case("Cast", "bool->float32", [Spec(shape, "bool")], cast("float32"))
    for dtype in ["float32", "int32", "uint8"]:
        yield Case("Cast", "same", [Spec((B, 3), dtype)], cast(dtype))
    # Through types that only exist inside a graph.
    for through in ["float64", "bfloat16", "complex64"]:
        yield Case("Cast", f"through={through}", [Spec((B, 5))],
                   lambda x, t=through: cast("float32")(cast(t)(x)))
    for through in ["float16", "bfloat16"]:
        yield Case("Cast", f"through={through},Truncate", [Spec((B, 5))],
                   lambda x, t=through: cast("float32")(cast(t, True)(x)))
    yield Case("Cast", "through=uint64", [Spec((B, 5), "int32", positive)],
               lambda x: cast("int32")(cast("uint64")(x)))
    yield Case("Cast", "shape", [Spec((B, U(4, 6), 3))],
               lambda x: tf.reduce_sum(tf.ones(tf.cast(tf.cast(tf.shape(x), "int64"), "int32"))))

    for source, target in itertools.product(DTYPES[:-1], DTYPES[:-1]):
        wide, narrow = np.dtype(source).itemsize, np.dtype(target).itemsize
        if source == target:
            continue
        shape = (B, 4, 3) if wide >= narrow else (B, 4, narrow // wide)
        limits = (1, 2) if np.dtype(target).kind == "f" or np.dtype(source).kind == "f" else None
        if np.dtype(target).kind == "f":  # bits of ordinary numbers, not of a NaN
            def limits(rng, shape, s=source, t=target):
                count = int(np.prod(shape)) * np.dtype(s).itemsize // np.dtype(t).itemsize
                return rng.uniform(1, 2, count).astype(t).view(s).reshape(shape)
        yield Case("Bitcast", f"{source}->{target}", [Spec(shape, source, limits)],
                   lambda x, t=target: tf.bitcast(x, t))


test_cast = differential("cast", cases())
