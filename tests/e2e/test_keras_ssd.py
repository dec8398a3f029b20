"""The user's two lines on an SSD made with Keras: convert with labels and normalization, then detect without flags."""
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from harness import binary
from harness.real_models import MODELS
from models.architectures import anchors
from models.backends import decode

SIZE, CLASSES = 96, 12
NAMES = [f"thing {i}" for i in range(CLASSES - 1)] + ["été"]
MAPS, EACH = [12, 6], [3, 3]


def ssd():
    """A small SSD of two feature maps: separable convolutions with batch norm, box and class heads of each."""
    keras.utils.set_random_seed(4)
    image = keras.Input((SIZE, SIZE, 3), batch_size=1, name="image")
    x, maps = image, []
    for filters, stride in ((8, 2), (16, 2), (24, 2), (32, 2)):
        x = keras.layers.DepthwiseConv2D(3, stride, "same", use_bias=False)(x)
        x = keras.layers.Conv2D(filters, 1, use_bias=False)(x)
        x = keras.layers.ReLU(6.0)(keras.layers.BatchNormalization()(x))
        maps.append(x)
    boxes, logits = [], []
    for each, x in zip(EACH, maps[-2:]):
        boxes.append(keras.layers.Reshape((-1, 4))(keras.layers.Conv2D(each * 4, 3, padding="same")(x)))
        logits.append(keras.layers.Reshape((-1, CLASSES))(keras.layers.Conv2D(
            each * CLASSES, 3, padding="same", kernel_initializer="he_normal")(x)))
    scores = keras.layers.Activation("sigmoid")(keras.layers.Concatenate(axis=1)(logits))
    return keras.Model(image, [keras.layers.Concatenate(axis=1)(boxes), scores])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """ssd.pb, coco.txt, photo.jpg, and TensorFlow's own outputs for the photo."""
    folder = tmp_path_factory.mktemp("ssd")
    model, table = ssd(), anchors(MAPS, EACH)

    @tf.function(input_signature=[tf.TensorSpec([1, SIZE, SIZE, 3], tf.float32, name="image")])
    def detector(image):
        encodings, scores = model(image, training=False)
        found = tf.image.combined_non_max_suppression(
            decode(encodings * 4.0, table)[:, :, None, :], tf.sigmoid(8.0 * (scores - 0.45) / 0.3), 20, 50, 0.5, 0.2)
        return (tf.identity(found.nmsed_boxes, name="detection_boxes"),
                tf.identity(found.nmsed_scores, name="detection_scores"),
                tf.add(found.nmsed_classes, 1.0, name="detection_classes"),
                tf.cast(found.valid_detections, tf.float32, name="num_detections"))

    frozen = convert_variables_to_constants_v2(detector.get_concrete_function())
    wanted = ["detection_boxes", "detection_scores", "detection_classes", "num_detections"]
    graph = tf.compat.v1.graph_util.extract_sub_graph(frozen.graph.as_graph_def(), wanted)
    (folder / "ssd.pb").write_bytes(graph.SerializeToString())
    (folder / "coco.txt").write_text("\n".join(NAMES) + "\n")
    picture = tf.io.decode_png((MODELS / "pictures/astronaut.png").read_bytes(), 3)
    photo = tf.cast(tf.image.resize(picture, (SIZE, SIZE), antialias=True), tf.uint8)
    (folder / "photo.jpg").write_bytes(tf.io.encode_jpeg(photo, quality=95).numpy())
    pixels = tf.io.decode_jpeg((folder / "photo.jpg").read_bytes(), 3, dct_method="INTEGER_ACCURATE")
    expected = detector((tf.cast(pixels, tf.float32) - 127.5)[None] / 127.5)
    return folder, [e.numpy()[0] for e in expected]


def test_convert_then_detect(made):
    folder, (boxes, scores, classes, count) = made
    outcome, report = binary.convert(folder / "ssd.pb", folder / "ssd.tflite", "--labels", folder / "coco.txt",
                                     "--normalize", "127.5,127.5")
    assert outcome.status == 0 and not outcome.stderr and not report["warnings"], outcome.text()
    assert report["output"]["metadata"]["labels"] == ["???", *NAMES] and not report["output"]["custom_ops"]
    assert binary.run("verify", folder / "ssd.pb", folder / "ssd.tflite").status == 0

    outcome = binary.run("detect", folder / "ssd.tflite", folder / "photo.jpg", "-o", folder / "boxes.png", "--json")
    assert outcome.status == 0 and not outcome.stderr, outcome.text()
    answer = json.loads(outcome.stdout)
    assert answer["fed_as"] == "96 x 96, (pixel - 127.5) / 127.5"
    expected = [i for i in range(int(count)) if scores[i] >= 0.5]
    assert len(expected) >= 3 and len({classes[i] for i in expected}) >= 2
    assert [d["label"] for d in answer["detections"]] == [int(classes[i]) for i in expected]
    for d, i in zip(answer["detections"], expected):
        assert abs(d["score"] - scores[i]) < 1e-4 and d["name"] == NAMES[d["label"] - 1]
        corners = np.clip(boxes[i], 0, 1) * SIZE
        assert np.all(np.abs([d["box"][s] for s in ("top", "left", "bottom", "right")] - corners) <= 1)
    drawn = tf.io.decode_png((folder / "boxes.png").read_bytes(), 3)
    assert drawn.shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize("lines", [CLASSES - 1, CLASSES + 1])
def test_labels_of_another_data_set(made, lines):
    """The number of classes is known from the graph."""
    folder, _ = made
    (folder / "other.txt").write_text("".join(f"{i}\n" for i in range(lines)))
    outcome = binary.run("convert", folder / "ssd.pb", "-o", folder / "other.tflite", "--labels", folder / "other.txt")
    assert outcome.status == 2 and f"expected {CLASSES}, found {lines}" in outcome.stderr, outcome.text()
    assert not (folder / "other.tflite").exists()
