"""Malformed loops and conditionals, lists that no tensor can hold, and what the report says of checks that are left out."""
import numpy as np
import pytest
import tensorflow as tf

from harness import binary, tflite_file
from harness.reference import v1


def graph_def(*nodes):
    """From (name, op, inputs, attributes) with T float unless told otherwise; `x` and `p` are placeholders, `one` a constant."""
    graph = tf.compat.v1.GraphDef()

    def add(name, op, inputs=(), **attributes):
        node = graph.node.add(name=name, op=op, input=inputs)
        for key, value in {"T": tf.float32, **attributes}.items():
            attr = node.attr[key]
            if isinstance(value, tf.DType):
                attr.type = value.as_datatype_enum
            elif isinstance(value, bool):
                attr.b = value
            elif isinstance(value, int):
                attr.i = value
            elif isinstance(value, str):
                attr.s = value.encode()
            else:
                attr.tensor.CopyFrom(tf.make_tensor_proto(value))
        if op in ("Placeholder", "Const"):
            del node.attr["T"]

    for name, dtype in (("x", tf.float32), ("p", tf.bool), ("q", tf.bool)):
        add(name, "Placeholder", dtype=dtype)
    add("one", "Const", dtype=tf.float32, value=np.float32(1))
    add("yes", "Const", dtype=tf.bool, value=np.bool_(True))
    for name, op, inputs, *rest in nodes:
        add(name, op, inputs, **(rest[0] if rest else {}))
    return graph


FRAME = {"frame_name": "f", "is_constant": False, "parallel_iterations": 10}
BOOL = {"T": tf.bool}
LOOP = [  # i < 3: i + 1
    ("enter", "Enter", ["x"], FRAME),
    ("merge", "Merge", ["enter", "next"], {"N": 2}),
    ("limit", "Enter", ["one"], {**FRAME, "is_constant": True}),
    ("less", "Less", ["merge", "limit"]),
    ("cond", "LoopCond", ["less"]),
    ("switch", "Switch", ["merge", "cond"]),
    ("add", "AddV2", ["switch:1", "limit"]),
    ("next", "NextIteration", ["add"]),
    ("exit", "Exit", ["switch"]),
    ("out", "Identity", ["exit"]),
]


def changed(name, **fields):
    """The loop with one node changed: op, inputs."""
    return [(n, fields.get("op", op), fields.get("inputs", inputs), *rest) if n == name else (n, op, inputs, *rest)
            for n, op, inputs, *rest in LOOP]


MALFORMED = {
    "a frame that never exits": ([("enter", "Enter", ["x"], FRAME), ("merge", "Merge", ["enter", "next"], {"N": 2}),
                                  ("add", "AddV2", ["merge", "merge"]), ("next", "NextIteration", ["add"]),
                                  ("exit", "Exit", ["merge"]), ("out", "Identity", ["exit"])], ["never exits"]),
    "a body that reads from outside": (changed("add", inputs=["switch:1", "x"]), ["without entering the loop", "'x'"]),
    "a variable that nothing enters": (changed("merge", inputs=["next", "next"]), ["no Enter leads into it", "'merge'"]),
    "a Switch without the condition": (changed("switch", inputs=["merge", "p"]), ["only in one branch"]),
    "two conditions": (LOOP[:-1] + [("less2", "Less", ["merge", "limit"]), ("cond2", "LoopCond", ["less2"]),
                                    ("switch2", "Switch", ["merge", "cond2"]), ("exit2", "Exit", ["switch2"]),
                                    ("out", "AddV2", ["exit", "exit2"])], ["two", "loop"]),
    "a next iteration to nowhere": ([("n", "NextIteration", ["x"]), ("out", "Identity", ["n"])], ["does not lead back", "'n'"]),
    "a cycle that is no loop": ([("a", "AddV2", ["x", "b"]), ("b", "AddV2", ["a", "x"]), ("out", "Identity", ["a"])], ["cycle"]),
    "a Switch at an output": ([("s", "Switch", ["x", "p"]), ("out", "Tanh", ["s:1"])], ["only in one branch", "'out'"]),
    "a dead output": ([("s", "Switch", ["x", "yes"]), ("out", "Tanh", ["s"])], ["never computed", "'out'"]),
    "a Merge of what nothing tells apart": ([("m", "Merge", ["x", "one"], {"N": 2}), ("out", "Identity", ["m"])],
                                            ["conditional is malformed", "'m'"]),
    "a Merge of two predicates": ([("s", "Switch", ["x", "p"]), ("t", "Switch", ["x", "q"]),
                                   ("m", "Merge", ["s", "t:1"], {"N": 2}), ("out", "Identity", ["m"])], ["conditional is malformed", "'m'"]),
    "a Merge of one side twice": ([("s", "Switch", ["x", "p"]), ("a", "Tanh", ["s:1"]), ("b", "Neg", ["s:1"]),
                                   ("m", "Merge", ["a", "b"], {"N": 2}), ("out", "Identity", ["m"])], ["only in one branch", "'out'"]),
    "a Merge that leaves a case open": ([("s", "Switch", ["x", "p"]), ("t", "Switch", ["s:1", "q"]),
                                         ("m", "Merge", ["s", "t:1"], {"N": 2}), ("out", "Identity", ["m"])],
                                        ["conditional is malformed", "'m'"]),
    "a dead Merge": ([("s", "Switch", ["x", "yes"]), ("a", "Tanh", ["s"]), ("b", "Neg", ["s"]),
                      ("m", "Merge", ["a", "b"], {"N": 2}), ("out", "Identity", ["m"])], ["never computed"]),
}


def nested(n):
    """Switches in Switches, each by a predicate of its own."""
    nodes, value = [], "x"
    for i in range(n):
        nodes += [(f"f{i}", "Placeholder", [], {"dtype": tf.bool}), (f"s{i}", "Switch", [value, f"f{i}"])]
        value = f"s{i}:1"
    for i in reversed(range(n)):
        nodes.append((f"m{i}", "Merge", [value, f"s{i}"], {"N": 2}))
        value = f"m{i}"
    return graph_def(*nodes, ("out", "Identity", [value]))


def test_deep_nesting(convert):
    """As deep as any model goes it converts; beyond, nothing grows without a bound."""
    for n, status in ((6, 0), (5000, 4)):
        flags = ["--input-arrays", ",".join(["x", *(f"f{i}" for i in range(min(n, 64)))]), "--output-arrays", "out"] if n < 64 else [
            "--output-arrays", "out"]
        outcome, _, _ = convert(nested(n), *flags)
        assert outcome.status == status, outcome.text()[-2000:]
        assert status == 0 or "too deeply" in outcome.stderr, outcome.text()[-2000:]


def test_predicates_that_go_round_or_fan_out(convert):
    ands = [(f"l{i}", "LogicalAnd", [f"l{i - 1}" if i else "p"] * 2) for i in range(60)]
    for nodes, predicate in (([("r", "Identity", ["t"], BOOL), ("t", "Identity", ["r"], BOOL)], "r"), (ands, "l59")):
        graph = graph_def(*nodes, ("s", "Switch", ["x", predicate]), ("a", "Tanh", ["s"]),
                          ("m", "Merge", ["a", "s:1"], {"N": 2}), ("out", "Identity", ["m"]))
        outcome, _, target = convert(graph, "--input-arrays", "x,p", "--output-arrays", "out")
        assert outcome.status == (0 if predicate == "l59" else 3), outcome.text()


@pytest.fixture
def convert(tmp_path):
    def run(graph, *flags):
        source, target = tmp_path / "x.pb", tmp_path / "x.tflite"
        source.write_bytes(graph.SerializeToString())
        return (*binary.convert(source, target, *flags), target)
    return run


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed(name, convert):
    nodes, words = MALFORMED[name]
    outcome, _, target = convert(graph_def(*nodes), "--input-arrays", "x,p", "--output-arrays", "out")
    assert outcome.status == 3, outcome.text()
    for word in words:
        assert word in outcome.stderr, outcome.text()
    assert not target.exists()


def traced(build, *specs):
    graph = tf.Graph()
    with graph.as_default():
        operands = [tf.compat.v1.placeholder(dtype, shape, name=f"in{i}") for i, (dtype, shape) in enumerate(specs)]
        tf.identity(build(*operands), name="out")
    return graph.as_graph_def()


raw = tf.raw_ops
IMAGE, COUNT = (tf.float32, [2, 3]), (tf.int32, [])


def each(x, n, write, **more):
    a = tf.TensorArray(x.dtype, 5, **more)
    return tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a.write(i, write(i))), [0, a])[1]


def lists_of_lists(x, n):
    def inner(_):
        return raw.TensorListPushBack(input_handle=raw.EmptyTensorList(element_shape=[2, 3], max_num_elements=-1,
                                                                       element_dtype=tf.float32), tensor=x)
    outer = raw.TensorListReserve(element_shape=-1, num_elements=5, element_dtype=tf.variant)
    outer = tf.while_loop(lambda i, l: i < n, lambda i, l: (i + 1, raw.TensorListSetItem(input_handle=l, index=i, item=inner(i))),
                          [0, outer])[1]
    one = raw.TensorListGetItem(input_handle=outer, index=n - 1, element_shape=-1, element_dtype=tf.variant)
    return raw.TensorListStack(input_handle=one, element_shape=[2, 3], element_dtype=tf.float32)


def gradient(x):
    a = raw.TensorArrayV3(size=2, dtype=tf.float32)
    flow = raw.TensorArrayWriteV3(handle=a[0], index=0, value=x, flow_in=a[1])
    g = raw.TensorArrayGradV3(handle=a[0], flow_in=flow, source="g")
    return raw.TensorArrayReadV3(handle=g[0], index=0, flow_in=g[1], dtype=tf.float32)


UNSUPPORTED = {
    "elements of other sizes": (lambda x, n: each(x, n, lambda i: x[:i], element_shape=[None, 3]).concat(), [IMAGE, COUNT],
                                ["TensorListReserve", "TensorListSetItem", "size"]),
    "strings": (lambda n: each(tf.constant("a"), n, lambda i: tf.constant("b")).stack(), [COUNT], ["TensorList", "strings"]),
    "lists of lists": (lists_of_lists, [IMAGE, COUNT], ["TensorListReserve", "lists"]),
    "gradients": (gradient, [IMAGE], ["TensorArrayGradV3", "training"]),
    "a list's shape that nothing states": (
        lambda x, n: tf.fill(raw.TensorListElementShape(input_handle=raw.TensorListSetItem(
            input_handle=raw.TensorListReserve(element_shape=-1, num_elements=5, element_dtype=tf.float32), index=n, item=x),
            shape_type=tf.int32), 1.0), [IMAGE, COUNT], ["TensorListElementShape", "state"]),
    "pieces of different lengths": (
        lambda x, n: raw.TensorListGetItem(input_handle=raw.TensorListSplit(
            tensor=x, element_shape=[-1, 3], lengths=tf.constant([2, 0], tf.int64)), index=n, element_shape=[-1, 3], element_dtype=tf.float32),
        [IMAGE, COUNT], ["TensorListSplit", "different lengths"]),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_unsupported(name, convert):
    build, specs, words = UNSUPPORTED[name]
    if name == "gradients":
        build = v1(build)
    outcome, _, target = convert(traced(build, *specs), *binary.cut(
        [f"in{i}" for i in range(len(specs))], ["out"], [",".join(map(str, shape)) for _, shape in specs]))
    assert outcome.status == 4, outcome.text()
    for word in words:
        assert word in outcome.stderr, outcome.text()
    assert not target.exists()


def test_beyond_the_unroll_budget_it_stays_a_loop(convert):
    def loop(n):
        return lambda x: tf.while_loop(lambda i, a: i < n, lambda i, a: (i + 1, a * 0.5 + 1), [0, x])[1]
    flags = binary.cut(["in0"], ["out"], ["2,3"])
    for n, stays in ((1024, False), (1025, True)):
        outcome, _, target = convert(traced(loop(n), IMAGE), *flags)
        assert outcome.status == 0, outcome.text()
        assert ("WHILE" in tflite_file.operators(target)) == stays


def test_what_is_left_out_is_told(convert):
    def build(x, n):
        checked = tf.compat.v1.Print(tf.debugging.check_numerics(x, "finite"), [x], "seen")
        with tf.control_dependencies([tf.compat.v1.assert_greater(n, 0), tf.print("here"),
                                      tf.compat.v1.summary.scalar("n", n)]):
            return tf.identity(checked)
    outcome, report, _ = convert(traced(v1(build), IMAGE, COUNT), *binary.cut(["in0", "in1"], ["out"], ["2,3", ""]))
    assert outcome.status == 0, outcome.text()
    dropped = {w["message"].split()[2]: w["node"] for w in report["warnings"] if w["code"] == "dropped"}
    assert {"Assert", "CheckNumerics", "Print", "PrintV2", "ScalarSummary"} <= set(dropped), report["warnings"]
    assert all(dropped.values())


def test_what_no_output_waits_for_is_not_mentioned(convert):
    def build(x, n):
        tf.compat.v1.assert_greater(n, 0)
        return x + 1.0
    outcome, report, _ = convert(traced(v1(build), IMAGE, COUNT), *binary.cut(["in0", "in1"], ["out"], ["2,3", ""]))
    assert outcome.status == 0 and not report["warnings"], outcome.text()
