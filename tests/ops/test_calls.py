"""Calls of functions."""
import tensorflow as tf

from control_flow import stateful
from harness import B, Case, Spec, U, differential


def cases():
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
    for shape in ((2, 3), (B, 3)):
        yield Case("StatefulPartitionedCall", "one", [Spec(shape)], lambda x: plain(x), rewrite=stateful)


test_calls = differential("control_flow", cases())
