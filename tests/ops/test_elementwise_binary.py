"""Element-wise ops of two operands that broadcast, and sums of several."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential

raw = tf.raw_ops
SIGNED = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32"]


def op(name):
    return lambda x, y: getattr(raw, name)(x=x, y=y)


def nonzero(rng, shape):
    return rng.integers(1, 9, shape) * rng.choice([-1, 1], shape)


def some_zeros(rng, shape):
    return rng.standard_normal(shape) * rng.integers(0, 2, shape)


POSITIVE = (0.2, 5)
# op -> (values of the first operand, of the second, dtypes)
OPS = {
    "Add": (None, None, ["float32", "float16", *SIGNED, "uint8"]),
    "AddV2": (None, None, ["float32", "float16", *SIGNED, *UNSIGNED]),
    "Sub": (None, None, ["float32", "float16", *SIGNED, *UNSIGNED]),
    "Mul": (None, None, ["float32", "float16", *SIGNED, *UNSIGNED]),
    "RealDiv": (None, POSITIVE, ["float32", "float16"]),
    "Div": (None, nonzero, ["float32", "float16", *SIGNED]),
    "DivNoNan": (None, some_zeros, ["float32", "float16"]),
    "MulNoNan": (None, some_zeros, ["float32", "float16"]),
    "FloorDiv": (None, nonzero, ["float32", "float16", *SIGNED]),
    "FloorMod": (None, nonzero, ["float32", "float16", *SIGNED]),
    "TruncateDiv": (None, nonzero, ["int32", "int8", "int16", "int64"]),
    "TruncateMod": (None, nonzero, ["float32", "int32", "int64"]),
    "Mod": (None, nonzero, ["float32", "int32", "int64"]),
    "Pow": (POSITIVE, None, ["float32", "float16"]),
    "Maximum": (None, None, ["float32", "float16", *SIGNED, "uint8"]),
    "Minimum": (None, None, ["float32", "float16", *SIGNED, "uint8"]),
    "SquaredDifference": (None, None, ["float32", "float16", "int32", "int64"]),
    "Atan2": (None, None, ["float32", "float16"]),
    "Xdivy": (some_zeros, POSITIVE, ["float32", "float16"]),
    "Xlogy": (some_zeros, POSITIVE, ["float32", "float16"]),
    "Xlog1py": (some_zeros, POSITIVE, ["float32", "float16"]),
    "BitwiseAnd": (None, None, ["int32", *SIGNED, *UNSIGNED]),
    "BitwiseOr": (None, None, ["int32", *SIGNED, *UNSIGNED]),
    "BitwiseXor": (None, None, ["int32", *SIGNED, *UNSIGNED]),
    "LeftShift": (None, (-2, 40), ["int32", *SIGNED, *UNSIGNED]),
    "RightShift": (None, (-2, 40), ["int32", *SIGNED, *UNSIGNED]),
}
SHAPES = [
    ((2, 5, 4, 3), (2, 5, 4, 3)),
    ((B, 5, 3), (B, 5, 3)),
    ((B, 5, 3), (3,)),
    ((2, 1, 4), (U(1, 2), 5, 1)),
    ((B0, 4), ()),
]
MORE_SHAPES = [
    ((), ()),
    ((), (3, U(4, 6))),
    ((2, 1, 3, 1, 2), (4, 1, 5, 1)),
    ((1, 2, 3, 2, 1, 3), (2, 1, 3)),
    (Unranked((2, 3), (3,)), (3,)),
    (Unranked((2, 3), (2, 1, 3)), Unranked((2, 1), (4, 1))),
    ((U(2, 1), U(3, 5)), (U(2, 1), U(3, 5))),
]
WITH_MORE_SHAPES = ["AddV2", "Sub", "Mul", "RealDiv", "FloorDiv", "Maximum", "Pow", "SquaredDifference", "Atan2",
                    "BitwiseAnd", "FloorMod"]


def extremes(dtype):
    info = np.iinfo(dtype)
    return lambda rng, shape: rng.choice([info.min, info.max, 1, -1, 77, info.min + 1, info.max - 1], shape)


def large(rng, shape):
    return rng.integers(-2**62, 2**62, shape) * 2 + rng.integers(0, 2, shape)


def divisors(rng, shape):
    return (2.0 ** rng.uniform(0, 62, shape)).astype("int64") * rng.choice([-1, 1], shape)


def cases():
    for name, (first, second, dtypes) in OPS.items():
        shapes = SHAPES + (MORE_SHAPES if name in WITH_MORE_SHAPES else [])
        for a, b in shapes:
            yield Case(name, "", [Spec(a, dtypes[0], first), Spec(b, dtypes[0], second)], op(name))
        for dtype in dtypes[1:]:
            if np.dtype(dtype).kind == "u" and second == (-2, 40):
                second = (0, 40)
            yield Case(name, "", [Spec((B, 6), dtype, first), Spec((6,), dtype, second)], op(name))
    # Constants on either side.
    for name in ["AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "Pow", "SquaredDifference"]:
        for side in ["left", "right"]:
            constant = np.array([0.5, 2, 3], "float32")
            def build(x, name=name, side=side, c=constant):
                return op(name)(c, x) if side == "left" else op(name)(x, c)
            yield Case(name, f"constant={side}", [Spec((B, 4, 3), values=POSITIVE)], build)
    for exponent in [1, 2, 3, 7]:
        for dtype in ["int32", "int64", "int8", "float32"]:
            yield Case("Pow", f"constant={exponent}", [Spec((B, 4), dtype)],
                       lambda x, e=exponent: tf.pow(x, tf.constant(e, x.dtype)))
    yield Case("Pow", "", [Spec((4, 5), "int32", (-5, 5)), Spec((4, 5), "int32", (0, 6))], op("Pow"))
    yield Case("Pow", "", [Spec((4, 5), "int16", (-5, 5)), Spec((5,), "int16", (0, 5))], op("Pow"))
    yield Case("Pow", "", [Spec((4, 5), "int64", (-5, 5)), Spec((4, 5), "int64", (0, 6))], op("Pow"))
    for mask in [0, 1, 15, 255, 6]:
        for dtype in ["int32", "uint8", "int64"]:
            yield Case("BitwiseAnd", f"mask={mask}", [Spec((B, 9), dtype)],
                       lambda x, m=mask: tf.bitwise.bitwise_and(x, tf.constant(m, x.dtype)))
    # Wrap-around, and division at the edges of int64.
    for dtype in SIGNED:
        pair = [Spec((3, 40), dtype, extremes(dtype)), Spec((3, 40), dtype, extremes(dtype))]
        for name in ["AddV2", "Sub", "Mul", "Maximum", "BitwiseAnd", "BitwiseOr", "BitwiseXor"]:
            yield Case(name, "", pair, op(name), note="extremes")
    for name in ["FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Div"]:
        yield Case(name, "", [Spec((500,), "int64", large), Spec((500,), "int64", divisors)], op(name), note="large")
        yield Case(name, "", [Spec((500,), "int64", large), Spec((500,), "int64", nonzero)], op(name), note="small")
    for name in ["FloorDiv", "RealDiv", "DivNoNan"]:
        yield Case(name, "", [Spec((30,), values=nonzero), Spec((30,), values=some_zeros)], op(name), note="zeros")
    for name in ["LeftShift", "RightShift"]:
        yield Case(name, "", [Spec((300,), "int64", large), Spec((300,), "int64", (0, 63))], op(name), note="large")
        yield Case(name, "constant=3", [Spec((B, 9), "int32")],
                   lambda x, name=name: op(name)(x, tf.constant(3, x.dtype)))
    # Sums of any number of tensors.
    for n in [1, 2, 3, 5]:
        for shape in [(2, 3), (B, 4, 3), ()]:
            yield Case("AddN", f"n={n}", [Spec(shape)] * n, lambda *xs: raw.AddN(inputs=list(xs)))
    for dtype in ["int32", "int64", "int8", "float16"]:
        yield Case("AddN", "n=3", [Spec((B, 4, 3), dtype)] * 3, lambda *xs: raw.AddN(inputs=list(xs)))
    # Shape arithmetic: with one unknown size left it must vanish from the converted model.
    for image in [Spec((B, 6, 4, 3)), Spec((2, U(6, 8), 4, 3))]:
        yield Case("Mul", "shape", [image], lambda x: tf.reshape(
            x, tf.stack([tf.shape(x)[0], tf.shape(x)[1] * tf.shape(x)[2], 3])))
        yield Case("FloorDiv", "shape", [image], lambda x: tf.reshape(
            x, tf.stack([tf.shape(x)[0], tf.shape(x)[1] // 2, 2, 12])))
    # Where it stays, the compiled-model API takes no output of a computed shape: sum it up.
    image = Spec((B, U(6, 8), 4, 3))
    yield Case("AddV2", "shape", [image], lambda x: tf.reduce_sum(tf.ones(tf.shape(x) + [0, 1, 1, 2])))
    yield Case("Sub", "shape", [image], lambda x: tf.reduce_sum(tf.ones(tf.shape(x)[1:3] - 2)))
    yield Case("Maximum", "shape", [image], lambda x: tf.reduce_sum(tf.ones(tf.maximum(tf.shape(x), 4))))
    yield Case("Minimum", "shape", [image], lambda x: tf.reduce_sum(tf.ones(tf.minimum(tf.shape(x), 2))))


test_elementwise_binary = differential("elementwise_binary", cases())
