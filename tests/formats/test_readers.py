"""The readers of TensorFlow's own formats against TensorFlow itself, on real models of each flavour."""
import functools
import json
import os
import pathlib
import subprocess
import sys

import pytest

from harness import binary
from . import models

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="session")
def made():
    """name → the folder of that model, made when first asked for; each worker has its own."""
    cache = binary.CACHE / "format-models" / os.environ.get("PYTEST_XDIST_WORKER", "main")

    @functools.cache
    def make(name):
        models.make(cache, [name])
        return cache / name

    return make


@functools.cache
def dump(path, *flags):
    tool = pathlib.Path(binary.pumice()).with_name("pumice_dump")
    done = subprocess.run([tool, *flags, path], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


@functools.cache
def reference(kind, path):
    done = subprocess.run([sys.executable, HERE / "referee.py", kind, path], capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-3000:]
    return json.loads(done.stdout)


def value_of(dumped):
    return dumped["value"] and {k: dumped["value"][k] for k in ("dims", "crc")}


def check_values(read, expected):
    """Every variable that TensorFlow's runtime restores has the same bytes."""
    assert expected, "the referee restored nothing"
    for node, value in expected.items():
        assert node in read["variables"], f"no variable {node}"
        assert value_of(read["variables"][node]) == value, node


def check_checkpoint(read, expected):
    keys = {e["key"]: {k: e["value"][k] for k in ("dims", "crc")} for e in read["facts"]["checkpoint"]}
    assert keys == expected


def check_functions(read, expected):
    """Inputs of every node of every function, as flat result numbers."""
    assert sorted(read["functions"]) == sorted(expected)
    for name, nodes in expected.items():
        found = {n["name"]: n for n in read["functions"][name]["nodes"]}
        for node, inputs in nodes.items():
            assert found[node]["inputs"] == inputs, (name, node)


@pytest.mark.parametrize("name", models.SAVED_MODELS)
def test_saved_model(made, name):
    path = made(name)
    expected = reference("saved_model", path)
    for graph in expected["graphs"]:
        read = dump(path, "--functions", "--graph", "--tags", ",".join(graph["tags"]))
        check_values(read, graph["restored"])
        check_checkpoint(read, expected["checkpoint"])
        check_functions(read, graph["functions"])
        signatures = {s["key"]: {side: [[t["name"], t["tensor"], t["dtype"], t["shape"]] for t in s[side]]
                                 for side in ("inputs", "outputs")} for s in read["signatures"]}
        assert signatures == graph["signatures"]
        objects = [{"kind": o["kind"], "children": sorted(o["children"]), "slots": o["slots"]}
                   for o in read["facts"]["objects"]]
        assert objects == graph["objects"]
        if graph["captured"] is not None:
            check_captured(read, graph)


def check_captured(read, graph):
    """What a signature's call passes to its function is what TensorFlow's loader captured."""
    nodes = {n["name"]: n for n in read["graph"]["nodes"]}
    seen = 0
    for key, captured in graph["captured"].items():
        call = nodes[graph["signatures"][key]["outputs"][0][1].split(":")[0]]
        operands = call["inputs"][len(call["inputs"]) - len(captured):]
        for operand, value in zip(operands, captured):
            if value is not None:
                assert value_of(read["variables"][operand.split(":")[0]]) == value, (key, operand)
                seen += 1
    assert seen, "no signature captures a variable"


@pytest.mark.parametrize("name", models.CHECKPOINTS)
def test_checkpoint(made, name):
    prefix = made(name) / "model.ckpt-12"
    expected = reference("checkpoint", prefix)
    for path in (prefix, prefix.parent, f"{prefix}.meta", f"{prefix}.index"):
        read = dump(path)
        assert read["format"] == "checkpoint"
        check_values(read, expected["restored"])
        check_checkpoint(read, expected["checkpoint"])


def test_training_facts(made):
    read = dump(made("v1_checkpoint") / "model.ckpt-12.meta")
    assert read["facts"]["collections"]["train_op"] == ["Adam"]
    assert read["facts"]["collections"]["trainable_variables"] == ["net/w", "net/inner/w", "net/b"]
    keys = [e["key"] for e in read["facts"]["checkpoint"]]
    assert {"net/w", "net/w/Adam", "net/w/Adam_1", "beta1_power", "global_step"} <= set(keys)
    documents = dump(made("tf_keras_saved"))["facts"]["documents"]
    root = [d for d in documents if d["pointer"] == "root"]
    assert len(root) == 1 and "training_config" in json.loads(root[0]["json"])
    legacy = dump(made("tf_keras_legacy"))["facts"]
    assert sum(o["slots"] for o in legacy["objects"]) > 10
    assert any(o["identifier"] == "optimizer" for o in legacy["objects"])
    assert any(".OPTIMIZER_SLOT" in a[1] for o in legacy["checkpoint_objects"] for a in o["attributes"])


@pytest.mark.parametrize("file", ["graph.pb", "graph.pbtxt", "short.pbtxt", "line.pbtxt"])
def test_graph_def(made, file):
    path = made("graph_def") / file
    expected = reference("graph_def", path)
    read = dump(path, "--graph", "--functions")
    nodes = {n["name"]: n for n in read["graph"]["nodes"] if n["op"] != "Return"}
    assert sorted(nodes) == sorted(expected["nodes"])
    for name, node in expected["nodes"].items():
        found = {k: nodes[name][k] for k in ("op", "results", "inputs", "control")}
        if "value" in node:
            found["value"] = value_of(nodes[name])
        assert found == node, name
    check_functions(read, expected["functions"])


def test_text_saved_model(made, tmp_path):
    """saved_model.pbtxt gives what saved_model.pb gives."""
    from google.protobuf import text_format
    from tensorflow.core.protobuf import saved_model_pb2
    source = made("module")
    message = saved_model_pb2.SavedModel()
    message.ParseFromString((source / "saved_model.pb").read_bytes())
    (tmp_path / "saved_model.pbtxt").write_text(text_format.MessageToString(message))
    (tmp_path / "variables").symlink_to(source / "variables")
    binary_form, text_form = dump(source, "--graph", "--functions"), dump(tmp_path, "--graph", "--functions")
    for part in ("graph", "functions", "signatures"):
        assert binary_form[part] == text_form[part]
    values = {k: v["value"] for k, v in text_form["variables"].items()}
    assert values == {k: v["value"] for k, v in binary_form["variables"].items()}
