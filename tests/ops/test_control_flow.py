"""Loops, branches and cases, of TensorFlow 1 and 2: those that unroll or fold, and those that stay."""
import contextlib

import numpy as np
import tensorflow as tf

from harness import B, Case, Spec, U, differential

i32 = tf.int32


@contextlib.contextmanager
def version(number):
    """TensorFlow 1's control flow is Enter, Switch, Merge…; TensorFlow 2's is While, If and functions."""
    if number == 2:
        yield
        return
    tf.compat.v1.disable_control_flow_v2()
    try:
        yield
    finally:
        tf.compat.v1.enable_control_flow_v2()


def loop(cond, body, variables, **more):
    return tf.compat.v1.while_loop(cond, body, variables, **more)


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


LOOPS = [counted, counts_down, two_variables, invariant, constant_weights, accumulates, nested, two_loops,
         index_gathers, passes_through, bools_and_ints]
SHAPES = {"fixed": (2, 3), "batch": (B, 3)}


def while_data(x, limit):
    """The data decide when it ends."""
    return loop(lambda a, k: tf.reduce_max(a) < limit, lambda a, k: (a * 2, k + 1), [tf.abs(x) + 0.1, 0])


def grows(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, tf.concat([a, x], 0)), [0, x],
                shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 3])])[1]


def zero_trips(x, n):
    return loop(lambda i, a: i < n, lambda i, a: (i + 1, a + 1), [20, x])


def loops():
    for number, op in ((1, "Enter"), (2, "StatelessWhile")):
        for make in LOOPS:
            def unrolled(x, m=make, v=number):
                with version(v):
                    return m(x, 3)
            def stays(x, n, m=make, v=number):
                with version(v):
                    return m(x, n)
            for name, shape in SHAPES.items():
                yield Case(op, f"{make.__name__},constant count", [Spec(shape)], unrolled)
                yield Case(op, f"{make.__name__},count at run time", [Spec(shape), Spec((), "int32", (0, 4))], stays)
    for number, op in ((1, "Enter"), (2, "StatelessWhile")):
        def made(build, v=number):
            def run(*operands):
                with version(v):
                    return build(*operands)
            return run
        count = Spec((), "int32", (1, 4))
        yield Case(op, "ends by data", [Spec((2, 3)), Spec((), values=(5, 9))], made(while_data))
        yield Case(op, "ends by data", [Spec((B, 3)), Spec((), values=(5, 9))], made(while_data))
        yield Case(op, "grows", [Spec((2, 3)), count], made(grows), data_dependent=True)
        yield Case(op, "grows,constant count", [Spec((2, 3))], made(lambda x: grows(x, 3)))
        yield Case(op, "no iteration", [Spec((2, 3)), count], made(zero_trips))
        yield Case(op, "no iteration,constant count", [Spec((2, 3))], made(lambda x: zero_trips(x, 3)))
        # More iterations than are unrolled: it stays a loop.
        yield Case(op, "beyond the unroll budget", [Spec((2, 3))], made(lambda x: counted(x, 1500)))
        if number == 2:
            yield Case(op, "nested_both,count at run time", [Spec((2, 3)), count], made(nested_both))
            yield Case(op, "branch_inside,count at run time", [Spec((2, 3)), count], made(branch_inside))
            yield Case(op, "branch_inside,constant count", [Spec((2, 3))], made(lambda x: branch_inside(x, 3)))
        else:
            yield Case(op, "nested_both,count at run time", [Spec((2, 3)), count], made(nested_both))
            yield Case(op, "nested_both,constant count", [Spec((2, 3))], made(lambda x: nested_both(x, 3)))


BRANCHES = {
    "elementwise": (lambda x: x + 1.0, lambda x: x * 2.0),
    "unequal work": (lambda x: x, lambda x: tf.tanh(x) - tf.reduce_mean(x)),
    "constant": (lambda x: tf.zeros_like(x), lambda x: x),
    "two results": (lambda x: (x + 1.0, tf.reduce_sum(x)), lambda x: (x - 1.0, tf.reduce_max(x))),
    "reshape": (lambda x: tf.reshape(x, [-1]), lambda x: tf.reshape(x * 2.0, [-1])),
}


def branches():
    flag = Spec((), "bool")
    for name, (then, other) in BRANCHES.items():
        for shape in ((2, 3), (B, 3)):
            yield Case("StatelessIf", name, [Spec(shape), flag],
                       lambda x, p, a=then, b=other: tf.cond(p, lambda: a(x), lambda: b(x)),
                       # A product of sizes has no name yet that both branches could share.
                       data_dependent=name == "reshape" and shape[0] is B)
        for constant in (True, False):
            yield Case("StatelessIf", f"{name},{constant}", [Spec((B, 3))],
                       lambda x, a=then, b=other, c=constant: tf.cond(tf.identity(c),
                                                                     lambda: a(x), lambda: b(x)))
            yield Case("Merge", f"v1,{name},{constant}", [Spec((B, 3))],
                       lambda x, a=then, b=other, c=constant: v1_cond(tf.identity(c), lambda: a(x), lambda: b(x)))
        for shape in ((2, 3), (B, 3)):
            yield Case("Merge", f"v1,{name}", [Spec(shape), flag],
                       lambda x, p, a=then, b=other: v1_cond(p, lambda: a(x), lambda: b(x)),
                       data_dependent=name == "reshape" and shape[0] is B)
    yield Case("StatelessIf", "predicate of the data", [Spec((2, 3))],
               lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x, lambda: -x))
    yield Case("StatelessIf", "unequal shapes", [Spec((2, 3)), flag],
               lambda x, p: tf.cond(p, lambda: x, lambda: tf.concat([x, x], 0)), data_dependent=True)
    yield Case("StatelessIf", "nested", [Spec((2, 3)), flag, flag],
               lambda x, p, q: tf.cond(p, lambda: tf.cond(q, lambda: x, lambda: -x), lambda: x * 2))
    yield Case("Merge", "v1,nested", [Spec((2, 3)), flag, flag],
               lambda x, p, q: v1_cond(p, lambda: tf.compat.v1.cond(q, lambda: x + 1, lambda: -x), lambda: x * 2))
    yield Case("Merge", "v1,loop inside", [Spec((2, 3)), flag],
               lambda x, p: v1_cond(p, lambda: counted(x, 3)[1], lambda: x))
    for shape in ((2, 3), (B, 3)):
        for n in (2, 3, 4):
            fns = [lambda x, k=k: x * (k + 1.0) for k in range(n)]
            yield Case("StatelessCase", f"{n} branches", [Spec(shape), Spec((), "int32", (-1, 5))],
                       lambda x, i, fns=fns: tf.switch_case(i, [lambda f=f: f(x) for f in fns]))
        for index in (0, 2, 7, -1):
            yield Case("StatelessCase", f"index={index}", [Spec(shape)],
                       lambda x, c=index: tf.switch_case(tf.identity(c), [lambda k=k: x * (k + 1.0) for k in range(3)]))


def v1_cond(p, then, other):
    with version(1):
        return tf.compat.v1.cond(p, then, other)


def calls():
    """Functions: called, nested, with a loop or a branch inside."""
    @tf.function(autograph=False)
    def plain(x):
        return tf.nn.relu(x) + 1.0

    @tf.function(autograph=False)
    def outer(x):
        return plain(plain(x) * 0.5) - 1.0

    @tf.function(autograph=False)
    def looping(x, n):
        return tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, plain(a)), [0, x])[1]

    @tf.function(autograph=False)
    def branching(x, p):
        return tf.cond(p, lambda: outer(x), lambda: plain(x))

    for shape in ((2, 3), (B, 3), (B, U(4, 6), 3)):
        yield Case("PartitionedCall", "one", [Spec(shape)], lambda x: plain(x))
        yield Case("PartitionedCall", "nested", [Spec(shape)], lambda x: outer(x))
        yield Case("PartitionedCall", "loop,constant count", [Spec(shape)], lambda x: looping(x, tf.constant(3)))
        yield Case("PartitionedCall", "loop", [Spec(shape), Spec((), "int32", (0, 4))], lambda x, n: looping(x, n))
        yield Case("PartitionedCall", "branch", [Spec(shape), Spec((), "bool")], lambda x, p: branching(x, p))


def cases():
    yield from loops()
    yield from branches()
    yield from calls()


test_control_flow = differential("control_flow", cases())
