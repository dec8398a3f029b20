"""Reductions over axes, and the index of an extreme element."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

raw = tf.raw_ops
NUMBERS = ["Sum", "Mean", "Max", "Min", "Prod", "EuclideanNorm"]
LOGIC = ["Any", "All"]
DTYPES = ["float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"]


def reduce(op, axis, keep):
    return lambda x: getattr(raw, op)(input=x, axis=axis, keep_dims=keep)


def name(axis, keep):
    return f"axis={axis},keep={keep}".replace(" ", "")


def small(rng, shape):
    return rng.integers(1, 3, shape)


def ties(rng, shape):
    return rng.integers(0, 4, shape)


def cases():
    for op in NUMBERS + LOGIC:
        dtype = "bool" if op in LOGIC else "float32"
        for keep in [False, True]:
            for axis in [[1, 2], [-1], [0], 1, [], [0, 1, 2, 3]]:
                for shape in masks((2, 5, 4, 3), "kkkk", "uuuk") if axis in ([1, 2], [-1]) else [(B, 5, 4, 3)]:
                    yield Case(op, name(axis, keep), [Spec(shape, dtype)], reduce(op, axis, keep))
        yield Case(op, name([0, -1], False), [Spec((2, 3, 2, 2, 3), dtype)], reduce(op, [0, -1], False))
        yield Case(op, name([1, 4], True), [Spec((2, 3, 2, 2, 3, 2), dtype)], reduce(op, [1, 4], True))
        yield Case(op, name([], False), [Spec((), dtype)], reduce(op, [], False))
        yield Case(op, name([-1], False), [Spec((B0, 4), dtype)], reduce(op, [-1], False))
        yield Case(op, name([-1], False), [Spec(Unranked((2, 3), (4,)), dtype)], reduce(op, [-1], False))
        yield Case(op, "axis=run-time", [Spec((B, 4, 3), dtype), Spec((1,), "int32", (-2, 2))],
                   lambda x, a, op=op: getattr(raw, op)(input=x, axis=a), data_dependent=True)
        yield Case(op, "axis=int64", [Spec((B, 4), dtype)], reduce(op, np.array([1]), False))
    for op in NUMBERS[:-1]:
        for dtype in DTYPES:
            # Float16 without cancellation: TensorFlow's own sums of it have no correct digit then.
            values = (0.5, 2) if dtype == "float16" else small if op == "Prod" else None
            yield Case(op, name([1], False), [Spec((B, 5), dtype, values)],
                       reduce(op, [1], False))
    for op in ["Sum", "Max"]:
        yield Case(op, name([0, 6], False), [Spec((2, 2, 3, 1, 2, 2, 2))], reduce(op, [0, 6], False))
        yield Case(op, name([2, 3], True), [Spec((B, 2, 3, 1, 2, 2, 2))], reduce(op, [2, 3], True))
    for op in ["Sum", "Prod"]:  # the kernels' largest of nothing is not -infinity
        yield Case(op, name([0], False), [Spec((U(0, 2), 4))], reduce(op, [0], False))
    yield Case("Mean", name([1], False), [Spec((20, 3), "int32", (-50, 50))], reduce("Mean", [1], False), note="signs")
    yield Case("Mean", name([1], False), [Spec((20, 3), "int64", (-50, 50))], reduce("Mean", [1], False), note="signs")
    yield Case("Mean", name([1], False), [Spec((20, 9), "int8", (-128, 127))], reduce("Mean", [1], False), note="large")
    yield Case("Sum", name([1], False), [Spec((20, 9), "int8", (-128, 127))], reduce("Sum", [1], False), note="wraps")
    for shape in [(B, 4, 3), (2, U(4, 6), 3)]:
        yield Case("Prod", "shape", [Spec(shape)], lambda x: tf.reshape(
            x, tf.stack([tf.shape(x)[0], tf.reduce_prod(tf.shape(x)[1:])])))

    for op in ["ArgMax", "ArgMin"]:
        def arg(axis, dtype="int64", op=op):
            return lambda x: getattr(raw, op)(input=x, dimension=axis, output_type=tf.as_dtype(dtype))
        for axis in [0, 1, 2, -1]:
            for shape in masks((3, 5, 4), "kkk", "ukk", "uuk"):
                yield Case(op, f"axis={axis}", [Spec(shape)], arg(axis))
        for dtype in DTYPES + ["bool"]:
            yield Case(op, "axis=1", [Spec((B, 7), dtype, ties)], arg(1))
        for output in ["int32", "int64"]:
            yield Case(op, f"axis=1,output={output}", [Spec((B, 7))], arg(1, output))
        yield Case(op, "axis=0", [Spec((7,))], arg(0))
        yield Case(op, "axis=-1", [Spec((2, 3, 4, 2, 5))], arg(-1))
        yield Case(op, "axis=-1", [Spec((B0, 5))], arg(-1))
        yield Case(op, "axis=-1", [Spec(Unranked((2, 3), (4,)))], arg(-1))
        yield Case(op, "axis=int64", [Spec((B, 5))], arg(np.int64(1)))
        yield Case(op, "axis=run-time", [Spec((B, 5, 3)), Spec((), "int32", (-3, 2))],
                   lambda x, a, op=op: getattr(raw, op)(input=x, dimension=a), data_dependent=True)
    for op in ["ArgMax"]:
        for output in ["int16", "uint16"]:
            yield Case(op, f"axis=1,output={output}", [Spec((B, 7))],
                       lambda x, o=output: raw.ArgMax(input=x, dimension=1, output_type=tf.as_dtype(o)))


test_reduction = differential("reduction", cases())
