"""pumice detect on raw SSD heads and on quantized models: against TensorFlow's own decoding and non-max suppression."""
import json

import numpy as np
import pytest
import tensorflow as tf

from ai_edge_litert import interpreter as litert

from harness import binary
from harness.real_models import MODELS, REAL

SIDE, BOXES, COLUMNS = 64, 150, 5
MEAN, STD = 127.5, 127.5


class Heads(tf.Module):
    """A picture to box encodings and logits that depend on it."""

    def __init__(self):
        super().__init__()
        random = np.random.default_rng(11)
        self.boxes = tf.Variable(random.normal(size=(48, BOXES * 4)).astype(np.float32))
        self.logits = tf.Variable(random.normal(size=(48, BOXES * COLUMNS)).astype(np.float32))
        self.anchors = np.concatenate([random.uniform(0.15, 0.85, (BOXES, 2)), random.uniform(0.1, 0.4, (BOXES, 2))],
                                      1).astype(np.float32)

    @tf.function(input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3], tf.float32, name="image")])
    def __call__(self, image):
        pooled = tf.reshape(tf.nn.avg_pool2d(image, 16, 16, "VALID"), [1, 48])
        return {"encodings": tf.reshape(tf.matmul(pooled, self.boxes), [1, BOXES, 4]),
                "logits": tf.reshape(tf.matmul(pooled, self.logits), [1, BOXES, COLUMNS])}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    heads = Heads()
    picture = np.random.default_rng(2).integers(0, 256, (4, 4, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    tf.io.write_file(str(folder / "picture.png"), tf.io.encode_png(picture))
    tf.saved_model.save(heads, str(folder / "heads"), signatures=heads.__call__)
    np.save(folder / "anchors.npy", heads.anchors)
    np.savetxt(folder / "anchors.txt", heads.anchors, "%.9g")
    (folder / "labels.txt").write_text("a\nb\nc\nd\n")
    outcome = binary.run("convert", folder / "heads", "-o", folder / "heads.tflite", "--quiet", "--labels",
                         folder / "labels.txt", "--normalize", f"{MEAN},{STD}")
    assert outcome.status == 0, outcome.text()

    def samples():
        for i in range(8):
            yield [np.random.default_rng(i).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)]
        yield [((picture[None] - MEAN) / STD).astype(np.float32)]

    for dtype in (tf.int8, tf.uint8):
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder / "heads"))
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = samples
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = dtype
        (folder / f"{dtype.name}.tflite").write_bytes(converter.convert())
    return folder, heads, picture


def reference(encodings, logits, anchors, score="sigmoid", scales=(10, 10, 5, 5), iou=0.6, background=True,
              threshold=0.5, most=100):
    """[(column, score, box)], best first: decoded, and suppressed by tf.image, class by class."""
    encodings, anchors = tf.constant(encodings), tf.constant(anchors)
    y, x, h, w = tf.unstack(encodings / tf.constant(scales, tf.float32), axis=1)
    ay, ax, ah, aw = tf.unstack(anchors, axis=1)
    y, x, h, w = y * ah + ay, x * aw + ax, tf.exp(h) * ah, tf.exp(w) * aw
    boxes = tf.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], 1)
    scores = {"sigmoid": tf.sigmoid, "softmax": tf.nn.softmax, "none": tf.identity}[score](logits).numpy()
    found = []
    for column in range(1 if background else 0, scores.shape[1]):
        kept = tf.image.non_max_suppression(boxes, scores[:, column], most, iou, threshold)
        found += [(column, scores[i, column], boxes[i].numpy()) for i in kept.numpy()]
    return sorted(found, key=lambda d: -d[1])[:most]


def compare(found, expected, score=1e-5, pixels=1):
    """The same detections, best first. Nearly equal scores may stand in either order: they are matched one to one."""
    scores = [d["score"] for d in found]
    assert scores == sorted(scores, reverse=True)
    left = list(found)
    for column, best, box in expected:
        corners = np.clip(box, 0, 1) * SIDE
        twin = next((d for d in left if d["label"] == column and abs(d["score"] - best) <= score and np.all(np.abs(
            [d["box"][s] for s in ("top", "left", "bottom", "right")] - corners) <= pixels)), None)
        assert twin, (column, best, corners)
        left.remove(twin)
    assert not left


def detect(model, picture, *flags):
    outcome = binary.run("detect", model, picture, "--json", *flags)
    assert outcome.status == 0, outcome.text()
    return json.loads(outcome.stdout)


CASES = {  # flags, the reference's arguments
    "sigmoid": (["--score", "sigmoid", "--threshold", "0.7"], {"threshold": 0.7}),
    "softmax": (["--score", "softmax", "--threshold", "0.4"], {"score": "softmax", "threshold": 0.4}),
    "strict": (["--score", "sigmoid", "--iou", "0.1"], {"iou": 0.1}),
    "no-suppression": (["--score", "sigmoid", "--iou", "1", "--threshold", "0.8"], {"iou": 1.0, "threshold": 0.8}),
    "scales": (["--score", "sigmoid", "--scales", "8,4,2.5,3"], {"scales": (8, 4, 2.5, 3)}),
    "few": (["--score", "sigmoid", "--max", "7", "--threshold", "0.1"], {"most": 7, "threshold": 0.1}),
    "text-anchors": (["--score", "sigmoid"], {}),
}


@pytest.mark.parametrize("name", list(CASES))
def test_heads(made, name):
    folder, heads, picture = made
    flags, arguments = CASES[name]
    anchors = folder / ("anchors.txt" if name == "text-anchors" else "anchors.npy")
    found = detect(folder / "heads.tflite", folder / "picture.png", "--anchors", anchors, *flags)
    outputs = heads(((picture[None] - MEAN) / STD).astype(np.float32))
    expected = reference(outputs["encodings"][0].numpy(), outputs["logits"][0].numpy(), heads.anchors, **arguments)
    assert len(expected) >= 5
    compare(found["detections"], expected)
    # The labels are the model's own; column 0 is the background's, as they are one fewer.
    assert all(d["name"] == " abcd"[d["label"]] for d in found["detections"])


def test_labels_tell_whether_there_is_a_background(made):
    folder, heads, picture = made
    flags = ["--anchors", folder / "anchors.npy", "--score", "sigmoid"]
    outputs = heads(((picture[None] - MEAN) / STD).astype(np.float32))
    numbers = outputs["encodings"][0].numpy(), outputs["logits"][0].numpy(), heads.anchors
    (folder / "five.txt").write_text("a\nb\nc\nd\ne\n")
    found = detect(folder / "heads.tflite", folder / "picture.png", *flags, "--labels", folder / "five.txt")
    compare(found["detections"], reference(*numbers, background=False))
    assert {d["name"] for d in found["detections"]} <= set("abcde") and found["detections"][0]["name"]
    (folder / "five.txt").write_text("???\na\nb\nc\nd\n")
    compare(detect(folder / "heads.tflite", folder / "picture.png", *flags, "--labels", folder / "five.txt")["detections"],
            reference(*numbers))


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_quantized(made, dtype):
    """Scale and zero point of input and outputs are used."""
    folder, heads, picture = made
    interpreter = tf.lite.Interpreter(str(folder / f"{dtype}.tflite"))
    interpreter.allocate_tensors()
    (taken,), given = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = taken["quantization"]
    limits = np.iinfo(dtype)
    stored = np.clip(np.round((picture[None] - MEAN) / STD / scale) + zero, limits.min, limits.max)
    interpreter.set_tensor(taken["index"], stored.astype(dtype))
    interpreter.invoke()
    values = {}
    for output in given:
        scale, zero = output["quantization"]
        values[output["shape"][-1]] = ((interpreter.get_tensor(output["index"])[0].astype(np.float32) - zero) * scale)
    found = detect(folder / f"{dtype}.tflite", folder / "picture.png", "--anchors", folder / "anchors.npy", "--score",
                   "sigmoid", "--threshold", "0.7", "--normalize", f"{MEAN},{STD}")
    expected = reference(values[4], values[COLUMNS], heads.anchors, threshold=0.7)
    assert len(expected) >= 5
    compare(found["detections"], expected, score=1e-4)


def test_refused(made, tmp_path):
    folder, _, _ = made
    model, picture = folder / "heads.tflite", folder / "picture.png"
    np.save(tmp_path / "few.npy", np.ones((7, 4), np.float32))
    np.save(tmp_path / "three.npy", np.ones((BOXES, 3), np.float32))
    (tmp_path / "labels.txt").write_text("a\nb\n")
    (tmp_path / "text.txt").write_text("no anchors")
    anchors = ["--anchors", folder / "anchors.npy"]
    for flags, status, words in [
        ([], 4, "--anchors"),
        (anchors, 2, "--score sigmoid"),
        (["--anchors", tmp_path / "few.npy"], 3, "few.npy"),
        (["--anchors", tmp_path / "three.npy"], 3, "three.npy"),
        (["--anchors", tmp_path / "text.txt"], 3, "text.txt"),
        (["--anchors", tmp_path / "none.npy"], 3, "none.npy"),
        ([*anchors, "--score", "sigmoid", "--labels", tmp_path / "labels.txt"], 2, "labels.txt"),
        ([*anchors, "--score", "sigmoid", "--outputs", "encodings,none"], 2, "raw heads"),
        ([*anchors, "--score", "sigmoid", "--outputs", "a,b,c"], 2, "BOXES,SCORES"),
        ([*anchors, "--score", "sigmoid", "--scales", "0,1,1,1"], 2, "--scales"),
        ([*anchors, "--score", "sigmoid", "--scales", "1,1"], 2, ""),
        ([*anchors, "--score", "tanh"], 2, ""),
        ([*anchors, "--score", "sigmoid", "--iou", "2"], 2, ""),
        ([*anchors, "--score", "sigmoid", "--max", "0"], 2, ""),
    ]:
        outcome = binary.run("detect", model, picture, "-o", tmp_path / "x.png", *flags)
        assert outcome.status == status and words in outcome.stderr, (flags, outcome.text())
        assert not (tmp_path / "x.png").exists()


def test_pedestrian_heads(tmp_path):
    """A real detector's raw heads, with the anchors that stand in its converted form with the detection operator."""
    source = MODELS / "pedestrian/frozen_inference_graph.pb"
    (tmp_path / "labels.txt").write_text("person\n")
    labels = ["--labels", tmp_path / "labels.txt"]
    for name, flags in {"whole": ["--postprocess", "custom-op", "--preprocess", "strip"],
                        "heads": [*REAL["pedestrian"].flags(), "--normalize", "0,1"]}.items():
        outcome = binary.run("convert", source, "-o", tmp_path / f"{name}.tflite", "--quiet", *labels, *flags)
        assert outcome.status == 0, outcome.text()
    interpreter = litert.Interpreter(str(tmp_path / "whole.tflite"))
    interpreter.allocate_tensors()
    (operator,) = [op for op in interpreter._get_ops_details() if op["op_name"] == "TFLite_Detection_PostProcess"]
    anchors = interpreter.get_tensor(operator["inputs"][2])
    np.save(tmp_path / "anchors.npy", anchors)
    picture = MODELS / "pictures/astronaut.png"
    # The cut leaves the normalization in the graph: it takes the scaled picture's values.
    found = detect(tmp_path / "heads.tflite", picture, "--anchors", tmp_path / "anchors.npy")
    whole = detect(tmp_path / "whole.tflite", picture)
    assert [d["name"] for d in found["detections"]] == ["person"]
    assert abs(found["detections"][0]["score"] - whole["detections"][0]["score"]) < 1e-4
    assert all(abs(found["detections"][0]["box"][s] - edge) <= 1 for s, edge in whole["detections"][0]["box"].items())
