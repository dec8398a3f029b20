"""Loops whose variables grow, from empty ones on."""
import tensorflow as tf

from control_flow import in_version, loop
from harness import Case, Spec, differential


def grows(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, tf.concat([a, x], 0)), [0, x],
                shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])[1]


def growing(first, step, axis=0):
    """A variable that starts empty: its sum and its size, so that both runtimes have outputs of constant shape."""
    def made(x, n):
        start = first(x)
        open_shape = [None if a == axis else d for a, d in enumerate(start.shape.as_list())]
        _, a = loop(lambda i, a: i < n, lambda i, a: (i + 1, tf.concat([a, step(x, i)], axis)), [0, start],
                    shape_invariants=[tf.TensorShape([]), tf.TensorShape(open_shape)])
        return tf.reduce_sum(a, axis), tf.shape(a)
    return made


def scaled(part):
    return lambda x, i: part(x) * tf.cast(i + 1, x.dtype)


# LiteRT's WHILE takes none of those that grow by one row; the others are its near misses.
STARTS_EMPTY = {
    "a row": growing(lambda x: tf.zeros([0, 3]), scaled(lambda x: x[:1])),
    "two rows": growing(lambda x: tf.zeros([0, 3]), scaled(lambda x: x)),
    "a number": growing(lambda x: tf.zeros([0], tf.int32), lambda x, i: tf.reshape(i * 2, [1])),
    "a matrix": growing(lambda x: tf.zeros([0, 2, 3]), scaled(lambda x: x[None])),
    "a column": growing(lambda x: tf.zeros([2, 0]), scaled(lambda x: x[:, :1]), axis=1),
    "made at run time": growing(lambda x: x[:tf.size(x) - 6], scaled(lambda x: x[:1])),
    "starts with a row": growing(lambda x: x[:1], scaled(lambda x: x[:1])),
}


def nested_growing(x, n):
    def outer(i, a):
        _, b = loop(lambda j, b: j < 2, lambda j, b: (j + 1, tf.concat([b, x[:1]], 0)), [0, a],
                    shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])
        return i + 1, b
    _, a = loop(lambda i, a: i < n, outer, [0, tf.zeros([0, 3])],
                shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])
    return tf.reduce_sum(a, 0), tf.shape(a)


def empties_itself(x, n):
    """Empty after the first iteration, and longer from then on."""
    def body(i, a):
        return i + 1, tf.cond(tf.equal(i, 0), lambda: a[:0], lambda: tf.concat([a, x], 0))
    _, a = loop(lambda i, a: i < n, body, [0, x], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])
    return tf.reduce_sum(a, 0), tf.shape(a)


def loops(number, op):
    def case(attributes, build, *counts, **more):
        return Case(op, attributes, [Spec((2, 3)), *counts], in_version(number, build), **more)
    count, none_too = Spec((), "int32", (1, 4)), Spec((), "int32", (0, 4))
    yield case("grows", grows, count, data_dependent=True)
    yield case("grows,constant count", lambda x: grows(x, 3))
    for name, build in STARTS_EMPTY.items():
        yield case(f"grows from empty,{name}", build, none_too)
    yield case("grows from empty,beyond the unroll budget", lambda x: STARTS_EMPTY["a row"](x, 1100))
    yield case("grows from empty,in a loop", nested_growing, none_too)
    if number == 2:
        yield case("empties itself", empties_itself, none_too)


def cases():
    yield from loops(1, "Enter")
    yield from loops(2, "StatelessWhile")


test_growing_loops = differential("control_flow", cases())
