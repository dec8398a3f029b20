"""Loops, branches and cases, of TensorFlow 1 and 2: those that unroll or fold, and those that stay."""
import contextlib

import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, differential

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
    "a number": growing(lambda x: tf.zeros([0], i32), lambda x, i: tf.reshape(i * 2, [1])),
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


def empty_branch(x, flag):
    y = tf.cond(flag, lambda: x[:0], lambda: tf.concat([x, x], 0))
    return tf.reduce_sum(tf.concat([y, x[:1]], 0), 0), tf.shape(y)


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
        for name, build in STARTS_EMPTY.items():
            yield Case(op, f"grows from empty,{name}", [Spec((2, 3)), Spec((), "int32", (0, 4))], made(build))
        yield Case(op, "grows from empty,beyond the unroll budget", [Spec((2, 3))],
                   made(lambda x: STARTS_EMPTY["a row"](x, 1100)))
        yield Case(op, "grows from empty,in a loop", [Spec((2, 3)), Spec((), "int32", (0, 4))], made(nested_growing))
        yield Case(op, "no iteration", [Spec((2, 3)), count], made(zero_trips))
        yield Case(op, "no iteration,constant count", [Spec((2, 3))], made(lambda x: zero_trips(x, 3)))
        # More iterations than are unrolled: it stays a loop.
        yield Case(op, "beyond the unroll budget", [Spec((2, 3))], made(lambda x: counted(x, 1500)))
        if number == 2:
            yield Case(op, "nested_both,count at run time", [Spec((2, 3)), count], made(nested_both))
            yield Case(op, "empties itself", [Spec((2, 3)), Spec((), "int32", (0, 4))], made(empties_itself))
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
    yield Case("StatelessIf", "empty branch", [Spec((2, 3)), flag], empty_branch)
    yield Case("StatelessIf", "empty branch", [Spec((B, 3)), flag], empty_branch)
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


raw = tf.raw_ops


def cond(p, then, other):
    return tf.compat.v1.cond(p, then, other)


def one_side(x, p):
    """What only one branch needs is computed in no other; the other hands its operand on."""
    off, on = raw.Switch(data=x, pred=p)
    return raw.Merge(inputs=[off, tf.tanh(on)])[0]


def two_merges(x, p):
    off, on = raw.Switch(data=x, pred=p)
    return raw.Merge(inputs=[off + 1.0, on])[0], raw.Merge(inputs=[off * 2.0, on - 1.0])[0]


def merges_in_order(x, p):
    """The second conditional of one predicate needs the first one's result."""
    first = cond(p, lambda: x + 1.0, lambda: x * 2.0)
    return cond(p, lambda: first - 1.0, lambda: tf.tanh(first))


def which(x, p):
    off, on = raw.Switch(data=x, pred=p)
    merged = raw.Merge(inputs=[off, on * 3.0])
    return merged[0], tf.identity(merged[1])


def pinned(x, p):
    """Constants know their branch by a control dependency on its pivot alone."""
    return cond(p, lambda: tf.constant([1.0, 2.0, 3.0]), lambda: tf.constant([4.0, 5.0, 6.0])) + x


def same_again(x, p):
    """The inner conditional has the outer one's predicate: one of its branches never runs."""
    return cond(p, lambda: cond(p, lambda: x + 1.0, lambda: x * 5.0), lambda: cond(p, lambda: x * 7.0, lambda: -x))


def three_deep(x, p):
    q, r = tf.reduce_sum(x) > 0, tf.reduce_max(x) > 1
    return cond(p, lambda: cond(q, lambda: cond(r, lambda: x + 1, lambda: x + 2), lambda: x + 3),
                lambda: cond(r, lambda: x * 2, lambda: cond(q, lambda: x * 3, lambda: x * 4)))


def negated(x, p):
    return cond(tf.logical_not(p), lambda: x + 1.0, lambda: x * 2.0)


def four_ways(x, p):
    """A Merge of four, told apart by two predicates."""
    q = tf.reduce_sum(x) > 0
    off, on = raw.Switch(data=x, pred=p)
    (a, b), (c, d) = raw.Switch(data=off, pred=q), raw.Switch(data=on, pred=q)
    return raw.Merge(inputs=[a + 1.0, b * 2.0, c - 3.0, d * 4.0])[0]


def loop_in_branch(x, p):
    n = tf.cast(tf.reduce_max(tf.abs(x)), tf.int32) + 1
    return cond(p, lambda: loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 0.5), [0, x])[1], lambda: x)


def loops_in_both(x, p):
    n = tf.cast(tf.reduce_max(tf.abs(x)), tf.int32) + 1
    def of(f):
        return loop(lambda i, a: i < n, lambda i, a: (i + 1, f(a)), [0, x])[1]
    return cond(p, lambda: of(lambda a: a * 0.5), lambda: of(lambda a: a + 1.0))


def branch_in_loop(x, p):
    return loop(lambda i, a: i < 3, lambda i, a: (i + 1, cond(p, lambda: a + 1, lambda: a * 2)), [0, x])[1]


def branches_in_loop(x, p):
    """The predicate is of the iteration, and each branch has its own constant and a second conditional."""
    n = tf.cast(tf.reduce_max(tf.abs(x)), tf.int32) + 3
    def body(i, a):
        inner = cond(tf.equal(i % 2, 0), lambda: a + 1, lambda: cond(p, lambda: a * 0.5, lambda: tf.zeros_like(a)))
        return i + 1, inner
    return loop(lambda i, a: i < n, body, [0, x])[1]


def branch_in_loop_in_branch(x, p):
    n = tf.cast(tf.reduce_max(tf.abs(x)), tf.int32) + 2
    def body(i, a):
        return i + 1, cond(i > 1, lambda: a * 0.5, lambda: a + 1)
    return cond(p, lambda: loop(lambda i, a: i < n, body, [0, x])[1], lambda: x)


def condition_of_loop(x, p):
    """The loop's own condition is a conditional."""
    return loop(lambda i, a: cond(p, lambda: i < 2, lambda: i < 4), lambda i, a: (i + 1, a * 2), [0, x])[1]


def after_each_other(x, p):
    a = cond(p, lambda: x + 1, lambda: x * 2)
    b = cond(tf.reduce_sum(a) > 0, lambda: a, lambda: -a)
    return a, b, cond(p, lambda: b, lambda: a + b)


def waits(x, p):
    """Control dependencies on a conditional, and inside one."""
    a = cond(p, lambda: x + 1, lambda: x * 2)
    with tf.control_dependencies([a]):
        b = x - 1
    def then():
        with tf.control_dependencies([tf.compat.v1.assert_greater(tf.reduce_sum(b), -1e9)]):
            return tf.identity(b)
    return cond(p, then, lambda: a)


V1_CONDS = [one_side, two_merges, merges_in_order, which, pinned, same_again, three_deep, negated, four_ways, loop_in_branch,
            loops_in_both, branch_in_loop, branches_in_loop, branch_in_loop_in_branch, condition_of_loop, after_each_other, waits]


def by_reference(node):
    """Reference forms: what TensorFlow 1 made of variables."""
    if node.op in ("Switch", "Merge"):
        node.op = "Ref" + node.op


def one_frame(node):
    """Loops of a graph that was imported twice share the name of their frame."""
    if node.op == "Enter":
        node.attr["frame_name"].s = b"the_only_frame"


def training(default):
    def build(x):
        flag = tf.compat.v1.placeholder_with_default(tf.constant(default), [])
        return cond(flag, lambda: tf.nn.dropout(x, rate=0.0) * 2, lambda: cond(tf.logical_not(flag), lambda: x + 1, lambda: -x))
    return build


def conditionals():
    flag = Spec((), "bool")
    for make in V1_CONDS:
        def run(x, p, m=make):
            with version(1):
                return m(x, p)
        for shape in ((2, 3), (B, 3)):
            yield Case("Merge", f"v1,{make.__name__}", [Spec(shape), flag], run)
        def folded(x, m=make):
            with version(1):
                return m(x, tf.constant(True))
        yield Case("Merge", f"v1,{make.__name__},constant", [Spec((B, 3))], folded)
    for make in (one_side, two_merges, which, four_ways):
        yield Case("RefMerge" if make is not four_ways else "RefSwitch", make.__name__, [Spec((2, 3)), flag],
                   lambda x, p, m=make: m(x, p), rewrite=by_reference)
    for dtype in ("int32", "int64", "bool", "uint8", "int8", "float16", "float32"):
        yield Case("Merge", "v1,constants", [Spec((2, 3), "float32"), flag],
                   lambda x, p, t=dtype: (x + 1, v1_cond(p, lambda: tf.constant(np.array([1, 0, 1], t)), lambda: tf.constant(np.array([0, 0, 1], t)))), note=dtype)
        yield Case("Merge", "v1,identity", [Spec((2, 3), dtype), flag],
                   lambda x, p: v1_cond(p, lambda: tf.identity(x), lambda: tf.reverse(x, [0])))
    yield Case("Merge", "v1,empty", [Spec((B0, 3)), flag], lambda x, p: v1_cond(p, lambda: x + 1, lambda: x * 2))
    yield Case("Merge", "v1,scalars", [Spec(()), flag], lambda x, p: v1_cond(p, lambda: x + 1, lambda: x * 2))
    for default in (True, False):
        def run(x, d=default):
            with version(1):
                return training(d)(x)
        yield Case("Merge", f"v1,training flag,{default}", [Spec((B, 3))], run)
    for name, build in {"two_loops": two_loops, "nested": nested, "nested_both": nested_both}.items():
        def run(x, n, b=build):
            with version(1):
                return b(x, n)
        yield Case("Enter", f"{name},one frame's name", [Spec((2, 3)), Spec((), "int32", (1, 4))], run, rewrite=one_frame,
                   twin=run)
    for parallel in (1, 10):
        def run(x, n, k=parallel):
            with version(1):
                return loop(lambda i, a: i < n, lambda i, a: (i + 1, a + 1), [0, x], parallel_iterations=k)
        yield Case("Enter", f"parallel_iterations={parallel}", [Spec((2, 3)), Spec((), "int32", (1, 4))], run)


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


def stateful(node):
    """The forms that functions with state get."""
    for name in ("While", "If", "Case", "PartitionedCall"):
        if node.op in ("Stateless" + name, name):
            node.op = "StatefulPartitionedCall" if name == "PartitionedCall" else name


def stateful_forms():
    count, flag = Spec((), "int32", (0, 4)), Spec((), "bool")

    @tf.function(autograph=False)
    def called(x):
        return tf.nn.relu(x) + 1.0

    for shape in ((2, 3), (B, 3)):
        for make in (counted, two_variables, invariant, index_gathers, becomes_constant):
            yield Case("While", make.__name__, [Spec(shape), count], make, rewrite=stateful)
        for name, (then, other) in BRANCHES.items():
            yield Case("If", name, [Spec(shape), flag], lambda x, p, a=then, b=other: tf.cond(p, lambda: a(x), lambda: b(x)),
                       data_dependent=name == "reshape" and shape[0] is B, rewrite=stateful)
        for n in (2, 4):
            yield Case("Case", f"{n} branches", [Spec(shape), Spec((), "int32", (-1, 5))],
                       lambda x, i, n=n: tf.switch_case(i, [lambda k=k: x * (k + 1.0) for k in range(n)]), rewrite=stateful)
        yield Case("StatefulPartitionedCall", "one", [Spec(shape)], lambda x: called(x), rewrite=stateful)


def cases():
    yield from stateful_forms()
    yield from loops()
    yield from branches()
    yield from conditionals()
    yield from calls()


test_control_flow = differential("control_flow", cases())
