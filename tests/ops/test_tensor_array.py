"""TensorArrayV3 and its operations, as TensorFlow 1's loops, maps, scans and folds use them."""
import re

import tensorflow as tf
import test_tensor_list as lists

from harness import B, Case, Spec, U, differential
from harness.reference import v1


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


# What stays a loop, in TensorFlow 1's form; the builds are those of the lists that make no raw nodes.
V3 = {"TensorListSetItem": "TensorArrayWriteV3", "TensorListGetItem": "TensorArrayReadV3", "TensorListReserve": "TensorArrayV3",
      "TensorListStack": "TensorArrayGatherV3", "TensorListGather": "TensorArrayGatherV3", "TensorListConcatV2": "TensorArrayConcatV3"}
# A TensorArray takes one write and one read a place.
STAYS = ["writes", "writes backwards", "reads before", "reads only", "two lists", "inner list",
         "list through both", "concatenates", "grows by writing", "sized at run time"]


def branch_writes(x, n):
    def body(i, a):
        return i + 1, tf.compat.v1.cond(i % 2 > 0, lambda: a.write(i, x).flow, lambda: a.write(i, -x).flow)
    a = array(5, element_shape=x.shape)
    def flowing(i, flow):
        now = tf.TensorArray(tf.float32, handle=a.handle, flow=flow)
        return body(i, now)
    _, flow = lists.loop(lambda i, f: i < n, flowing, [0, a.flow])
    return tf.TensorArray(tf.float32, handle=a.handle, flow=flow).gather(tf.range(1, n))


def scatters(x, n):
    return array(6, element_shape=x.shape).scatter([n, 0], tf.stack([x * 2, x * 3])).stack()


def splits(x, n):
    a = array(2, element_shape=x.shape).split(tf.concat([x, x + 1.0], 0), tf.constant([2, 2]))
    return a.read(tf.minimum(n, 1))


def sizes(x, n):
    a = array(n, element_shape=x.shape)
    a = lists.loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x)), [0, a])[1]
    return size_of(a), a.read(n - 1)


def place(x, n):
    return array(5, element_shape=x.shape).write(n, -x).stack()


MORE = {"branch writes": ("TensorArrayWriteV3", branch_writes, True), "scatters at run time": ("TensorArrayScatterV3", scatters, False),
        "splits": ("TensorArraySplitV3", splits, False), "sizes": ("TensorArraySizeV3", sizes, False),
        "place at run time": ("TensorArrayWriteV3", place, False)}


raw = tf.raw_ops


def old(node):
    """A graph of the second version, which TensorFlow does not run any more: an array's first flow is a constant of its own."""
    if node.op.startswith("TensorArray") and node.op.endswith("V3"):
        node.op = node.op[:-2] + "V2"
    for i, name in enumerate(node.input):
        if re.fullmatch(r"old(_\d+)?:1", name):
            node.input[i] = name[:-2] + "_flow"


def oldest(node):
    """The first version: reference handles, the same flows."""
    old(node)
    if node.op.startswith("TensorArray"):
        node.op = node.op.removesuffix("V2")


def old_array(n):
    handle, flow = raw.TensorArrayV3(size=n, dtype=tf.float32, name="old")
    tf.constant(0.0, name=handle.op.name + "_flow")
    return tf.TensorArray(tf.float32, handle=handle, flow=flow)


def written(x, n=2):
    a = old_array(n)
    for i in range(n):
        a = a.write(i, x * (i + 1.0))
    return a


def old_loop(x, n, size=4):
    return lists.loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, x * tf.cast(i, tf.float32))), [0, old_array(size)])[1].stack()


def old_loops(x):
    """Two arrays, the second written to by what is read from the first."""
    first = old_array(4).scatter([0, 1, 2, 3], tf.stack([x, x + 1, x + 2, x + 3]))
    return lists.loop(lambda i, a: i < 4, lambda i, a: (i + 1, a.write(i, first.read(i) * 2)), [0, old_array(4)])[1].stack()


OLD = {
    "write, read": ("TensorArrayWriteV2", lambda x: written(x).read(1)),
    "gather": ("TensorArrayGatherV2", lambda x: written(x).gather([1, 0])),
    "scatter": ("TensorArrayScatterV2", lambda x: old_array(2).scatter([1, 0], tf.stack([x, x * 2])).gather([0, 1])),
    "concat": ("TensorArrayConcatV2", lambda x: written(x).concat()),
    "split": ("TensorArraySplitV2", lambda x: old_array(2).split(tf.reshape(x, [-1])[:4], tf.constant([2, 2])).read(1)),
    "size": ("TensorArraySizeV2", lambda x: (size_of(written(x)), x + 1)),
    "loop": ("TensorArrayV2", lambda x: old_loop(x, 4)),
    "two loops": ("TensorArrayReadV2", old_loops),
}


def old_versions():
    for name, (op, build) in OLD.items():
        for shape in ((2, 3), (B, 3)) if name != "split" else ((2, 3),):
            yield Case(op, name, [Spec(shape)], v1(build), rewrite=old)
    for name in ("gather", "concat", "loop", "two loops"):
        op, build = OLD[name]
        yield Case(op[:-2], name, [Spec((2, 3))], v1(build), rewrite=oldest)
    yield Case("TensorArrayV2", "loop,beyond the budget", [Spec((2, 3))], v1(lambda x: old_loop(x, 1100, 1100)), rewrite=old)


def staying():
    count = Spec((), "int32", (2, 4))
    for name in STAYS:
        op, build, dependent = lists.STAYS[name]
        for shape in ((2, 3), (B, 3)):
            yield Case(V3[op], f"{name},stays", [Spec(shape), count], v1(build), data_dependent=dependent)
    for name, (op, build, dependent) in MORE.items():
        for shape in ((2, 3), (B, 3)) if name != "splits" else ((2, 3),):
            yield Case(op, f"{name},stays", [Spec(shape), count], v1(build),
                       data_dependent=dependent or (name in ("scatters at run time", "sizes") and shape[0] is B))
    yield Case("TensorArrayV3", "map,beyond the budget", [Spec((2, 3))], v1(lists.long_map))
    for name, build in PER_ROW.items():
        if name == "in and out":
            continue
        for shape in ((B, 4), (B, 2, 4)) + (() if name == "map in a map" else ((B, U(2, 5)),)):
            yield Case("TensorArrayV3", f"{name},unknown count", [Spec(shape)], v1(build), data_dependent="fold" not in name)


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
    yield from staying()
    yield from old_versions()


test_tensor_array = differential("tensor_array", cases())
