"""pumice detect: real detectors on a real picture, PNG and JPEG; bad pictures and models that are no detectors."""
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
import tensorflow as tf

from harness import binary
from harness.real_models import MODELS, REAL

ASTRONAUT = MODELS / "pictures/astronaut.png"


@pytest.fixture(scope="module")
def models(pumice, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")

    def convert(name, source, *flags):
        outcome = binary.run("convert", MODELS / source, "-o", folder / name, "--quiet", *flags)
        assert outcome.status == 0, outcome.text()

    convert("person.tflite", "pedestrian/frozen_inference_graph.pb")
    for kind in ("base", "fp16", "int8"):
        convert(f"hands-{kind}.tflite", f"handtrack/ssd320fpnlite/{kind}/model.json")
    heads = REAL["pedestrian"]
    convert("heads.tflite", heads.path, *heads.flags())
    return folder


def detect(*arguments):
    outcome = binary.run("detect", *arguments, "--json")
    assert outcome.status == 0, outcome.text()
    return json.loads(outcome.stdout)


def near(found, left, top, right, bottom, pixels=12):
    box = found["box"]
    return all(abs(box[key] - want) <= pixels for key, want in
               zip(("left", "top", "right", "bottom"), (left, top, right, bottom)))


def test_person_is_drawn(models, tmp_path):
    (tmp_path / "labels.txt").write_text("person\n")
    drawing = tmp_path / "boxes.png"
    found = detect(models / "person.tflite", ASTRONAUT, "-o", drawing, "--labels", tmp_path / "labels.txt")
    (person,) = found["detections"]
    assert person["label"] == 1 and person["name"] == "person" and person["score"] > 0.9
    box = person["box"]
    assert near(person, 5, 32, 377, 509)
    before = tf.io.decode_png(ASTRONAUT.read_bytes(), 3).numpy()
    after = tf.io.decode_png(drawing.read_bytes(), 3).numpy()
    assert before.shape == after.shape
    changed = (before != after).any(-1)
    line = changed[box["top"] + 5:box["bottom"] - 5, box["left"]:box["left"] + 2]
    assert line.mean() > 0.95 and 0.005 < changed.mean() < 0.1


def test_table(models):
    outcome = binary.run("detect", models / "person.tflite", ASTRONAUT)
    assert outcome.status == 0 and "label 1" in outcome.stdout and "0.90" in outcome.stdout


@pytest.mark.parametrize("kind", ["base", "fp16", "int8"])
def test_unordered_outputs(models, kind):
    """Eight outputs named Identity…: told by shapes and values; or named by the user."""
    found = detect(models / f"hands-{kind}.tflite", ASTRONAUT)["detections"]
    assert [d["label"] for d in found] == [5] and abs(found[0]["score"] - 0.96) < 0.02
    named = detect(models / f"hands-{kind}.tflite", ASTRONAUT, "--outputs", "Identity_1,Identity_2,Identity_4,Identity_5")
    assert named["detections"] == found


def exif(orientation):
    entry = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">H", 1) + entry + struct.pack(">I", 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


# How an upright picture is stored under each orientation.
STORED = {
    1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2), 6: lambda p: np.rot90(p), 7: lambda p: p.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("orientation", list(STORED))
def test_jpeg_is_turned_upright(models, tmp_path, orientation):
    picture = tf.io.decode_png(ASTRONAUT.read_bytes(), 3).numpy()[:448]  # not a square
    jpeg = tf.io.encode_jpeg(np.ascontiguousarray(STORED[orientation](picture)), quality=95).numpy()
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg[:2] + exif(orientation) + jpeg[2:])
    found = detect(models / "hands-base.tflite", path)
    assert (found["picture"]["width"], found["picture"]["height"]) == (512, 448)
    (tmp_path / "upright.png").write_bytes(tf.io.encode_png(picture).numpy())
    (face,), (expected,) = found["detections"], detect(models / "hands-base.tflite", tmp_path / "upright.png")["detections"]
    assert face["label"] == expected["label"] == 5 and abs(face["score"] - expected["score"]) < 0.02
    assert near(face, *(expected["box"][key] for key in ("left", "top", "right", "bottom")), 4)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, data):
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def jpeg_header(width, height):
    data = bytearray(tf.io.encode_jpeg(np.zeros((16, 16, 3), np.uint8)).numpy())
    at = data.index(b"\xff\xc0") + 5
    data[at:at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


BAD = {
    "text": lambda: b"this is no picture",
    "empty": lambda: b"",
    "truncated-png": lambda: ASTRONAUT.read_bytes()[:100_000],
    "header-only": lambda: ASTRONAUT.read_bytes()[:40],
    "huge-png": lambda: png(60_000, 60_000, zlib.compress(bytes(1000))),
    "overflowing-png": lambda: png(2**31 - 1, 2**31 - 1, zlib.compress(bytes(1000))),
    "too-little-data": lambda: png(5_000, 5_000, zlib.compress(bytes(1000))),
    "huge-jpeg": lambda: jpeg_header(60_000, 60_000),
    "truncated-jpeg": lambda: tf.io.encode_jpeg(tf.io.decode_png(ASTRONAUT.read_bytes(), 3)).numpy()[:9_000],
}

# Runs a command with a bound on its address space.
BOUNDED = ("import resource, subprocess, sys; resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20)); "
           "sys.exit(subprocess.call(sys.argv[1:]))")


@pytest.mark.parametrize("name", list(BAD))
def test_bad_picture(models, tmp_path, name):
    (tmp_path / "bad.png").write_bytes(BAD[name]())
    done = subprocess.run(
        [sys.executable, "-S", "-c", BOUNDED, binary.pumice(), "detect", str(models / "person.tflite"),
         str(tmp_path / "bad.png"), "-o", str(tmp_path / "out.png")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("pumice: ") and "bad.png" in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_missing_picture(models, tmp_path):
    assert binary.run("detect", models / "person.tflite", tmp_path / "none.png").status == 3


def test_missing_folder_for_the_drawing(models, tmp_path):
    assert binary.run("detect", models / "person.tflite", ASTRONAUT, "-o", tmp_path / "no/x.png").status == 7


def test_no_detector(models, tmp_path):
    """Raw heads hold no detections; the message says what to do, and nothing is drawn."""
    outcome = binary.run("detect", models / "heads.tflite", ASTRONAUT, "-o", tmp_path / "x.png")
    assert outcome.status == 4 and "--outputs" in outcome.stderr, outcome.text()
    assert not (tmp_path / "x.png").exists()


def test_no_model(models):
    assert binary.run("detect", ASTRONAUT, ASTRONAUT).status == 3


def test_unknown_outputs(models):
    assert binary.run("detect", models / "person.tflite", ASTRONAUT, "--outputs", "a,b,c").status == 2
    assert binary.run("detect", models / "person.tflite", ASTRONAUT, "--outputs", "a").status == 2
    assert binary.run("detect", models / "person.tflite", ASTRONAUT, "--threshold", "7").status == 2
