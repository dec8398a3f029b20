"""Whole detectors, picture in and boxes out: pre-processing, anchors and non-max suppression are in the model, in builtins only,
or with the tail recognized and replaced by the one custom op (in graphs whose nodes all have other names).

The referee is TensorFlow on the same graph, on crops of two photographs at odd sizes; of the graphs made for TensorFlow.js,
npm's TensorFlow.js too.
"""
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import tensorflow as tf

from harness import binary, reference, renamed, tfjs, tfjs_graph, tflite_file
from harness.real_models import MODELS

OUT = binary.ROOT / "build/e2e-whole"
LOWEST, SCORE, IOU = 0.3, 1e-3, 0.99

# Picture, top, left, height, width, every how-many-th pixel.
CROPS = {
    "astronaut": ("astronaut", 0, 0, 512, 512, 1),
    "astronaut-half": ("astronaut", 0, 0, 512, 512, 2),
    "astronaut-third": ("astronaut", 1, 1, 511, 509, 3),
    "bust": ("astronaut", 0, 60, 333, 371, 1),
    "wide": ("astronaut", 0, 0, 301, 512, 1),
    "tall": ("astronaut", 0, 97, 512, 229, 1),
    "face": ("astronaut", 7, 151, 219, 163, 1),
    "face-close": ("astronaut", 40, 170, 131, 117, 1),
    "suit": ("astronaut", 205, 0, 307, 447, 1),
    "cat": ("chelsea", 0, 0, 300, 451, 1),
    "cat-head": ("chelsea", 11, 83, 263, 291, 1),
    "cat-small": ("chelsea", 3, 5, 297, 445, 4),
}


@dataclasses.dataclass(frozen=True)
class Detector:
    source: str
    input: str
    boxes: str
    classes: str
    scores: str
    count: str
    most: int = 100

    def outputs(self):
        return [self.boxes, self.classes, self.scores, self.count]

    def graph_def(self):
        path = MODELS / self.source
        if path.suffix == ".json":
            return tfjs_graph.graph_def(path)
        graph = tf.compat.v1.GraphDef()
        graph.ParseFromString(path.read_bytes())
        return graph


# Faster R-CNN: the second stage crops what the first proposes (CropAndResize), and conditionals pad each list.
_HANDS = Detector("hands/frozen_inference_graph.pb", "image_tensor", "detection_boxes", "detection_classes",
                  "detection_scores", "num_detections", most=300)
_HANDTRACK = ("input_tensor", "Identity_1", "Identity_2", "Identity_4", "Identity_5")
DETECTORS = {
    "pedestrian": Detector("pedestrian/frozen_inference_graph.pb", "image_tensor", "detection_boxes",
                           "detection_classes", "detection_scores", "num_detections"),
    "hands": _HANDS,
    **{f"handtrack-{kind}": Detector(f"handtrack/ssd320fpnlite/{kind}/model.json", *_HANDTRACK)
       for kind in ("base", "fp16", "int8")},
}


def picture_of(crop):
    """A crop as the detectors' input: uint8 [1, height, width, 3]."""
    of, top, left, height, width, step = CROPS[crop]
    whole = tf.io.decode_png((MODELS / f"pictures/{of}.png").read_bytes(), 3).numpy()
    return np.ascontiguousarray(whole[top:top + height:step, left:left + width:step])[np.newaxis]


@pytest.fixture(scope="module")
def pictures():
    return {crop: picture_of(crop) for crop in CROPS}


@dataclasses.dataclass(frozen=True)
class Detection:
    label: int
    score: float
    box: tuple  # top, left, bottom, right, as parts of the picture


def detections(detector, found):
    """Those above a little less than LOWEST, best first."""
    boxes, classes, scores = (found[name][0] for name in (detector.boxes, detector.classes, detector.scores))
    count = int(found[detector.count][0])
    most = detector.most
    assert boxes.shape == (most, 4) and classes.shape == scores.shape == (most,) and 0 <= count <= most
    return [Detection(round(float(classes[i])), float(scores[i]), tuple(map(float, boxes[i])))
            for i in range(count) if scores[i] > LOWEST - SCORE]


def iou(a, b):
    height = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    width = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    both = height * width
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def missing(wanted, there):
    """What of `wanted` (above LOWEST) has no counterpart in `there`."""
    return [d for d in wanted if d.score > LOWEST and not any(
        d.label == e.label and abs(d.score - e.score) <= SCORE and iou(d.box, e.box) >= IOU for e in there)]


CUSTOM_OP = "TFLite_Detection_PostProcess"


def converted(name, detector, variant="builtin"):
    OUT.mkdir(parents=True, exist_ok=True)
    target = OUT / f"{name}-{variant}.tflite"
    source, flags = MODELS / detector.source, []
    if variant == "custom-op":
        graph, names = renamed.renamed(detector.graph_def())
        source = OUT / f"{name}-renamed.pb"
        source.write_bytes(graph.SerializeToString())
        flags = ["--postprocess", "custom-op", "--output-arrays", ",".join(names[o] for o in detector.outputs())]
    outcome = binary.run("convert", source, "-o", target, "--quiet", *flags)
    assert outcome.status == 0, outcome.text()
    return target


def in_source_terms(detector, found):
    """The custom op's four outputs under the source's names; its classes count from 0."""
    found = {name: found[CUSTOM_OP + suffix] for name, suffix in zip(detector.outputs(), ("", ":1", ":2", ":3"))}
    found[detector.classes] = found[detector.classes] + 1
    return found


@pytest.fixture(scope="module")
def referees():
    """name -> a function from a feed to the outputs; each graph is loaded once."""
    with contextlib.ExitStack() as stack:
        made = {}

        def referee(name):
            if name not in made:
                detector = DETECTORS[name]
                made[name] = stack.enter_context(reference.runner(detector.graph_def(), detector.outputs()))
            return made[name]

        yield referee


@pytest.fixture(scope="module")
def expected(pictures, referees):
    """TensorFlow's detections, computed once for each detector and crop."""
    made = {}

    def of(name, crop):
        if (name, crop) not in made:
            detector = DETECTORS[name]
            made[name, crop] = detections(detector, referees(name)({detector.input: pictures[crop]}))
        return made[name, crop]

    return of


def variants(*of):
    """A detector of two stages has no single tail that could be replaced or cut off."""
    return [(name, variant) for name in DETECTORS for variant in of if variant == "builtin" or name != "hands"]


@pytest.mark.parametrize("name,variant", variants("builtin", "custom-op"))
def test_same_detections(name, variant, pumice, runtimes, pictures, expected):
    detector = DETECTORS[name]
    target = converted(name, detector, variant)
    custom = {op: n for op, n in tflite_file.operators(target).items() if op.startswith("custom:")}
    # Of many anchors, it stands once for the best scores, and once for all of them.
    assert custom == ({"custom:" + CUSTOM_OP: 2 if name.startswith("handtrack") else 1} if variant == "custom-op" else {})
    (feeds, _), = tflite_file.signatures(target).values()
    problems, total = [], 0
    for crop, picture in pictures.items():
        wanted = expected(name, crop)
        total += sum(d.score > LOWEST for d in wanted)
        inputs = OUT / f"{crop}.{name}.{variant}.npz"
        np.savez(inputs, **{feeds[0]: picture})
        for runtime in runtimes:
            where = f"{crop} {picture.shape[1:3]}, {runtime.name}"
            found = runtime.run(target, inputs, OUT / f"{name}.out.npz")
            found = detections(detector, in_source_terms(detector, found) if custom else found)
            problems += [f"{where}: lacks {d}" for d in missing(wanted, found)]
            problems += [f"{where}: TensorFlow has no {d}" for d in missing(found, wanted)]
        inputs.unlink()
    assert not problems, "\n".join(problems)
    assert total >= 6, f"only {total} detections: these pictures test nothing"


TFJS_CROPS = [("base", "astronaut-half"), ("base", "face"), ("fp16", "bust"), ("int8", "tall")]
TFJS_REST = [(kind, crop) for kind in ("base", "fp16", "int8") for crop in CROPS if (kind, crop) not in TFJS_CROPS]


@pytest.mark.parametrize("kind,crop", [*TFJS_CROPS, *(pytest.param(*p, marks=pytest.mark.full) for p in TFJS_REST)])
def test_tensorflow_js_agrees(kind, crop, pumice, runtimes, pictures):
    """The whole graph in npm's TensorFlow.js, loops and all, against the same graph in both LiteRT runtimes."""
    name = f"handtrack-{kind}"
    detector = DETECTORS[name]
    target, feed = converted(name, detector, "builtin"), {detector.input: pictures[crop]}
    wanted = tfjs.outputs(MODELS / detector.source, feed, detector.outputs(), whole=True)
    expected = detections(detector, wanted)
    inputs = OUT / f"{name}.{crop}.npz"
    np.savez(inputs, **feed)
    for runtime in runtimes:
        found = detections(detector, runtime.run(target, inputs, OUT / f"{name}.tfjs.npz"))
        assert not missing(expected, found) and not missing(found, expected), runtime.name


def test_one_interpreter_takes_any_size(pumice, runtimes, pictures, referees):
    """The pedestrian graph takes pictures of any size, and so does one Interpreter, resized again and again."""
    detector, run = DETECTORS["pedestrian"], referees("pedestrian")
    target = converted("pedestrian", detector, "builtin")
    names = ["wide", "face-close", "astronaut", "tall", "cat-small", "wide"]
    inputs = [OUT / f"turn{i}.npz" for i in range(len(names))]
    for path, name in zip(inputs, names):
        np.savez(path, **{detector.input: pictures[name]})
    outputs = [OUT / f"turn{i}.out.npz" for i in range(len(names))]
    found = runtimes[0].run_in_turn(target, inputs, outputs)
    for name, there in zip(names, found):
        expected, there = detections(detector, run({detector.input: pictures[name]})), detections(detector, there)
        assert not missing(expected, there) and not missing(there, expected), name


def test_the_astronaut(expected):
    """The referees themselves see what a person sees."""

    def best(name):
        return expected(name, "astronaut")[0]

    person = best("pedestrian")
    assert person.label == 1 and person.score > 0.9
    for kind in ("base", "fp16", "int8"):
        face = best(f"handtrack-{kind}")
        assert face.label == 5 and abs(face.score - 0.96) < 0.02, face


@pytest.mark.parametrize("postprocess", ["custom-op", "none"])
def test_two_stages_have_no_one_tail(postprocess, pumice, tmp_path):
    target = tmp_path / "x.tflite"
    outcome = binary.run("convert", MODELS / DETECTORS["hands"].source, "-o", target, "--postprocess", postprocess)
    assert outcome.status == 4 and "several stages" in outcome.stderr and not target.exists(), outcome.text()


@pytest.mark.parametrize("name,postprocess", variants("builtin", "custom-op", "none"))
def test_conversion_is_quick_and_small(name, postprocess, pumice):
    """Of the process itself, in CPU time, so that a busy machine does not matter. A small parent starts it:
    until its exec, a child counts the memory of the process that it was forked from."""
    parent = ("import json, os, subprocess, sys\n"
              "child = subprocess.Popen(sys.argv[1:])\n"
              "_, status, usage = os.wait4(child.pid, 0)\n"
              "print(json.dumps([status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))")
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-S", "-c", parent, pumice, "convert", str(MODELS / DETECTORS[name].source), "-o",
             os.path.join(folder, "x.tflite"), "--quiet", "--postprocess", postprocess], capture_output=True, text=True, check=True, timeout=60)
    status, seconds, megabytes = json.loads(done.stdout)
    assert status == 0, done.stderr
    assert seconds < 1, f"{seconds:.2f} s"
    assert megabytes < 200, f"{megabytes:.0f} MB"
