"""Label maps of TensorFlow's object-detection API where labels are taken; protocol buffers' own parser is the referee."""
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format

from detection.test_metadata import ASTRONAUT, PEDESTRIAN, Composite, convert, detect
from harness import binary

GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)  # of the COCO map: 90 ids, 80 items


def coco_map():
    """As the API has it: MIDs as names, names to show, and what else may stand in such files."""
    items = [f'item {{\n  name: "/m/{i:04x}"\n  id: {i}\n  display_name: "thing {i}"\n}}\n'
             for i in range(1, 91) if i not in GAPS]
    items[0] = ('item {\n  name: "/m/01g317"\n  id: 1\n  display_name: "person"\n'
                '  keypoints {\n    id: 0\n    label: "nose"\n  }\n  keypoints: <id: 1 label: "eye">\n'
                '  frequency: FREQUENT\n  instance_count: 12\n  added_later { id: 7 name: "no" }\n}\n')
    return "# COCO\n\n" + "".join(reversed(items))


def referee(text):
    """id -> the name to show, by protobuf's parser."""
    file = descriptor_pb2.FileDescriptorProto(name="map.proto", package="labels")
    item = file.message_type.add(name="Item")
    for name, number, kind in (("name", 1, 9), ("id", 2, 5), ("display_name", 3, 9)):
        item.field.add(name=name, number=number, type=kind, label=1)
    file.message_type.add(name="Map").field.add(name="item", number=1, type=11, type_name=".labels.Item", label=3)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    parsed = message_factory.GetMessageClass(pool.FindMessageTypeByName("labels.Map"))()
    text_format.Parse(text, parsed, allow_unknown_field=True)
    return {i.id: i.display_name or i.name for i in parsed.item}


class FromOne(tf.Module):
    """Detections by the names of TensorFlow's API: classes of 1 to 90."""

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 8, 3], tf.float32, name="image")])
    def __call__(self, image):
        light = tf.reduce_mean(image)
        one_hot = tf.one_hot([[0, 2, 89]], 90) * (light * 0 + 1)
        return {"detection_boxes": tf.constant([[[0.1, 0.1, 0.4, 0.4], [0.2, 0.5, 0.6, 0.9], [0.5, 0, 0.9, 0.3]]]),
                "detection_classes": tf.cast(tf.argmax(one_hot, 2), tf.float32) + 1,
                "detection_scores": tf.constant([[0.9, 0.8, 0.7]]) + light * 0,
                "num_detections": tf.constant([3.0])}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("label-maps")
    (folder / "coco.pbtxt").write_text(coco_map())
    names = referee(coco_map())
    (folder / "lines.txt").write_text("".join(names.get(i, "???") + "\n" for i in range(1, 91)))
    tf.io.write_file(str(folder / "small.png"), tf.io.encode_png(
        np.random.default_rng(1).integers(0, 256, (4, 4, 3), np.uint8).repeat(8, 0).repeat(8, 1)))
    for name, module in (("one", FromOne()), ("zero", Composite(90))):
        tf.saved_model.save(module, str(folder / name), signatures=module.__call__)
    return folder


@pytest.mark.parametrize("name, first", [("one", ["???"]), ("zero", [])])
def test_ids_are_classes_from_one(made, tmp_path, name, first):
    """The same file in the model, and the same names, as of a list with a line an id."""
    flags = ["--normalize", "127.5,127.5"]
    report = convert(made / name, tmp_path / "map.tflite", "--labels", made / "coco.pbtxt", *flags)
    names = referee(coco_map())
    assert report["output"]["metadata"]["labels"] == first + [names.get(i, "???") for i in range(1, 91)]
    convert(made / name, tmp_path / "lines.tflite", "--labels", made / "lines.txt", *flags)
    assert (tmp_path / "map.tflite").read_bytes() == (tmp_path / "lines.tflite").read_bytes()
    found = detect(tmp_path / "map.tflite", made / "small.png")["detections"]
    assert len(found) >= 3
    for d in found:
        assert d["name"] == names.get(d["label"] + (0 if first else 1), "???"), d
    if name == "one":
        assert [d["name"] for d in found] == ["person", "thing 3", "thing 90"]
    # detect's own flag, on a model without labels.
    convert(made / name, tmp_path / "silent.tflite")
    assert detect(tmp_path / "silent.tflite", made / "small.png", "--labels", made / "coco.pbtxt",
                  *flags)["detections"] == found


def test_a_real_detector(tmp_path):
    """Its one class by TensorFlow's outputs, by the operator's, and by its heads' columns."""
    (tmp_path / "labels.txt").write_text("item {\n  id: 1\n  name: 'person'\n}\n")  # told by content, not by name
    heads = ["--input-arrays", "Preprocessor/map/TensorArrayStack/TensorArrayGatherV3", "--output-arrays",
             "Squeeze,Postprocessor/convert_scores", "--input-shapes", "1,300,300,3"]
    for flags, labels in (([], ["???", "person"]), (["--postprocess", "custom-op"], ["person"]),
                          (heads, ["???", "person"])):
        report = convert(PEDESTRIAN, tmp_path / "out.tflite", "--labels", tmp_path / "labels.txt", *flags)
        assert report["output"]["metadata"]["labels"] == labels
        if flags != heads:
            (person,) = detect(tmp_path / "out.tflite", ASTRONAUT)["detections"]
            assert person["name"] == "person"


REFUSED = {  # the map, exit status, words of the message
    "an-id-twice": ("item { id: 1 name: 'a' } item { id: 1 name: 'b' }", 3, "item 2 (id 1)"),
    "negative": ("item { id: -1 name: 'a' }", 3, "negative id"),
    "huge": ("item { id: 2000000000 name: 'a' }", 3, "expected at most 100000, found 2000000000"),
    "no-name": ("item { id: 1 }", 3, "has no name"),
    "no-id": ("item { name: 'a' }", 3, "has no id"),
    "background-is-an-object": ("item { id: 0 name: 'person' }", 3, "id 0 for the background, objects from 1"),
    "cut": (coco_map()[:-5], 3, "the text ends inside"),
    "no-protocol-buffer": ("item { id: 1 name 'a' }", 3, "line 1, column "),
    "two-lines-in-a-name": (r"item { id: 1 name: 'a\nb' }", 3, "no line of text"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused_and_nothing_written(made, tmp_path, name):
    text, status, words = REFUSED[name]
    (tmp_path / "map.pbtxt").write_text(text)
    for verb in (["convert", made / "one", "-o", tmp_path / "out.tflite", "--quiet"],
                 ["detect", made / "one.tflite", made / "small.png", "-o", tmp_path / "out.png"]):
        outcome = binary.run(*verb, "--labels", tmp_path / "map.pbtxt")
        assert outcome.status == status and words in outcome.stderr and "map.pbtxt" in outcome.stderr, outcome.text()
    assert [p.name for p in tmp_path.iterdir()] == ["map.pbtxt"]


@pytest.mark.parametrize("name, labels, words", [
    ("one", "item { id: 89 name: 'a' }", ["expected 90, found 89 (its largest id)", "count classes from 1", "id 1 names class 1"]),
    ("zero", "item { id: 91 name: 'a' }", ["expected 90, found 91 (its largest id)", "count classes from 0", "id 1 names class 0"]),
    ("one", "background\n" + "a\n" * 89, ["expected 90, found 89 (a line", "count classes from 1", "the first line names class 1"]),
    ("zero", "a\n" * 91, ["expected 90, found 91", "count classes from 0", "the first line names class 0"]),
])
def test_labels_that_do_not_fit_say_where_counting_begins(made, tmp_path, name, labels, words):
    (tmp_path / "labels").write_text(labels)
    outcome = binary.run("convert", made / name, "-o", tmp_path / "out.tflite", "--labels", tmp_path / "labels")
    assert outcome.status == 2 and all(w in outcome.stderr for w in words), outcome.text()
    assert not (tmp_path / "out.tflite").exists()
