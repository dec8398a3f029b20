"""pumice's way into LiteRT's compiled-model API against the Python Interpreter, on the same files."""
import subprocess

import numpy as np
import pytest

from harness import binary

tf = pytest.importorskip("tensorflow")


def to_tflite(path, function):
    """One function without a signature of its own."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    path.write_bytes(converter.convert())
    return path


def to_tflite_with_keys(folder, functions, module):
    """Several signatures need a SavedModel, which keeps their keys."""
    tf.saved_model.save(module, str(folder / "saved"), signatures=functions)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "saved"), signature_keys=list(functions))
    path = folder / "model.tflite"
    path.write_bytes(converter.convert())
    return path


class Detector(tf.Module):
    """Outputs whose names are not in alphabetical order, and inputs of two dtypes."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.kernel = tf.Variable(rng.normal(size=(3, 3, 3, 8)).astype(np.float32))

    def heads(self, image):
        x = tf.nn.relu6(tf.nn.conv2d(tf.cast(image, tf.float32) / 127.5 - 1, self.kernel, 2, "SAME"))
        return {"scores": tf.nn.softmax(tf.reduce_mean(x, [1, 2])), "boxes": x[:, :2, :2, :4],
                "count": tf.cast(tf.reduce_sum(x, [1, 2, 3]), tf.int32), "any": tf.reduce_any(x > 5.5, [1, 2])}

    @tf.function(input_signature=[tf.TensorSpec([None, 16, 16, 3], tf.uint8, "image")])
    def detect(self, image):
        return self.heads(image)

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "zeta"),
                                  tf.TensorSpec([1, 4], tf.float32, "alpha"),
                                  tf.TensorSpec([], tf.int32, "middle")])
    def combine(self, zeta, alpha, middle):
        return {"sum": zeta + alpha, "difference": zeta - alpha,
                "first": tf.cast(middle, tf.float32) * zeta}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("detector")
    module = Detector()
    return to_tflite_with_keys(folder, {"detect": module.detect, "combine": module.combine}, module)


def check(runtimes, model, folder, feed, signature):
    np.savez(folder / "in.npz", **feed)
    results = [r.run(model, folder / "in.npz", folder / f"{r.name}.npz", signature) for r in runtimes]
    assert set(results[0]) == set(results[1])
    for name, expected in results[0].items():
        found = results[1][name]
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape), name
        if expected.dtype == np.float32:
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * max(1, abs(expected).max()), err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)
    return results[1]


@pytest.mark.parametrize("batch", [1, 3, 2])
def test_dynamic_batch_and_uint8(runtimes, model, tmp_path, batch):
    image = np.random.default_rng(batch).integers(0, 256, (batch, 16, 16, 3), np.uint8)
    outputs = check(runtimes, model, tmp_path, {"image": image}, "detect")
    assert outputs["scores"].shape == (batch, 8) and outputs["any"].dtype == bool


@pytest.mark.parametrize("batch", [1, 3])
def test_inputs_are_bound_by_name(runtimes, model, tmp_path, batch):
    rng = np.random.default_rng(5)
    zeta = rng.normal(size=(batch, 4)).astype(np.float32)
    alpha = rng.normal(size=(1, 4)).astype(np.float32)
    for order in (("middle", "alpha", "zeta"), ("alpha", "zeta", "middle")):
        feed = {"zeta": zeta, "alpha": alpha, "middle": np.int32(3)}
        outputs = check(runtimes, model, tmp_path, {n: feed[n] for n in order}, "combine")
        np.testing.assert_allclose(outputs["difference"], zeta - alpha, rtol=1e-6)
        np.testing.assert_allclose(outputs["first"], 3 * zeta, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "int32", "int64", "int8", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4)])
def test_dtypes_and_ranks(runtimes, tmp_path, dtype, shape):
    @tf.function(input_signature=[tf.TensorSpec(shape, dtype, "x")])
    def f(x):
        return {"y": tf.reshape(tf.stack([x, x]), [2, -1])}

    module = tf.Module()
    module.f = f
    path = to_tflite_with_keys(tmp_path, {"serving_default": f}, module)
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)
    check(runtimes, path, tmp_path, {"x": x}, "serving_default")


def run_tool(*arguments):
    return subprocess.run([binary.run_tflite(), *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_a_model_without_signatures(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([2, 3], tf.float32, "x")])
    def f(x):
        return 2 * x

    path = to_tflite(tmp_path / "m.tflite", f)
    name = tf.lite.Interpreter(model_path=str(path)).get_input_details()[0]["name"]
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(tmp_path / "in.npz", **{name: x})
    done = run_tool(path, tmp_path / "in.npz", tmp_path / "out.npz")
    assert done.returncode == 0, done.stderr
    (result,) = np.load(tmp_path / "out.npz").values()
    np.testing.assert_array_equal(result, 2 * x)


def test_plain_call(model, tmp_path):
    np.savez(tmp_path / "in.npz", image=np.zeros((1, 16, 16, 3), np.uint8))
    done = run_tool(model, tmp_path / "in.npz", tmp_path / "out.npz", "--signature", "detect")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(np.load(tmp_path / "out.npz").files)


@pytest.mark.parametrize("feed, signature, words", [
    ({"image": np.zeros((1, 16, 16, 3), np.float32)}, "detect", ["image", "uint8", "float32"]),
    ({"image": np.zeros((1, 8, 16, 3), np.uint8)}, "detect", ["image", "[?,16,16,3]", "[1,8,16,3]"]),
    ({"picture": np.zeros((1, 16, 16, 3), np.uint8)}, "detect", ["missing", "image"]),
    ({"image": np.zeros((1, 16, 16, 3), np.uint8), "more": np.zeros(1)}, "detect", ["number of inputs"]),
    ({"image": np.zeros((1, 16, 16, 3), np.uint8)}, "serve", ["signature", "detect", "combine", "serve"]),
])
def test_wrong_calls_are_explained(model, tmp_path, feed, signature, words):
    np.savez(tmp_path / "in.npz", **feed)
    done = run_tool(model, tmp_path / "in.npz", tmp_path / "out.npz", "--signature", signature)
    assert done.returncode == 2, done.stderr
    assert all(w in done.stderr for w in words), done.stderr
    assert not (tmp_path / "out.npz").exists()


@pytest.mark.parametrize("damage", [lambda b: b"", lambda b: b"no model at all", lambda b: b[:len(b) // 2]])
def test_what_is_no_model_is_refused(runtimes, model, tmp_path, damage):
    path = tmp_path / "damaged.tflite"
    path.write_bytes(damage(model.read_bytes()))
    np.savez(tmp_path / "in.npz", image=np.zeros((1, 16, 16, 3), np.uint8))
    done = run_tool(path, tmp_path / "in.npz", tmp_path / "out.npz", "--signature", "detect")
    assert done.returncode == 4 and "LiteRT" in done.stderr, done.stderr


def test_a_crash_is_an_error(runtimes, model, tmp_path):
    """int8 without quantization parameters: ADD ends the process (LiteRT 2.1 to 2.3)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32, "x"), tf.TensorSpec([4], tf.float32, "y")])
    def f(x, y):
        return {"z": x + y}

    path = to_tflite(tmp_path / "m.tflite", f)
    edited = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes()))
    names = [edited.subgraphs[0].tensors[i].name.decode() for i in edited.subgraphs[0].inputs]
    for tensor in edited.subgraphs[0].tensors:
        tensor.type = schema.TensorType.INT8
    builder = flatbuffers.Builder(1024)
    builder.Finish(edited.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    np.savez(tmp_path / "in.npz", **{n: np.ones(4, np.int8) for n in names})
    done = run_tool(path, tmp_path / "in.npz", tmp_path / "out.npz")
    assert done.returncode == 4 and "crashed" in done.stderr and "SIGABRT" in done.stderr, done.stderr
    # The server survives it.
    compiled = runtimes[1]
    with pytest.raises(Exception, match="SIGABRT"):
        compiled.run(path, tmp_path / "in.npz", tmp_path / "out.npz", "")
    np.savez(tmp_path / "in.npz", image=np.zeros((1, 16, 16, 3), np.uint8))
    assert compiled.run(model, tmp_path / "in.npz", tmp_path / "out.npz", "detect")


def test_a_missing_library_is_explained(model, tmp_path, monkeypatch):
    np.savez(tmp_path / "in.npz", image=np.zeros((1, 16, 16, 3), np.uint8))
    monkeypatch.setenv("PUMICE_LITERT", str(tmp_path / "libLiteRt.so"))
    done = run_tool(model, tmp_path / "in.npz", tmp_path / "out.npz")
    assert done.returncode == 3 and "pip install ai-edge-litert" in done.stderr, done.stderr
