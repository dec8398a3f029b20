"""Metadata and labels in a detector's .tflite: the libraries that users run detectors with take the file as it is."""
import json
import struct
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import interpreter as litert

from detection import libraries
from harness import binary
from harness.real_models import MODELS

ASTRONAUT = MODELS / "pictures/astronaut.png"
PEDESTRIAN = MODELS / "pedestrian/frozen_inference_graph.pb"
WHOLE = ["--input-arrays", "image_tensor", "--output-arrays",
         "detection_boxes,detection_classes,detection_scores,num_detections"]
LIBRARIES = ["task-library", "mediapipe"]

# Means and deviations that differ by channel, and what the plain picture below becomes by them.
NORMALIZE = "120,60:110,50:100,40"
COLOUR = (150, 60, 120)
NORMALIZED = (0.5, -1.0, 0.5)
NORMALIZED_ALIKE = (0.5, -1.0, 0.0)  # by 120 and 60


class FourOutputs(tf.Module):
    """Two boxes; the first one's score tells how the picture was normalized: 0.5 + red / 2 + green / 8 - blue / 4."""

    @tf.function(input_signature=[tf.TensorSpec([1, 32, 48, 3], tf.float32, name="image")])
    def __call__(self, image):
        mean = tf.reduce_mean(image, axis=[1, 2])
        score = 0.5 + tf.reduce_sum(mean * [[0.5, 0.125, -0.25]], axis=1, keepdims=True)
        return {"score": tf.concat([score, tf.constant([[0.4, 0.0]])], 1),
                "number of detections": tf.constant([2.0]) + 0 * score[0],
                "location": tf.constant([[[0.1, 0.2, 0.5, 0.6], [0.0, 0.0, 0.3, 0.3], [0, 0, 0, 0]]]) + 0 * score[0, 0],
                "category": tf.constant([[2.0, 0.0, 0.0]]) + 0 * score}


class Composite(tf.Module):
    """A picture through the object-detection API's composite: LiteRT's detection operator gives the outputs."""

    def __init__(self, classes=3):
        super().__init__()
        random = np.random.default_rng(5)
        self.weights = tf.Variable(random.normal(size=(48, 20 * 4 + 20 * (classes + 1))).astype(np.float32))
        self.anchors = np.concatenate([random.uniform(0.1, 0.9, (20, 2)), random.uniform(0.1, 0.4, (20, 2))],
                                      1).astype(np.float32)
        options = ('name: "TFLite_Detection_PostProcess" attr { key: "max_detections" value { i: 10 } } '
                   'attr { key: "max_classes_per_detection" value { i: 1 } } '
                   f'attr {{ key: "num_classes" value {{ i: {classes} }} }} '
                   'attr { key: "use_regular_nms" value { b: true } } '
                   'attr { key: "nms_score_threshold" value { f: 0.01 } } '
                   'attr { key: "nms_iou_threshold" value { f: 0.5 } } '
                   + " ".join(f'attr {{ key: "{k}_scale" value {{ f: {v} }} }}'
                              for k, v in (("y", 10.0), ("x", 10.0), ("h", 5.0), ("w", 5.0))))

        @tf.function(experimental_implements=options)
        def post_processing(encodings, predictions, anchors):
            return tuple(tf.constant(0.0, name=name) for name in ("boxes", "classes", "scores", "count"))

        self.post_processing = post_processing

    @tf.function(input_signature=[tf.TensorSpec([1, 32, 32, 3], tf.float32, name="image")])
    def __call__(self, image):
        pooled = tf.reshape(tf.nn.avg_pool2d(image, 8, 8, "VALID"), [1, 48])
        heads = tf.matmul(pooled, self.weights)
        encodings = tf.reshape(heads[:, :80], [1, 20, 4])
        scores = tf.sigmoid(tf.reshape(heads[:, 80:], [1, 20, -1]))
        boxes, classes, best, count = self.post_processing(encodings, scores, self.anchors)
        return {"boxes": boxes, "classes": classes, "scores": best, "count": count}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("metadata")
    (folder / "person.txt").write_text("person\n")
    (folder / "animals.txt").write_text("cat\ndog\ncow\n")
    tf.io.write_file(str(folder / "small.png"), tf.io.encode_png(  # of the model's own size: nothing is scaled
        np.random.default_rng(1).integers(0, 256, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)))
    tf.io.write_file(str(folder / "plain.png"), tf.io.encode_png(np.full((32, 48, 3), COLOUR, np.uint8)))
    for name, module in (("four", FourOutputs()), ("composite", Composite())):
        tf.saved_model.save(module, str(folder / name), signatures=module.__call__)
    convert(PEDESTRIAN, folder / "person.tflite", "--labels", folder / "person.txt")
    convert(PEDESTRIAN, folder / "person300.tflite", "--labels", folder / "person.txt", *WHOLE,
            "--input-shapes", "1,300,300,3")
    convert(PEDESTRIAN, folder / "operator.tflite", "--labels", folder / "person.txt", "--postprocess", "custom-op")
    convert(PEDESTRIAN, folder / "stripped.tflite", "--labels", folder / "person.txt", "--postprocess", "custom-op",
            "--preprocess", "strip")
    convert(folder / "four", folder / "four.tflite", "--labels", folder / "animals.txt", "--normalize", NORMALIZE)
    convert(folder / "four", folder / "four-grey.tflite", "--labels", folder / "animals.txt", "--normalize",
            "120,60:120,60:120,60")
    convert(folder / "composite", folder / "composite.tflite", "--labels", folder / "animals.txt", "--normalize",
            "127.5,127.5")
    return folder


def convert(source, target, *flags):
    outcome, report = binary.convert(source, target, *flags)
    assert outcome.status == 0, outcome.text()
    return report


def detect(model, picture, *flags):
    outcome = binary.run("detect", model, picture, "--json", "--threshold", "0.3", *flags)
    assert outcome.status == 0, outcome.text()
    return json.loads(outcome.stdout)


def same(found, expected, pixels, score):
    """Detections of pumice and of a library: the same names in the same order, boxes and scores close."""
    assert [d["name"] for d in found] == [d["name"] for d in expected]
    for a, b in zip(found, expected):
        assert abs(a["score"] - b["score"]) <= score
        assert all(abs(a["box"][side] - b[side]) <= pixels for side in ("left", "top", "right", "bottom")), (a, b)


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_take_the_person_detector(made, library):
    """As the graph has it, and with its tail as the detection operator and its pre-processing moved out."""
    models = ["person300.tflite", "stripped.tflite"]
    models += ["person.tflite", "operator.tflite"] if library == "task-library" else []  # inputs of open size
    answers = libraries.ask(library, "detect", ASTRONAUT, *(made / m for m in models))
    for model, answer in zip(models, answers):
        found = detect(made / model, ASTRONAUT)["detections"]
        assert [d["name"] for d in found] == ["person"]
        same(found, answer, pixels=8, score=0.03)  # each scales the picture in its own way


# MediaPipe 1.2 takes one mean and deviation for all channels only.
@pytest.mark.parametrize("library, model, normalized", [
    ("task-library", "four", NORMALIZED), ("task-library", "four-grey", NORMALIZED_ALIKE),
    ("mediapipe", "four-grey", NORMALIZED_ALIKE)])
def test_libraries_normalize_as_told(made, library, model, normalized):
    """Outputs in an order of their own, and a float input."""
    (answer,) = libraries.ask(library, "detect", made / "plain.png", made / f"{model}.tflite")
    score = 0.5 + normalized[0] / 2 + normalized[1] / 8 - normalized[2] / 4
    assert [d["name"] for d in answer] == ["cow", "cat"]
    assert abs(answer[0]["score"] - score) < 1e-5
    found = detect(made / f"{model}.tflite", made / "plain.png")
    assert not found["warnings"]
    if model == "four":
        assert found["fed_as"] == "48 x 32, (pixel - 120, 110, 100) / 60, 50, 40"
    same(found["detections"], answer, pixels=1, score=1e-5)


@pytest.mark.parametrize("library", LIBRARIES)
def test_libraries_take_the_operators_outputs(made, library):
    (answer,) = libraries.ask(library, "detect", made / "small.png", made / "composite.tflite")
    found = detect(made / "composite.tflite", made / "small.png")["detections"]
    assert len(found) >= 3 and len({d["name"] for d in found}) >= 2
    # Of a box that reaches beyond the picture, each keeps another part.
    inside = [all(0 < edge < 32 for edge in d["box"].values()) for d in found]
    assert sum(inside) >= 3
    same([d for d, i in zip(found, inside) if i], [d for d, i in zip(answer, inside) if i], pixels=2, score=1e-5)
    same(found, answer, pixels=1000, score=1e-5)


def without_words(metadata):
    """Without descriptions, and without what is empty."""
    if isinstance(metadata, dict):
        return {key: value for key, value in ((k, without_words(v)) for k, v in metadata.items())
                if key != "description" and value not in ({}, [], "")}
    return [without_words(entry) for entry in metadata] if isinstance(metadata, list) else metadata


@pytest.mark.parametrize("name", ["person300", "four", "composite"])
def test_support_reads_what_its_own_writer_writes(made, name):
    """TensorFlow Lite Support's reading of our metadata, and of its own for the same detector."""
    ours = libraries.ask("task-library", "metadata", made / f"{name}.tflite")
    assert ours["metadata"]["min_parser_version"] == ours["min_parser_version"] == "1.2.0"
    labels = ours["files"]["labels.txt"]
    assert labels == ("???\nperson\n" if name == "person300" else "cat\ndog\ncow\n")
    if name == "four":
        units = ours["metadata"]["subgraph_metadata"][0]["input_tensor_metadata"][0]["process_units"]
        assert units == [{"options_type": "NormalizationOptions",
                          "options": {"mean": [120.0, 110.0, 100.0], "std": [60.0, 50.0, 40.0]}}]
        return  # the writer would misname these outputs: it goes by the tensors' order, which is the signature's
    flags = ["--input-shapes", "1,300,300,3", *WHOLE] if name == "person300" else []
    convert(PEDESTRIAN if name == "person300" else made / name, made / "bare.tflite", *flags)
    (made / "labels.txt").write_text(labels)
    official = made / f"{name}-official.tflite"
    libraries.ask("task-library", "write", made / "bare.tflite", made / "labels.txt", 127.5, 127.5, official)
    theirs = libraries.ask("task-library", "metadata", official)
    if name == "person300":  # bytes are not normalized, whatever the writer is told
        del theirs["metadata"]["subgraph_metadata"][0]["input_tensor_metadata"][0]["process_units"]
    assert without_words(ours["metadata"]) == without_words(theirs["metadata"])
    # And pumice reads theirs.
    seen = json.loads(binary.run("inspect", "--json", official).stdout)["metadata"]
    assert seen["labels"] == labels.split() and seen["min_parser_version"] == "1.2.0"
    assert seen["inputs"][0]["normalization"] == {"mean": [127.5], "std": [127.5]}
    picture = ASTRONAUT if name == "person300" else made / "small.png"
    assert detect(official, picture)["detections"] == detect(made / f"{name}.tflite", picture)["detections"]


def test_report_and_inspect_show_it(made):
    report = convert(made / "four", made / "again.tflite", "--labels", made / "animals.txt", "--normalize", NORMALIZE)
    shown = report["output"]["metadata"]
    assert shown["labels"] == ["cat", "dog", "cow"] and shown["min_parser_version"] == "1.2.0"
    assert [t["name"] for t in shown["outputs"]] == ["category", "location", "number of detections", "score"]
    assert shown["inputs"][0]["normalization"]["std"] == [60, 50, 40]
    stats = shown["inputs"][0]["stats"]
    np.testing.assert_allclose(stats["min"], [-2, -2.2, -2.5])
    np.testing.assert_allclose(stats["max"], [2.25, 2.9, 3.875])
    seen = json.loads(binary.run("inspect", "--json", made / "four.tflite").stdout)
    assert seen["metadata"] == shown and not seen["warnings"]
    text = binary.run("inspect", made / "four.tflite").stdout
    assert "location: bounding box" in text and "3 labels: cat, dog, cow" in text
    convert(made / "four", made / "plain.tflite")
    assert json.loads(binary.run("inspect", "--json", made / "plain.tflite").stdout)["metadata"] is None
    # The same call gives the same bytes, and LiteRT reads past the archive.
    assert (made / "again.tflite").read_bytes() == (made / "four.tflite").read_bytes()
    with zipfile.ZipFile(made / "four.tflite") as archive:
        assert archive.testzip() is None
        assert [(e.filename, e.compress_type) for e in archive.infolist()] == [("labels.txt", zipfile.ZIP_STORED)]
    runner = litert.Interpreter(str(made / "four.tflite")).get_signature_runner()
    assert runner(image=np.zeros((1, 32, 48, 3), np.float32))["score"].shape == (1, 3)
    assert binary.run("verify", made / "four", made / "four.tflite").status == 0


class Several(FourOutputs):
    """The detector beside a signature that is none, and one with other classes."""

    @tf.function(input_signature=[tf.TensorSpec([1, 32, 48, 3], tf.float32, name="image")])
    def colours(self, image):
        return {"mean": tf.reduce_mean(image, [1, 2])}

    @tf.function(input_signature=[tf.TensorSpec([1, 32, 48, 3], tf.float32, name="image")])
    def other(self, image):
        found = self(image)
        return {**found, "category": found["category"] * 0 + 1}


def test_the_detector_among_several_signatures(made):
    """It goes first and is described; the libraries that read metadata know no other subgraph."""
    module = Several()
    tf.saved_model.save(module, str(made / "several"), signatures={"a_colours": module.colours, "detect": module.__call__,
                                                                   "other": module.other})
    flags = ["--labels", made / "animals.txt", "--normalize", "120,60:120,60:120,60"]
    report = convert(made / "several", made / "several.tflite", *flags)
    (warning,) = [w for w in report["warnings"] if w["code"] == "metadata_of_one_signature"]
    assert "'detect'" in warning["message"]
    assert [s["key"] for s in report["output"]["signatures"]] == ["detect", "a_colours", "other"]
    assert binary.run("verify", made / "several", made / "several.tflite").status == 0
    found = detect(made / "several.tflite", made / "plain.png")["detections"]
    assert [d["name"] for d in found] == ["cow", "cat"]
    (answer,) = libraries.ask("task-library", "detect", made / "plain.png", made / "several.tflite")
    same(found, answer, pixels=1, score=1e-5)
    with pytest.raises(BaseException, match="single subgraph"):
        libraries.ask("mediapipe", "detect", made / "plain.png", made / "several.tflite")
    # One of them by itself, for both; the same graph under two keys is one subgraph.
    tf.saved_model.save(module, str(made / "alias"), signatures={"a": module.__call__, "detect": module.__call__})
    for source, more in (("several", ["--signature", "detect"]), ("alias", [])):
        report = convert(made / source, made / "alone.tflite", *flags, *more)
        assert "metadata_of_one_signature" not in [w["code"] for w in report["warnings"]]
        for library in LIBRARIES:
            (answer,) = libraries.ask(library, "detect", made / "plain.png", made / "alone.tflite")
            same(found, answer, pixels=1, score=1e-5)
    # Which signature is meant may be said.
    outcome = binary.run("convert", made / "several", "-o", made / "x.tflite", "--signature", "a_colours", *flags)
    assert outcome.status == 2 and "--detector-outputs" in outcome.stderr and not (made / "x.tflite").exists()


def test_the_operators_classes_count_from_zero(made):
    """Without metadata, and outputs called boxes, classes, scores and count: the operator tells them."""
    convert(made / "composite", made / "silent.tflite")
    flags = ["--labels", made / "animals.txt", "--normalize", "127.5,127.5"]
    expected = detect(made / "composite.tflite", made / "small.png")["detections"]
    assert detect(made / "silent.tflite", made / "small.png", *flags)["detections"] == expected
    (made / "four-lines.txt").write_text("background\ncat\ndog\ncow\n")
    flags[1] = made / "four-lines.txt"
    assert detect(made / "silent.tflite", made / "small.png", *flags)["detections"] == expected


def test_labels_of_flags_win(made):
    (made / "other.txt").write_text("background\nhuman\n")
    found = detect(made / "person300.tflite", ASTRONAUT, "--labels", made / "other.txt")["detections"]
    assert [d["name"] for d in found] == ["human"]
    (made / "other.txt").write_text("one\ntwo\nthree\n")
    found = detect(made / "four.tflite", made / "plain.png", "--labels", made / "other.txt", "--normalize", "0,1000")
    assert [d["name"] for d in found["detections"]] == ["three", "one"]
    assert found["fed_as"].endswith("(pixel - 0) / 1000")


def test_outputs_without_names_are_named_by_the_user(tmp_path):
    """handtrack's eight outputs are Identity to Identity_7; the metadata say what they are from then on."""
    source = MODELS / "handtrack/ssd320fpnlite/base/model.json"
    names = ["open", "closed", "pinch", "point", "face", "tip", "pinchtip"]
    (tmp_path / "labels.txt").write_text("\n".join(names))
    flags = ["--labels", tmp_path / "labels.txt"]
    outcome = binary.run("convert", source, "-o", tmp_path / "hands.tflite", *flags)
    assert outcome.status == 2 and "--detector-outputs" in outcome.stderr, outcome.text()
    flags += ["--detector-outputs", "Identity_1,Identity_2,Identity_4,Identity_5"]
    report = convert(source, tmp_path / "hands.tflite", *flags)
    assert report["output"]["metadata"]["labels"] == ["???", *names]
    assert "not_four_outputs" in [w["code"] for w in report["warnings"]]
    (face,) = detect(tmp_path / "hands.tflite", ASTRONAUT, "--max", "1")["detections"]
    assert face["name"] == "face" and abs(face["score"] - 0.96) < 0.02
    (tmp_path / "labels.txt").write_text("\n".join(names[1:]))  # the number of classes is known from the graph
    outcome = binary.run("convert", source, "-o", tmp_path / "six.tflite", *flags)
    assert outcome.status == 2 and "expected 7, found 6" in outcome.stderr and not (tmp_path / "six.tflite").exists()


REFUSED = {  # flags, exit status, words of the message
    "too-many-labels": (["--labels", b"a\nb\n"], 2, "expected 1, found 2"),
    "too-many-with-background": (["--labels", b"background\na\nb\n"], 2, "expected 1, found 2"),
    "no-label": (["--labels", b"\n\n"], 3, "no names"),
    "labels-are-no-text": (["--labels", b"\x89PNG\r\n\x1a\n\x00\x00"], 3, "no text"),
    "labels-are-missing": (["--labels", None], 3, "no such file"),
    "no-deviation": (["--normalize", "127.5,0"], 2, "--normalize"),
    "one-number": (["--normalize", "127.5"], 2, "--normalize"),
    "no-number": (["--normalize", "a,b"], 2, "--normalize"),
    "two-channels": (["--normalize", "1,2:3,4"], 2, "channels"),
    "other-outputs": (["--labels", b"a\n", "--detector-outputs", "a,b,c"], 2, "no output 'a'"),
    "exchanged-outputs": (["--labels", b"a\n", "--detector-outputs",
                           "detection_scores,detection_classes,detection_boxes"], 2, "do not go together"),
    "two-outputs": (["--labels", b"a\n", "--detector-outputs", "a,b"], 2, "BOXES,CLASSES,SCORES"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused_and_nothing_written(tmp_path, name):
    flags, status, words = REFUSED[name]
    if flags[0] == "--labels":
        if flags[1] is not None:
            (tmp_path / "labels.txt").write_bytes(flags[1])
        flags = ["--labels", tmp_path / "labels.txt", *flags[2:]]
    (tmp_path / "out.tflite").write_bytes(b"precious")
    outcome = binary.run("convert", PEDESTRIAN, "-o", tmp_path / "out.tflite", "--quiet", *flags)
    assert outcome.status == status and words in outcome.stderr, outcome.text()
    assert (tmp_path / "out.tflite").read_bytes() == b"precious"
    assert not list(tmp_path.glob("*.partial*"))


def test_heads_have_a_label_a_column(tmp_path):
    """Raw heads of two columns: the background and the person."""
    heads = ["--input-arrays", "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3", "--output-arrays",
             "Squeeze,Postprocessor/convert_scores", "--input-shapes", "1,300,300,3"]
    (tmp_path / "labels.txt").write_text("person\n")
    report = convert(PEDESTRIAN, tmp_path / "heads.tflite", "--labels", tmp_path / "labels.txt", *heads)
    assert report["output"]["metadata"]["labels"] == ["???", "person"]
    assert [w["code"] for w in report["warnings"]] == ["normalization_unknown"]
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    outcome = binary.run("convert", PEDESTRIAN, "-o", tmp_path / "x.tflite", "--labels", tmp_path / "labels.txt", *heads)
    assert outcome.status == 2 and "found 3" in outcome.stderr and not (tmp_path / "x.tflite").exists()


def test_broken_metadata(made, tmp_path):
    """inspect warns of them; detect, which needs them, refuses."""
    whole = (made / "four.tflite").read_bytes()
    at = whole.index(b"M001")
    damaged = {
        "identifier": whole[:at] + b"XXXX" + whole[at + 4:],
        "reference": whole[:at - 4] + struct.pack("<I", 1 << 30) + whole[at:],
        "archive-cut": whole[:-10],
        "archive-gone": whole[:whole.rindex(b"PK\x03\x04")],
        "checksum": whole.replace(b"cat\ndog", b"cut\ndog"),
    }
    for name, content in damaged.items():
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(content)
        seen = binary.run("inspect", "--json", path)
        assert seen.status == 0 and json.loads(seen.stdout)["warnings"], name
        outcome = binary.run("detect", path, made / "plain.png", "-o", tmp_path / "x.png")
        assert outcome.status == 3 and path.name in outcome.stderr, (name, outcome.text())
        assert not (tmp_path / "x.png").exists()
