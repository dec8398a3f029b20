"""TensorFlow 1's conditionals: what Switch and Merge nodes can be put together to."""
import numpy as np
import tensorflow as tf

from control_flow import cond, in_version, loop
from harness import B, B0, Case, Spec, differential

raw = tf.raw_ops


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


def constants(dtype):
    def build(x, p):
        return x + 1, cond(p, lambda: tf.constant(np.array([1, 0, 1], dtype)), lambda: tf.constant(np.array([0, 0, 1], dtype)))
    return build


def training(default):
    def build(x):
        flag = tf.compat.v1.placeholder_with_default(tf.constant(default), [])
        return cond(flag, lambda: tf.nn.dropout(x, rate=0.0) * 2, lambda: cond(tf.logical_not(flag), lambda: x + 1, lambda: -x))
    return build


def cases():
    flag = Spec((), "bool")
    for make in V1_CONDS:
        for shape in ((2, 3), (B, 3)):
            yield Case("Merge", f"v1,{make.__name__}", [Spec(shape), flag], in_version(1, make))
        yield Case("Merge", f"v1,{make.__name__},constant", [Spec((B, 3))],
                   in_version(1, lambda x, m=make: m(x, tf.constant(True))))
    for make in (one_side, two_merges, which, four_ways):
        yield Case("RefMerge" if make is not four_ways else "RefSwitch", make.__name__, [Spec((2, 3)), flag],
                   lambda x, p, m=make: m(x, p), rewrite=by_reference)
    for dtype in ("int32", "int64", "bool", "uint8", "int8", "float16", "float32"):
        yield Case("Merge", "v1,constants", [Spec((2, 3), "float32"), flag], in_version(1, constants(dtype)), note=dtype)
        yield Case("Merge", "v1,identity", [Spec((2, 3), dtype), flag],
                   in_version(1, lambda x, p: cond(p, lambda: tf.identity(x), lambda: tf.reverse(x, [0]))))
    for name, shape in {"empty": (B0, 3), "scalars": ()}.items():
        yield Case("Merge", f"v1,{name}", [Spec(shape), flag],
                   in_version(1, lambda x, p: cond(p, lambda: x + 1, lambda: x * 2)))
    for default in (True, False):
        yield Case("Merge", f"v1,training flag,{default}", [Spec((B, 3))], in_version(1, training(default)))


test_v1_conditionals = differential("control_flow", cases())
