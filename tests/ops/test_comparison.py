"""Comparisons and logic."""
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential

raw = tf.raw_ops
COMPARISONS = ["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"]
DTYPES = ["float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"]
SHAPES = [
    ((2, 5, 4, 3), (2, 5, 4, 3)),
    ((B, 5, 3), (B, 5, 3)),
    ((B, 5, 3), (3,)),
    ((2, 1, 4), (U(1, 2), 5, 1)),
    ((B0, 4), ()),
    ((), ()),
    ((2, 1, 3, 1, 2), (4, 1, 5, 1)),
    (Unranked((2, 3), (3,)), (3,)),
    ((U(2, 1), U(3, 5)), (1, U(3, 5))),
]


def few(rng, shape):
    return rng.integers(0, 3, shape)


def op(name):
    return lambda x, y: getattr(raw, name)(x=x, y=y)


def cases():
    for name in COMPARISONS:
        for a, b in SHAPES:
            yield Case(name, "", [Spec(a, values=few), Spec(b, values=few)], op(name))
        for dtype in DTYPES:
            pair = [Spec((B, 7), dtype, few), Spec((7,), dtype, few)]
            yield Case(name, "", pair, op(name))
        yield Case(name, "constant", [Spec((B, 5), "int32", few)], lambda x, name=name: op(name)(x, tf.constant(1)))
    for name in ["LogicalAnd", "LogicalOr"]:
        for a, b in SHAPES:
            yield Case(name, "", [Spec(a, "bool"), Spec(b, "bool")], op(name))
    for name in ["Equal", "NotEqual"]:
        for a, b in SHAPES:
            yield Case(name, "bool", [Spec(a, "bool"), Spec(b, "bool")], op(name))
            yield Case(name, "incompatible_shape_error=False", [Spec(a, values=few), Spec(b, values=few)],
                       lambda x, y, name=name: getattr(raw, name)(x=x, y=y, incompatible_shape_error=False))
        for a, b in [((2, 3), (4,)), ((B, 3), (5, 1, 2))]:
            yield Case(name, "incompatible_shape_error=False,incompatible", [Spec(a), Spec(b)],
                       lambda x, y, name=name: (getattr(raw, name)(x=x, y=y, incompatible_shape_error=False),
                                                tf.reduce_sum(x), tf.reduce_sum(y)))
    for shape in [(2, 3), (B, 4, 3), (B0, 2), (), (Unranked((2, 3), (4,)))]:
        yield Case("ApproximateEqual", "tolerance=2", [Spec(shape), Spec(shape)],
                   lambda x, y: raw.ApproximateEqual(x=x, y=y, tolerance=2.0))
        yield Case("ApproximateEqual", "tolerance=0.5", [Spec(shape), Spec(shape)],
                   lambda x, y: raw.ApproximateEqual(x=x, y=y, tolerance=0.5))


test_comparison = differential("comparison", cases())
