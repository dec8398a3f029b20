"""The writer and the reader of .tflite files against TensorFlow Lite itself.

What the writer makes is read by TensorFlow's own flatbuffer classes and run by the Interpreter; what
TensorFlow's converter makes is read, written again, and must compute the same.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from harness import binary

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER))
import converted  # noqa: E402


def tool(name):
    return str(pathlib.Path(binary.pumice()).with_name("pumice_" + name))


def interpret(path, feeds, signature=None):
    """Outputs of the model in the Interpreter, in a process of its own: a model may crash it."""
    feed, out = str(path) + ".in.npz", str(path) + ".out.npz"
    np.savez(feed, **feeds)
    done = subprocess.run([sys.executable, str(FOLDER / "interpret.py"), str(path), feed, out,
                           signature or ""], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(out, allow_pickle=True) as file:
        return {name: file[name] for name in file.files}


def feeds(path):
    """A random input for each input of each signature (or of the model, under the key "")."""
    done = subprocess.run([sys.executable, str(FOLDER / "interpret.py"), str(path)],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    random = np.random.RandomState(3)

    def value(shape, dtype):
        if np.issubdtype(dtype, np.integer):
            return random.randint(0, 3, shape).astype(dtype)
        return random.uniform(-1, 1, shape).astype(dtype)

    return {key: {name: value(shape, np.dtype(dtype)) for name, (shape, dtype) in inputs.items()}
            for key, inputs in json.loads(done.stdout.splitlines()[-1]).items()}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("written")
    subprocess.run([tool("write_tflite"), str(folder)], check=True)
    return folder


def schema_model(path):
    from tensorflow.lite.python import schema_py_generated as schema
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(bytearray(path.read_bytes()), 0))


def test_tensorflow_reads_what_is_written(written):
    model = schema_model(written / "convolution.tflite")
    assert model.version == 3
    assert model.description.startswith(b"pumice ")
    metadata = {m.name: bytes(model.buffers[m.buffer].data) for m in model.metadata}
    assert metadata[b"min_runtime_version"] == b"1.5.0".ljust(16, b"\0")
    assert metadata[b"NOTES"] == b"n" * 5000
    graph, = model.subgraphs
    assert model.operatorCodes[0].builtinCode == model.operatorCodes[0].deprecatedBuiltinCode == 3
    x = graph.tensors[graph.inputs[0]]
    assert list(x.shape) == [1, 8, 8, 16] and list(x.shapeSignature) == [-1, 8, 8, 16]
    options = graph.operators[0].builtinOptions
    assert (options.strideW, options.fusedActivationFunction, options.dilationWFactor) == (2, 3, 1)
    kernel = graph.tensors[graph.operators[0].inputs[1]]
    assert kernel.name == b"kernel" and list(kernel.shape) == [32, 3, 3, 16]
    values = np.frombuffer(bytes(model.buffers[kernel.buffer].data), np.float32)
    expected = (np.arange(3 * 3 * 16 * 32) % 23 / 23 - 0.5).astype(np.float32)
    np.testing.assert_allclose(values.reshape(32, 3, 3, 16),
                               expected.reshape(3, 3, 16, 32).transpose(3, 0, 1, 2), rtol=1e-6)


def test_constants_are_aligned(written):
    for name, alignment in (("convolution", 16), ("external", 64)):
        content = (written / f"{name}.tflite").read_bytes()
        assert content.index(b"n" * 5000) % alignment == 0


def test_convolution_runs_at_any_batch(written):
    import tensorflow as tf
    kernel = (np.arange(3 * 3 * 16 * 32) % 23 / 23 - 0.5).astype(np.float32).reshape(3, 3, 16, 32)
    bias = (np.arange(32) % 7 / 7 - 0.5).astype(np.float32)
    for name in ("convolution", "external"):
        for batch in (1, 3):
            x = np.random.RandomState(batch).rand(batch, 8, 8, 16).astype(np.float32)
            expected = tf.nn.relu6(tf.nn.conv2d(x, kernel, 2, "SAME") + bias)
            y = interpret(written / f"{name}.tflite", {"x": x}, "serving_default")["y"]
            np.testing.assert_allclose(y, expected, atol=1e-4)


def test_loops_and_several_signatures_run(written):
    x = np.array([1, -2], np.float32)
    path = written / "control.tflite"
    np.testing.assert_array_equal(interpret(path, {"x": x}, "twice")["y"], x * 8)
    np.testing.assert_array_equal(interpret(path, {"x": x}, "minus")["y"], -x)


def test_two_writes_give_the_same_bytes(written, tmp_path):
    subprocess.run([tool("write_tflite"), str(tmp_path)], check=True)
    for path in written.glob("*.tflite"):
        if "in" not in path.suffixes:
            assert path.read_bytes() == (tmp_path / path.name).read_bytes()


@pytest.mark.parametrize("name", converted.CASES)
def test_converted_models_compute_the_same_when_written_again(name, tmp_path):
    path, again = tmp_path / "converted.tflite", tmp_path / "again.tflite"
    path.write_bytes(converted.convert(name, str(tmp_path / "saved_model")))
    done = subprocess.run([tool("rewrite_tflite"), str(path), str(again)], capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr
    if name != "recurrent":
        assert done.stdout == ""  # nothing is lost
    before, after = schema_model(path), schema_model(again)

    # The official converter gives all operators of a kind the highest version that one of them needs.
    def operators(model):
        highest = {}
        for c in model.operatorCodes:
            kind = max(c.builtinCode, c.deprecatedBuiltinCode), c.customCode
            highest[kind] = max(highest.get(kind, 0), c.version)
        return highest

    if name != "integer_16x8":  # the official versions of 16x8 convolutions are those of floats
        assert operators(before) == operators(after)
    minimum = [bytes(model.buffers[m.buffer].data) for model in (before, after)
               for m in model.metadata if m.name == b"min_runtime_version"]
    if name != "integer_16x8":
        assert minimum[0] == minimum[1]
    if name == "custom":
        return  # no runtime has it
    for key, feed in feeds(path).items():
        expected, found = interpret(path, feed, key), interpret(again, feed, key)
        assert expected.keys() == found.keys()
        for output in expected:
            np.testing.assert_array_equal(found[output], expected[output], err_msg=output)
