"""pumice verify on trained detectors whose tail became the operator: from the graph's own post-processing, and on raw heads."""
import json

import numpy as np
import pytest
import tensorflow as tf

from harness import binary
from harness.real_models import MODELS

PEDESTRIAN = MODELS / "pedestrian/frozen_inference_graph.pb"
HANDS = MODELS / "handtrack/ssd320fpnlite"
HEADS = ["--input-arrays", "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3", "--input-shapes", "1,300,300,3",
         "--output-arrays", "Squeeze,Postprocessor/convert_scores"]


@pytest.fixture(scope="module")
def picture():
    return tf.io.decode_png(tf.io.read_file(str(MODELS / "pictures/astronaut.png")), channels=3)[None]


def verify(source, target, *flags):
    outcome = binary.run("verify", source, target, "--json", *flags)
    return outcome, json.loads(outcome.stdout) if outcome.stdout.startswith("{") else None


def test_the_person_detector(tmp_path, picture):
    np.savez(tmp_path / "in.npz", image_tensor=picture.numpy())
    outcome, _ = binary.convert(PEDESTRIAN, tmp_path / "x.tflite", "--postprocess", "custom-op")
    assert outcome.status == 0, outcome.text()
    for flags in (["--inputs", tmp_path / "in.npz"], ["--batch", "250"]):  # the picture, and noise
        outcome, document = verify(PEDESTRIAN, tmp_path / "x.tflite", *flags)
        assert outcome.status == 0, outcome.stdout + outcome.text()
        (signature,) = document["signatures"]
        assert len(signature["outputs"]) == 4 and signature["outputs"][3]["reference_magnitude"] > 20
    outcome = binary.run("verify", PEDESTRIAN, tmp_path / "x.tflite", "--inputs", tmp_path / "in.npz")
    assert "the source's detections as the operator gives them" in outcome.stdout
    # Another model of the same form: class scores a little higher.
    graph = tf.compat.v1.GraphDef()
    graph.ParseFromString(PEDESTRIAN.read_bytes())
    (bias,) = (n for n in graph.node if n.name == "BoxPredictor_1/ClassPredictor/biases")
    bias.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(tf.make_ndarray(bias.attr["value"].tensor) + 0.05))
    (tmp_path / "other.pb").write_bytes(graph.SerializeToString())
    outcome, _ = binary.convert(tmp_path / "other.pb", tmp_path / "other.tflite", "--postprocess", "custom-op")
    assert outcome.status == 0, outcome.text()
    outcome, document = verify(PEDESTRIAN, tmp_path / "other.tflite", "--inputs", tmp_path / "in.npz")
    assert outcome.status == 6 and not document["signatures"][0]["outputs"][2]["ok"]


def test_its_raw_heads(tmp_path):
    outcome, report = binary.convert(PEDESTRIAN, tmp_path / "x.tflite", "--postprocess", "none")
    assert outcome.status == 0, outcome.text()
    anchors = np.array(report["detectors"][0]["anchor_rows"], np.float32)
    np.save(tmp_path / "anchors.npy", anchors)
    np.save(tmp_path / "wrong.npy", anchors * np.float32([1.01, 1, 1, 1]))
    flags = ["--anchors", tmp_path / "anchors.npy", "--score-conversion", "none", "--max-detections", "40"]
    outcome, _ = binary.convert(PEDESTRIAN, tmp_path / "x.tflite", "--postprocess", "custom-op", *HEADS, *flags)
    assert outcome.status == 0, outcome.text()
    outcome, document = verify(PEDESTRIAN, tmp_path / "x.tflite", *HEADS, *flags)
    assert outcome.status == 0 and document["agrees"], outcome.stdout + outcome.text()
    flags[1] = tmp_path / "wrong.npy"
    outcome, document = verify(PEDESTRIAN, tmp_path / "x.tflite", *HEADS, *flags)
    assert outcome.status == 6 and not document["signatures"][0]["outputs"][0]["ok"]
    outcome, document = verify(PEDESTRIAN, tmp_path / "x.tflite", *HEADS)
    assert outcome.status == 4 and "--anchors FILE" in outcome.stderr
    assert document["signatures"][0]["reason"] and not document["agrees"]


@pytest.mark.parametrize("form", ["base", "int8"])
def test_the_hand_detector(tmp_path, form):
    source = HANDS / form / "model.json"
    outcome, _ = binary.convert(source, tmp_path / "x.tflite", "--postprocess", "custom-op")
    assert outcome.status == 0, outcome.text()
    outcome, document = verify(source, tmp_path / "x.tflite")
    assert outcome.status == 0 and len(document["signatures"][0]["outputs"]) == 4, outcome.stdout + outcome.text()
