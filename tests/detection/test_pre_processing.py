"""--preprocess strip: resizing and normalization moved out of the graph, found whatever ops spell them, in graphs whose
nodes all have other names. TensorFlow runs the whole graph on the picture; the stripped model gets the picture that the
caller has resized and normalized as the report says."""
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from harness import binary, reference, renamed
from harness.real_models import MODELS

OUT = binary.ROOT / "build/detection"
RANDOM = np.random.default_rng(2)
KERNEL = RANDOM.normal(size=(3, 3, 3, 4)).astype(np.float32)
MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


def network(x):
    x = tf.nn.relu(tf.nn.conv2d(x, KERNEL, 2, "SAME"))
    return {"features": tf.reduce_mean(x, [1, 2])}


def resized(x, side=32, method="bilinear"):
    return tf.image.resize(tf.cast(x, tf.float32), (side, side), method)


def padded(x):
    return network(tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]]))


def map_over_batch(x):
    return tf.map_fn(lambda one: tf.image.resize(tf.cast(one, tf.float32), (32, 32)) * (2 / 255) - 1.0, x,
                     fn_output_signature=tf.TensorSpec([32, 32, 3]))


# Name: (input, graph, mean, std, resizing as the caller does it).
STRIPPED = {
    "resize-then-scale": ("u8", lambda x: network(resized(x) / 127.5 - 1.0), [127.5], [127.5], "bilinear"),
    "scale-then-resize": ("u8", lambda x: network(tf.image.resize((2 / 255) * tf.cast(x, tf.float32) - 1.0, (32, 32))),
                          [127.5], [127.5], "bilinear"),
    "channels": ("u8", lambda x: network((resized(x) - MEAN) / STD), MEAN, STD, "bilinear"),
    "nearest": ("u8", lambda x: network(resized(x, method="nearest") / 255.0), [0], [255], "nearest"),
    "no-resize": ("u8-32", lambda x: network((tf.cast(x, tf.float32) - 127.0) * 0.0078125), [127], [128], None),
    "fixed-size": ("u8-48", lambda x: network(resized(x) / 127.5 - 1.0), [127.5], [127.5], "bilinear"),
    "float": ("f32", lambda x: network(tf.image.resize(x, (32, 32)) - 100.0), [100], [1], "bilinear"),
    "map-over-the-batch": ("u8", lambda x: network(map_over_batch(x)), [127.5], [127.5], "bilinear"),
    "padded-convolution": ("u8", lambda x: padded(resized(x) / 127.5 - 1.0), [127.5], [127.5], "bilinear"),
    "cast-only": ("u8-32", lambda x: network(tf.cast(x, tf.float32)), [0], [1], None),
}
REFUSED = {
    "channels-swapped": ("u8", lambda x: network(resized(x)[..., ::-1] - 100.0)),
    "channels-mixed": ("u8", lambda x: network(tf.einsum("bhwc,cd->bhwd", resized(x), np.full((3, 3), 1 / 3, np.float32)))),
    "square": ("u8", lambda x: network((resized(x) / 255.0) ** 2)),
    "standardized": ("u8", lambda x: network(tf.image.per_image_standardization(resized(x)))),
    "negative": ("u8", lambda x: network(1.0 - resized(x) / 255.0)),
    "cropped": ("u8-48", lambda x: network(tf.cast(x, tf.float32)[:, 8:40, 8:40] / 255.0)),
    "resized-twice": ("u8", lambda x: network(tf.image.resize(resized(x, 16), (32, 32)) / 255.0)),
    "read-elsewhere": ("u8", lambda x: {**network(resized(x) / 255.0), "brightest": tf.reduce_max(x)}),
    "no-network": ("u8", lambda x: {"small": resized(x) / 255.0}),
}
SPECS = {"u8": ([1, None, None, 3], tf.uint8), "f32": ([1, None, None, 3], tf.float32),
         "u8-32": ([1, 32, 32, 3], tf.uint8), "u8-48": ([1, 48, 48, 3], tf.uint8)}


def frozen(name, kind, build):
    shape, dtype = SPECS[kind]
    traced = tf.function(build, input_signature=[tf.TensorSpec(shape, dtype)]).get_concrete_function()
    concrete = convert_variables_to_constants_v2(traced)
    graph, names = renamed.renamed(concrete.graph.as_graph_def())
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"pre-{name}.pb"
    path.write_bytes(graph.SerializeToString())
    return path, graph, names[concrete.inputs[0].op.name], [names[t.op.name] for t in concrete.outputs]


def run(path, outputs, name, *flags):
    target = OUT / f"pre-{name}.tflite"
    target.unlink(missing_ok=True)
    outcome, report = binary.convert(path, target, "--preprocess", "strip", "--output-arrays", ",".join(outputs), *flags)
    return outcome, report, target


@pytest.mark.parametrize("name", list(STRIPPED))
def test_stripped(name, pumice, runtimes):
    kind, build, mean, std, method = STRIPPED[name]
    path, graph, feed, outputs = frozen(name, kind, build)
    outcome, report, target = run(path, outputs, name)
    assert outcome.status == 0, outcome.text()
    said = report["detectors"][0]["preprocess"]
    np.testing.assert_allclose(said["mean"], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(said["std"], std, rtol=1e-5)
    assert (said["height"], said["width"]) == (32, 32) and (said["resize"] is None) == (method is None)
    (given,) = report["output"]["signatures"][0]["inputs"]
    assert given["dtype"] == "float32" and given["shape"] == [1, 32, 32, 3]
    shape = [s or 45 for s in SPECS[kind][0]]
    picture = RANDOM.integers(0, 256, shape).astype(SPECS[kind][1].as_numpy_dtype)
    with reference.runner(graph, outputs) as tensorflow:
        expected = tensorflow({feed: picture})
    small = tf.image.resize(tf.cast(picture, tf.float32), (32, 32), method).numpy() if method else picture
    inputs = OUT / "pre.npz"
    np.savez(inputs, **{feed: ((small - np.float32(said["mean"])) / np.float32(said["std"])).astype(np.float32)})
    for runtime in runtimes:
        found = runtime.run(target, inputs, OUT / "pre.out.npz")
        for output in outputs:
            np.testing.assert_allclose(found[output], expected[output], rtol=1e-4, atol=1e-4 * np.abs(expected[output]).max())


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name, pumice):
    path, _, _, outputs = frozen(name, *REFUSED[name])
    outcome, _, target = run(path, outputs, name)
    assert outcome.status == 4 and "pre-processing" in outcome.stderr, outcome.text()
    assert not target.exists()


def test_pedestrian(pumice, runtimes):
    """The trained detector: the same best detection, and the normalization in the metadata."""
    source, target = MODELS / "pedestrian/frozen_inference_graph.pb", OUT / "pre-pedestrian.tflite"
    outcome, report = binary.convert(source, target, "--preprocess", "strip", "--postprocess", "custom-op")
    assert outcome.status == 0, outcome.text()
    assert "127.5" in str(report["output"]["metadata"])
    picture = tf.io.decode_png((MODELS / "pictures/astronaut.png").read_bytes(), 3).numpy()[None]
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(source.read_bytes())
    with reference.runner(graph, ["detection_scores", "detection_boxes"]) as tensorflow:
        expected = tensorflow({"image_tensor": picture})
    small = tf.compat.v1.image.resize_bilinear(tf.cast(picture, tf.float32), (300, 300)).numpy()
    inputs = OUT / "pre-pedestrian.npz"
    np.savez(inputs, image_tensor=(small - 127.5) / 127.5)
    for runtime in runtimes:
        found = runtime.run(target, inputs, OUT / "pre.out.npz")
        np.testing.assert_allclose(found["TFLite_Detection_PostProcess:2"][0, 0], expected["detection_scores"][0, 0], atol=1e-3)
        np.testing.assert_allclose(found["TFLite_Detection_PostProcess"][0, 0], expected["detection_boxes"][0, 0], atol=1e-3)
    other = binary.run("convert", source, "-o", OUT / "other.tflite", "--preprocess", "strip", "--normalize", "0,1")
    assert other.status == 2 and "127.5" in other.stderr, other.text()
