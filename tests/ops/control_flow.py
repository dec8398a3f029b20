"""TensorFlow 1's and 2's control flow, and the forms that its ops take."""
import contextlib

import tensorflow as tf


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


def in_version(number, build):
    """`build`, with the version's control flow while it runs."""
    def run(*operands):
        with version(number):
            return build(*operands)
    return run


def loop(cond, body, variables, **more):
    return tf.compat.v1.while_loop(cond, body, variables, **more)


def cond(p, then, other):
    return tf.compat.v1.cond(p, then, other)


def stateful(node):
    """The forms that functions with state get."""
    for name in ("While", "If", "Case", "PartitionedCall"):
        if node.op in ("Stateless" + name, name):
            node.op = "StatefulPartitionedCall" if name == "PartitionedCall" else name
