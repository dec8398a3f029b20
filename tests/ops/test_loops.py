"""Loops of TensorFlow 1 and 2: those that unroll, and those that stay."""
import numpy as np
import tensorflow as tf

from control_flow import in_version, loop, stateful
from harness import B, Case, Spec, differential


# Bodies: each takes the operand x and, for loops that stay, the count n at run time.
def counted(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 0.5 + 1), [0, x])


def counts_down(x, n):
    return loop(lambda i, a: i > 0, lambda i, a: (i - 1, a + tf.cast(i, a.dtype)), [n, x])


def two_variables(x, n):
    return loop(lambda i, a, b: i < n, lambda i, a, b: (i + 1, b, a + b), [0, x, x * 2])


def invariant(x, n):
    scale = tf.reduce_sum(x) * 0.01
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a * scale + x), [0, x])


def constant_weights(x, n):
    w = tf.constant(np.random.default_rng(3).standard_normal((3, 3)), tf.float32)
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, tf.tanh(tf.matmul(tf.reshape(a, [-1, 3]), w))),
                [0, tf.reshape(x, [-1, 3])], shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])


def accumulates(x, n):
    return loop(lambda i, s: i < n, lambda i, s: (i + 1, s + tf.reduce_mean(x) * tf.cast(i, tf.float32)), [0, 0.0])


def nested(x, n):
    def outer(i, a):
        _, inner = loop(lambda j, c: j < 2, lambda j, c: (j + 1, c + 0.25), [0, a])
        return i + 1, inner * 0.9
    return loop(lambda i, a: i < n, outer, [0, x])


def nested_both(x, n):
    def outer(i, a):
        _, inner = loop(lambda j, c: j < i, lambda j, c: (j + 1, c + 0.25), [0, a])
        return i + 1, inner * 0.9
    return loop(lambda i, a: i < n, outer, [0, x])


def two_loops(x, n):
    _, a = loop(lambda i, a: i < n, lambda i, a: (i + 1, a + 1), [0, x])
    _, b = loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 0.5), [0, a])
    return a, b


def index_gathers(x, n):
    rows = tf.reshape(x, [-1])
    return loop(lambda i, s: i < n, lambda i, s: (i + 1, s + rows[i]), [0, 0.0])


def branch_inside(x, n):
    def body(i, a):
        return i + 1, tf.compat.v1.cond(tf.equal(i % 2, 0), lambda: a + 1, lambda: a * 2)
    return loop(lambda i, a: i < n, body, [0, x])


def passes_through(x, n):
    """A variable that changes once and one that never does are results, too."""
    return loop(lambda i, a, b: i < n, lambda i, a, b: (i + 1, b, b), [0, x, x + 1])


def bools_and_ints(x, n):
    return loop(lambda i, f, k: i < n, lambda i, f, k: (i + 1, tf.logical_not(f), k * 2), [0, True, tf.cast(3, tf.int64)])


def becomes_constant(x, n):
    """Variables that the body sets to constants."""
    w = tf.constant([0.5, -0.0, 2.0])
    return loop(lambda i, f, k, a: i < n, lambda i, f, k, a: (i + 1, tf.constant(True), tf.constant(7, tf.int64), w),
                [0, tf.constant(False), tf.constant(1, tf.int64), x[0] * 2.0])


LOOPS = [becomes_constant, counted, counts_down, two_variables, invariant, constant_weights, accumulates, nested, two_loops,
         index_gathers, passes_through, bools_and_ints]
SHAPES = {"fixed": (2, 3), "batch": (B, 3)}


def while_data(x, limit):
    """The data decide when it ends."""
    return loop(lambda a, k: tf.reduce_max(a) < limit, lambda a, k: (a * 2, k + 1), [tf.abs(x) + 0.1, 0])


def zero_trips(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a + 1), [20, x])


def loops(number, op):
    count = Spec((), "int32", (1, 4))
    for make in LOOPS:
        for name, shape in SHAPES.items():
            yield Case(op, f"{make.__name__},constant count", [Spec(shape)], in_version(number, lambda x, m=make: m(x, 3)))
            yield Case(op, f"{make.__name__},count at run time", [Spec(shape), Spec((), "int32", (0, 4))], in_version(number, make))
    for shape in SHAPES.values():
        yield Case(op, "ends by data", [Spec(shape), Spec((), values=(5, 9))], in_version(number, while_data))
    yield Case(op, "no iteration", [Spec((2, 3)), count], in_version(number, zero_trips))
    yield Case(op, "no iteration,constant count", [Spec((2, 3))], in_version(number, lambda x: zero_trips(x, 3)))
    # More iterations than are unrolled: it stays a loop.
    yield Case(op, "beyond the unroll budget", [Spec((2, 3))], in_version(number, lambda x: counted(x, 1500)))
    yield Case(op, "nested_both,count at run time", [Spec((2, 3)), count], in_version(number, nested_both))
    other = branch_inside if number == 2 else nested_both
    yield Case(op, f"{other.__name__},constant count", [Spec((2, 3))], in_version(number, lambda x: other(x, 3)))
    if number == 2:
        yield Case(op, "branch_inside,count at run time", [Spec((2, 3)), count], branch_inside)


def one_frame(node):
    """Loops of a graph that was imported twice share the name of their frame."""
    if node.op == "Enter":
        node.attr["frame_name"].s = b"the_only_frame"


def frames():
    for make in two_loops, nested, nested_both:
        yield Case("Enter", f"{make.__name__},one frame's name", [Spec((2, 3)), Spec((), "int32", (1, 4))],
                   in_version(1, make), rewrite=one_frame, twin=in_version(1, make))
    for parallel in (1, 10):
        def run(x, n, k=parallel):
            return loop(lambda i, a: i < n, lambda i, a: (i + 1, a + 1), [0, x], parallel_iterations=k)
        yield Case("Enter", f"parallel_iterations={parallel}", [Spec((2, 3)), Spec((), "int32", (1, 4))], in_version(1, run))


def with_state():
    for shape in ((2, 3), (B, 3)):
        for make in (counted, two_variables, invariant, index_gathers, becomes_constant):
            yield Case("While", make.__name__, [Spec(shape), Spec((), "int32", (0, 4))], make, rewrite=stateful)


def cases():
    yield from loops(1, "Enter")
    yield from loops(2, "StatelessWhile")
    yield from frames()
    yield from with_state()


test_loops = differential("control_flow", cases())
