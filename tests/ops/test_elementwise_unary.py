"""Element-wise ops of one operand."""
import tensorflow as tf

from harness import B0, Case, Spec, U, differential, masks

# op -> (build, the range of its operand, dtypes beyond float32)
OPS = {
    "Abs": (tf.abs, None, ["int32"]),
    "Neg": (tf.negative, None, ["int32", "int64"]),
    "Sign": (tf.sign, None, ["int32"]),
    "Exp": (tf.exp, (-3, 3), []),
    "Log": (tf.math.log, (0.1, 9), []),
    "Sqrt": (tf.sqrt, (0, 9), []),
    "Rsqrt": (tf.math.rsqrt, (0.1, 9), []),
    "Square": (tf.square, None, ["int32"]),
    "Sin": (tf.sin, (-6, 6), []),
    "Cos": (tf.cos, (-6, 6), []),
    "Floor": (tf.floor, (-9, 9), []),
    "Ceil": (tf.math.ceil, (-9, 9), []),
    "Round": (tf.round, (-9, 9), []),
    "Tanh": (tf.tanh, (-4, 4), []),
    "Sigmoid": (tf.sigmoid, (-6, 6), []),
}


def cases():
    for op, (build, values, dtypes) in OPS.items():
        for shape in masks((2, 5, 4, 3), "kkkk", "ukkk", "uuuk"):
            yield Case(op, "", [Spec(shape, values=values)], build)
        yield Case(op, "", [Spec((B0, 7), values=values)], build)
        for dtype in dtypes:
            yield Case(op, "", [Spec((U(2, 1), 6), dtype)], build)
    yield Case("Abs", "", [Spec(())], tf.abs)
    yield Case("Neg", "", [Spec((2, 1, 3, 1, 2))], tf.negative)


test_elementwise_unary = differential("elementwise_unary", cases())
