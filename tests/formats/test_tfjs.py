"""TensorFlow.js graph models: read as npm's TensorFlow.js and TensorFlow read them, refused with one clear message.

The raw heads of the real, trained ones are converted and compared in tests/e2e/test_models.py.
"""
import json
import shutil

import numpy as np
import pytest

from harness import binary, compare, real_models, tfjs, tolerances
from harness.reference import tf  # sets TensorFlow up before anything runs in it
from . import tfjs_models
from .referee import described
from .test_readers import dump
from .tfjs_models import Options

REAL = [model for model in real_models.REAL.values() if model.referee.startswith("tfjs")]


def _graph(build):
    """The GraphDef of what `build` makes from a float placeholder `x` of [1, 8, 8, 3]."""
    graph = tf.Graph()
    with graph.as_default():
        build(tf.compat.v1.placeholder(tf.float32, [1, 8, 8, 3], name="x"))
    return graph.as_graph_def()


def _net(x):
    """Constants of every kind that a net has: filters, biases, index tables, masks, shapes."""
    rng = np.random.default_rng(3)
    y = tf.nn.conv2d(x, rng.normal(size=(3, 3, 3, 7)).astype("f"), [1, 2, 2, 1], "SAME")
    y = tf.nn.relu6(tf.nn.bias_add(y, rng.normal(size=7).astype("f")))
    y = tf.gather(y, rng.integers(0, 7, 300).astype("i"), axis=3)
    y = tf.where(tf.constant(rng.integers(0, 2, 300) > 0), y, tf.constant(rng.normal(size=300).astype("f")))
    tf.reshape(y, [1, 16, 300], name="y")


def _every_dtype(x):
    rng = np.random.default_rng(4)
    for dtype in ("float32", "float64", "float16", "int8", "uint8", "int16", "uint16", "int32", "int64", "complex64"):
        tf.constant((rng.normal(size=(3, 5)) * 90).astype(dtype) if dtype != "complex64" else
                    rng.normal(size=(3, 5)).astype(dtype) * 1j, name=dtype)
    tf.constant(rng.integers(0, 2, 9) > 0, name="bool")
    tf.constant([["a", "bc"], ["", "\u20ac"]], name="string")
    tf.constant(2.5, name="scalar")
    tf.constant(np.zeros((0, 4), "i"), name="empty")


def _with_function(x):
    @tf.function
    def inner(v):
        return v * tf.constant([1.0, 2.0, 3.0]) + 0.5

    tf.identity(inner(x), name="y")


def _values(path):
    return {node["name"]: node for node in dump(path, "--graph")["graph"]["nodes"] if node["op"] == "Const"}


@pytest.mark.parametrize("model", REAL, ids=lambda model: model.name)
def test_real_model_is_read(model):
    read = dump(model.path, "--graph")
    assert read["format"] == "tfjs"
    assert read == dump(model.path.parent, "--graph")  # by its folder, too
    manifest = model.path.with_name("weights_manifest.json")
    if manifest.exists():
        groups, signatures = json.loads(manifest.read_text()), []
    else:
        about = json.loads(model.path.read_text())
        groups = about["weightsManifest"]
        assert read["producer"] == "tensorflow 2.4.1, TensorFlow.js Converter v3.5.0"
        signatures = ["serving_default"]
        names = [t["name"] for t in read["signatures"][0]["outputs"]]
        assert names == ["Identity"] + [f"Identity_{i}" for i in range(1, 8)]
        assert [t["name"] for t in read["signatures"][0]["inputs"]] == ["input_tensor"]
    assert [s["key"] for s in read["signatures"]] == signatures
    found = {n["name"]: n["value"] for n in read["graph"]["nodes"] if n["op"] == "Const"}
    weights = [w for group in groups for w in group["weights"]]
    assert {w["name"]: (w["dtype"], w["shape"]) for w in weights} == {
        name: (value["dtype"], value["dims"]) for name, value in found.items()}
    assert read["facts"]["warnings"] == []
    # Values that are stored as they are, or as float16, are exact.
    folder = model.path.parent
    for group in groups:
        data, at = b"".join((folder / path).read_bytes() for path in group["paths"]), 0
        for w in group["weights"]:
            stored = w.get("quantization", w)["dtype"]
            values = np.frombuffer(data, stored, int(np.prod(w["shape"], dtype=int)), at)
            at += values.nbytes
            if stored != "uint8":
                assert found[w["name"]]["crc"] == described(values.astype(w["dtype"]))["crc"], w["name"]
        assert at == len(data)


@pytest.mark.parametrize("options", [
    Options(), Options(shard=7), Options(shard=1001, groups=3), Options(old=True), Options(old=True, shard=5, groups=4),
    Options(spelling="numbers")], ids=str)
def test_every_dtype(tmp_path, options):
    graph = _graph(_every_dtype)
    expected = {}
    for node in graph.node:
        if node.op == "Const":
            values = tf.make_ndarray(node.attr["value"].tensor)
            if node.name == "float64":
                values = values.astype("f").astype("d")  # the exporter's loss
            expected[node.name] = {"dtype": tf.as_dtype(node.attr["dtype"].type).name, **described(values)}
    path = tfjs_models.write(tmp_path / "m", graph, options=options)
    found = {}
    for name, node in _values(path).items():
        found[name] = node["value"]
    assert found == expected


@pytest.mark.parametrize("build", [_net, _with_function], ids=lambda build: build.__name__)
def test_spelling_and_form_do_not_matter(tmp_path, build):
    graph, reads = _graph(build), []
    for options in (Options(), Options(spelling="numbers"), Options(old=True)):
        same = tf.compat.v1.GraphDef()
        same.CopyFrom(graph)
        path = tfjs_models.write(tmp_path / f"{options.spelling}-{options.old}", same, options=options)
        read = dump(path, "--graph", "--functions")
        reads.append((read["graph"], read["functions"]))
    assert reads[0] == reads[1] == reads[2]


@pytest.mark.parametrize("shard,groups", [(4 << 20, 1), (7, 1), (1001, 3)])
@pytest.mark.parametrize("quantization", ["", "uint8", "uint16", "float16"])
def test_agrees_with_tfjs(tmp_path, pumice, runtimes, quantization, shard, groups):
    signature = {"inputs": {"x:0": {"name": "x:0", "dtype": "DT_FLOAT"}},
                 "outputs": {"y:0": {"name": "y:0", "dtype": "DT_FLOAT"}}}
    path = tfjs_models.write(tmp_path / "m", _graph(_net), signature, Options(quantization, shard, groups))
    feed = {"x": np.random.default_rng(5).normal(size=(1, 8, 8, 3)).astype("f")}
    np.savez(tmp_path / "in.npz", **feed)
    expected = tfjs.outputs(path, feed, ["y"])
    outcome, _ = binary.convert(path, tmp_path / "m.tflite")
    assert outcome.status == 0, outcome.text()
    for runtime in runtimes:
        found = runtime.run(tmp_path / "m.tflite", tmp_path / "in.npz", tmp_path / "out.npz", "serving_default")
        assert not compare.differences(expected, found, lambda _: tolerances.DEFAULT), runtime.name


def test_constants_of_functions(tmp_path, pumice, runtimes):
    path = tfjs_models.write(tmp_path / "m", _graph(_with_function))
    feed = {"x": np.random.default_rng(5).normal(size=(1, 8, 8, 3)).astype("f")}
    np.savez(tmp_path / "in.npz", **feed)
    outcome, _ = binary.convert(path, tmp_path / "m.tflite", "--output-arrays", "y")
    assert outcome.status == 0, outcome.text()
    for runtime in runtimes:
        found = runtime.run(tmp_path / "m.tflite", tmp_path / "in.npz", tmp_path / "out.npz", "serving_default")
        assert not compare.differences({"y": feed["x"] * np.float32([1, 2, 3]) + np.float32(0.5)}, found,
                                       lambda _: tolerances.DEFAULT), runtime.name


def _edit(change):
    def apply(folder):
        path = folder / "model.json"
        model = json.loads(path.read_text())
        change(model)
        path.write_text(json.dumps(model))
    return apply


def _weight(model):
    return model["weightsManifest"][0]["weights"][0]


BROKEN = {
    "no shard": (lambda f: (f / "group1-shard1of1.bin").unlink(), 3, "group1-shard1of1.bin: a weights file that the model names is missing"),
    "short shard": (lambda f: (f / "group1-shard1of1.bin").write_bytes(b"123"), 3, "the weights files end before their weights do"),
    "parent folder": (_edit(lambda m: m["weightsManifest"][0].update(paths=["../a.bin"])), 3, "does not stand beside the model"),
    "absolute path": (_edit(lambda m: m["weightsManifest"][0].update(paths=["/etc/passwd"])), 3, "does not stand beside the model"),
    "no JSON": (lambda f: (f / "model.json").write_text('{"format": "graph-model", "modelTopology": {"node": [}}'), 3, "line 1, column 54: a value was expected"),
    "nesting": (lambda f: (f / "model.json").write_text('{"modelTopology": ' + "[" * 10000), 3, "nested too deeply"),
    "nested objects": (lambda f: (f / "model.json").write_text('{"a":' * 10000), 3, "nested too deeply"),
    "quantization": (_edit(lambda m: _weight(m).update(quantization={"dtype": "uint8"})), 3, "does not say what its values stand for"),
    "unknown quantization": (_edit(lambda m: _weight(m).update(quantization={"dtype": "int4"})), 3, "unknown quantization"),
    "two of a name": (_edit(lambda m: m["weightsManifest"][0]["weights"].append(_weight(m))), 3, "two weights have one name"),
    "unknown dtype": (_edit(lambda m: _weight(m).update(dtype="float24")), 3, "unknown dtype"),
    "no weight": (_edit(lambda m: _weight(m).update(name="other")), 3, "the constant has no value"),
    "layers": (_edit(lambda m: m.update(format="layers-model", modelTopology={"model_config": {}})), 4, "is a Keras model in TensorFlow.js form"),
    "other JSON": (lambda f: (f / "model.json").write_text('{"name": "package"}'), 3, "no TensorFlow.js model"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken(tmp_path, pumice, what):
    tfjs_models.write(tmp_path / "m", _graph(_net))
    change, status, text = BROKEN[what]
    change(tmp_path / "m")
    outcome = binary.run("convert", tmp_path / "m", "-o", tmp_path / "out.tflite", "--quiet")
    assert outcome.status == status, outcome.text()
    assert outcome.stderr.startswith("pumice: ") and text in outcome.stderr and outcome.stderr.count("\n") < 8
    assert not (tmp_path / "out.tflite").exists()


@pytest.mark.parametrize("model", [REAL[1], REAL[-1]], ids=lambda model: model.name)
def test_truncated(tmp_path, pumice, model):
    """A real model, each of its files cut at several places."""
    copy = tmp_path / "m"
    shutil.copytree(model.path.parent, copy)
    for file in sorted(copy.iterdir()):
        whole = file.read_bytes()
        for part in (0, 1, 2, len(whole) // 7, len(whole) // 2, len(whole) * 9 // 10, len(whole) - 1):
            file.write_bytes(whole[:part])
            outcome = binary.run("convert", copy, "-o", tmp_path / "out.tflite", "--quiet", *model.flags())
            assert outcome.status == 3, (file.name, part, outcome.text())
            assert not (tmp_path / "out.tflite").exists()
        file.write_bytes(whole)
