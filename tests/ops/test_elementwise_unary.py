"""Element-wise ops of one operand."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

INTEGERS = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32"]
raw = tf.raw_ops

# op -> (build, the range of its operand, dtypes beyond float32)
OPS = {
    "Abs": (tf.abs, None, ["float16", *INTEGERS]),
    "Acos": (tf.acos, (-1, 1), []),
    "Acosh": (tf.acosh, (1, 30), []),
    "Asin": (tf.asin, (-1, 1), []),
    "Asinh": (tf.asinh, (-30, 30), []),
    "Atan": (tf.atan, (-9, 9), []),
    "Atanh": (tf.atanh, (-0.99, 0.99), []),
    "Ceil": (tf.math.ceil, (-9, 9), ["float16"]),
    "Cos": (tf.cos, (-6, 6), ["float16"]),
    "Cosh": (tf.cosh, (-6, 6), []),
    "Erf": (tf.math.erf, (-5, 5), ["float16"]),
    "Erfc": (tf.math.erfc, (-5, 5), ["float16"]),
    "Exp": (tf.exp, (-3, 3), ["float16"]),
    "Expm1": (tf.math.expm1, (-3, 3), ["float16"]),
    "Floor": (tf.floor, (-9, 9), ["float16"]),
    "Inv": (lambda x: raw.Inv(x=x), (1, 9), ["float16"]),
    "Invert": (tf.bitwise.invert, None, [*INTEGERS, *UNSIGNED]),
    "Log": (tf.math.log, (0.1, 9), ["float16"]),
    "Log1p": (tf.math.log1p, (-0.9, 9), ["float16"]),
    "LogicalNot": (tf.logical_not, None, []),
    "Neg": (tf.negative, None, ["float16", *INTEGERS]),
    "Reciprocal": (tf.math.reciprocal, (1, 9), ["float16"]),
    "Rint": (tf.math.rint, (-9, 9), []),
    "Round": (lambda x: raw.Round(x=x), (-9, 9), ["float16"]),
    "Rsqrt": (tf.math.rsqrt, (0.1, 9), ["float16"]),
    "Sigmoid": (tf.sigmoid, (-6, 6), ["float16"]),
    "Sign": (tf.sign, None, ["float16", *INTEGERS]),
    "Sin": (tf.sin, (-6, 6), ["float16"]),
    "Sinh": (tf.sinh, (-6, 6), []),
    "Sqrt": (tf.sqrt, (0, 9), ["float16"]),
    "Square": (tf.square, None, ["float16", *INTEGERS, "uint8"]),
    "Tan": (tf.tan, (-1.4, 1.4), []),
    "Tanh": (tf.tanh, (-4, 4), ["float16"]),
    "IsFinite": (tf.math.is_finite, None, ["float16"]),
    "IsInf": (tf.math.is_inf, None, ["float16"]),
    "IsNan": (tf.math.is_nan, None, ["float16"]),
}
FIRST_DTYPE = {"Invert": "int32", "LogicalNot": "bool"}


def halves(rng, shape):
    return rng.integers(-20, 20, shape) / 2


def odd(rng, shape):
    return rng.choice([0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan], shape)


def whole_range(dtype):
    info = np.iinfo(dtype)
    return lambda rng, shape: rng.choice([info.min, info.max, 0, 1, info.min + 1, 77], shape)


def tiny(rng, shape):
    return rng.uniform(-1e-4, 1e-4, shape)


def wide(rng, shape):
    return rng.choice([-1, 1], shape) * 10.0 ** rng.uniform(-6, 12, shape)


def cases():
    for op, (build, values, dtypes) in OPS.items():
        first = FIRST_DTYPE.get(op, "float32")
        for shape in masks((2, 5, 4, 3), "kkkk", "ukkk", "uuuk"):
            yield Case(op, "", [Spec(shape, first, values)], build)
        for shape in [(B0, 7), (), (2, 1, 3, 1, 2), Unranked((2, 3), (4,), ())]:
            yield Case(op, "", [Spec(shape, first, values)], build)
        for dtype in dtypes:
            limits = values if np.dtype(dtype).kind == "f" else None
            yield Case(op, "", [Spec((U(2, 1), 6), dtype, limits)], build)
    # Values where an op could go wrong.
    for op in ["Round", "Rint", "Floor", "Ceil"]:
        yield Case(op, "", [Spec((40,), values=halves)], OPS[op][0], note="halves")
    for op in ["IsNan", "IsInf", "IsFinite", "Abs", "Neg"]:
        yield Case(op, "", [Spec((B, 30), values=odd)], OPS[op][0], note="infinities,NaN")
    for op in ["Log1p", "Expm1", "Sinh", "Asinh", "Atanh", "Erf", "Tan", "Asin"]:
        yield Case(op, "", [Spec((50,), values=tiny)], OPS[op][0], note="tiny")
    for op in ["Asinh", "Atan", "Erf", "Sigmoid", "Tanh"]:
        yield Case(op, "", [Spec((50,), values=wide)], OPS[op][0], note="wide")
    yield Case("Erfc", "", [Spec((50,), values=(2, 6))], tf.math.erfc, note="tail")
    yield Case("Acosh", "", [Spec((50,), values=(1, 1.0001))], tf.acosh, note="near1")
    yield Case("Cosh", "", [Spec((50,), values=(80, 88))], tf.cosh, note="large")
    yield Case("Sinh", "", [Spec((50,), values=(-88, -80))], tf.sinh, note="large")
    for dtype in INTEGERS:
        for op in ["Abs", "Neg", "Square", "Sign", "Invert"]:
            yield Case(op, "", [Spec((3, 8), dtype, whole_range(dtype))], OPS[op][0], note="extremes")
    for dtype in UNSIGNED:
        yield Case("Invert", "", [Spec((3, 8), dtype, whole_range(dtype))], tf.bitwise.invert, note="extremes")
    # Complex tensors come from real ones: the two runtimes take no complex inputs.
    for shape in masks((2, 5, 3), "kkk", "ukk"):
        pair = [Spec(shape), Spec(shape)]
        yield Case("Real", "", pair, lambda a, b: tf.math.real(tf.cast(a, "complex64")) + b)
        yield Case("Imag", "", pair, lambda a, b: tf.math.imag(tf.cast(a, "complex64")) + b)
        yield Case("ComplexAbs", "", pair, lambda a, b: tf.abs(tf.cast(a, "complex64")) + b)


test_elementwise_unary = differential("elementwise_unary", cases())
