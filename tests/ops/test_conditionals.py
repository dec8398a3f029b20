"""Conditionals of TensorFlow 2, branches and cases: those that fold, and those that stay. TensorFlow 1's simplest."""
import tensorflow as tf

from control_flow import cond, in_version, loop, stateful
from harness import B, Case, Spec, differential


def v1_cond(p, then, other):
    return in_version(1, cond)(p, then, other)


BRANCHES = {
    "elementwise": (lambda x: x + 1.0, lambda x: x * 2.0),
    "unequal work": (lambda x: x, lambda x: tf.tanh(x) - tf.reduce_mean(x)),
    "constant": (lambda x: tf.zeros_like(x), lambda x: x),
    "two results": (lambda x: (x + 1.0, tf.reduce_sum(x)), lambda x: (x - 1.0, tf.reduce_max(x))),
    "reshape": (lambda x: tf.reshape(x, [-1]), lambda x: tf.reshape(x * 2.0, [-1])),
}


def empty_branch(x, flag):
    y = tf.cond(flag, lambda: x[:0], lambda: tf.concat([x, x], 0))
    return tf.reduce_sum(tf.concat([y, x[:1]], 0), 0), tf.shape(y)


def branches():
    flag = Spec((), "bool")
    for shape in ((2, 3), (B, 3)):
        yield Case("StatelessIf", "empty branch", [Spec(shape), flag], empty_branch)
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
               lambda x, p: v1_cond(p, lambda: loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 0.5 + 1), [0, x])[1], lambda: x))


def switches():
    for shape in ((2, 3), (B, 3)):
        for n in (2, 3, 4):
            fns = [lambda x, k=k: x * (k + 1.0) for k in range(n)]
            yield Case("StatelessCase", f"{n} branches", [Spec(shape), Spec((), "int32", (-1, 5))],
                       lambda x, i, fns=fns: tf.switch_case(i, [lambda f=f: f(x) for f in fns]))
        for index in (0, 2, 7, -1):
            yield Case("StatelessCase", f"index={index}", [Spec(shape)],
                       lambda x, c=index: tf.switch_case(tf.identity(c), [lambda k=k: x * (k + 1.0) for k in range(3)]))


def with_state():
    for shape in ((2, 3), (B, 3)):
        for name, (then, other) in BRANCHES.items():
            yield Case("If", name, [Spec(shape), Spec((), "bool")], lambda x, p, a=then, b=other: tf.cond(p, lambda: a(x), lambda: b(x)),
                       data_dependent=name == "reshape" and shape[0] is B, rewrite=stateful)
        for n in (2, 4):
            yield Case("Case", f"{n} branches", [Spec(shape), Spec((), "int32", (-1, 5))],
                       lambda x, i, n=n: tf.switch_case(i, [lambda k=k: x * (k + 1.0) for k in range(n)]), rewrite=stateful)


def cases():
    yield from branches()
    yield from switches()
    yield from with_state()


test_conditionals = differential("control_flow", cases())
