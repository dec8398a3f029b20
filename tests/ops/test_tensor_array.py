"""TensorArrayV3 and its operations, as TensorFlow 1's loops, maps, scans and folds use them."""
import tensorflow as tf

from harness import B, Case, Spec, U, differential


def v1(build):
    """Builds with TensorFlow 1's control flow and its TensorArrays."""
    def run(*operands):
        tf.compat.v1.disable_control_flow_v2()
        try:
            return build(*operands)
        finally:
            tf.compat.v1.enable_control_flow_v2()
    return run


def array(size, dtype=tf.float32, **more):
    return tf.TensorArray(dtype, size, **more)


def unrolled(x):
    a = array(3, clear_after_read=False)
    for i in range(3):
        a = a.write(i, x * (i + 1.0))
    return a


def size_of(a):
    return tf.raw_ops.TensorArraySizeV3(handle=a.handle, flow_in=a.flow)


def loop_writes(x):
    _, a = tf.compat.v1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, x * tf.cast(i, tf.float32))),
                                   [0, array(4)])
    return a.stack()


def reads_its_own(x):
    """Each element is made of the one before."""
    a = array(4, clear_after_read=False).write(0, x)
    _, a = tf.compat.v1.while_loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, a.read(i - 1) * 0.5 + 1)), [1, a])
    return a.stack()


def in_and_out(x):
    source = array(3).unstack(x)
    _, out = tf.compat.v1.while_loop(lambda i, o: i < 3, lambda i, o: (i + 1, o.write(i, tf.nn.relu(source.read(i)))),
                                     [0, array(3)])
    return out.stack()


def two_arrays(x):
    def body(i, a, b):
        return i + 1, a.write(i, x + tf.cast(i, tf.float32)), b.write(i, tf.reduce_sum(x) * tf.cast(i, tf.float32))
    _, a, b = tf.compat.v1.while_loop(lambda i, a, b: i < 3, body, [0, array(3), array(3)])
    return a.stack(), b.stack()


def loop_in_loop(x):
    def body(i, a):
        _, row = tf.compat.v1.while_loop(lambda j, r: j < 2, lambda j, r: (j + 1, r.write(j, x * tf.cast(i + j, tf.float32))),
                                         [0, array(2)])
        return i + 1, a.write(i, row.stack())
    return tf.compat.v1.while_loop(lambda i, a: i < 3, body, [0, array(3)])[1].stack()


PER_ROW = {  # x is [3, …]
    "map": lambda x: tf.map_fn(lambda r: tf.nn.relu(r) * 2, x),
    "map to a scalar": lambda x: tf.map_fn(lambda r: tf.reduce_sum(r), x),
    "map to ints": lambda x: tf.map_fn(lambda r: tf.cast(tf.argmax(r, -1), tf.int32), x, fn_output_signature=tf.int32),
    "map of two": lambda x: tf.map_fn(lambda r: r[0] - r[1], (x, x * 0.5), fn_output_signature=tf.float32),
    "map to two": lambda x: tf.map_fn(lambda r: (r + 1, tf.reduce_max(r)), x, fn_output_signature=(tf.float32, tf.float32)),
    "scan": lambda x: tf.scan(lambda a, r: a * 0.5 + r, x),
    "scan from": lambda x: tf.scan(lambda a, r: a + tf.reduce_sum(r), x, initializer=0.5),
    "scan back": lambda x: tf.scan(lambda a, r: a * 0.5 + r, x, reverse=True),
    "foldl": lambda x: tf.foldl(lambda a, r: a * 0.5 + r, x),
    "foldr": lambda x: tf.foldr(lambda a, r: a * 0.5 + r, x),
    "foldl from": lambda x: tf.foldl(lambda a, r: a + tf.reduce_max(r), x, initializer=0.0),
    "map in a map": lambda x: tf.map_fn(lambda r: tf.map_fn(lambda e: e * 2 + 1, r), x),
    "in and out": in_and_out,
}

WHOLE = {
    "loop writes": loop_writes,
    "reads its own": reads_its_own,
    "two arrays": two_arrays,
    "loop in loop": loop_in_loop,
    "stack": lambda x: unrolled(x).stack(),
    "read": lambda x: unrolled(x).read(1),
    "gather": lambda x: unrolled(x).gather([2, 0]),
    "concat": lambda x: unrolled(x).concat(),
    "size": lambda x: (size_of(unrolled(x)), x + 1),
    "scatter": lambda x: array(2, clear_after_read=False).scatter([1, 0], tf.stack([x, x * 2])).stack(),
    "scatter twice": lambda x: array(3, clear_after_read=False).scatter([1, 0], tf.stack([x, x * 2])).scatter(
        [2], tf.expand_dims(x * 3, 0)).stack(),
    "unstack": lambda x: array(2, clear_after_read=False).unstack(tf.stack([x, x * 2])).read(1),
}

OP = {"read": "TensorArrayReadV3", "gather": "TensorArrayGatherV3", "concat": "TensorArrayConcatV3", "size": "TensorArraySizeV3",
      "scatter": "TensorArrayScatterV3", "scatter twice": "TensorArrayScatterV3", "unstack": "TensorArrayScatterV3"}


def cases():
    for name, build in PER_ROW.items():
        # A map over an unknown size inside a map carries a list through a loop that stays: not yet.
        for shape in ((3, 4), (3, 2, 4)) + (() if name == "map in a map" else ((3, U(2, 5)),)):
            # An element of unknown size may have no rank for a reduction's axis.
            yield Case("TensorArrayV3", name, [Spec(shape)], v1(build))
    for name, build in WHOLE.items():
        for shape in ((2, 3), (B, 3)):
            yield Case(OP.get(name, "TensorArrayV3"), name, [Spec(shape)], v1(build))
    for dtype in ("int32", "int64", "bool"):
        yield Case("TensorArrayV3", "map", [Spec((3, 4), dtype)], v1(lambda x: tf.map_fn(tf.identity, x)))
    yield Case("TensorArrayV3", "scalars", [Spec((3,))], v1(lambda x: tf.map_fn(lambda r: r * 2, x)))


test_tensor_array = differential("tensor_array", cases())
