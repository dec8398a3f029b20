"""TFLite_Detection_PostProcess of more boxes than it compares willingly: the operator stands twice, first for the best
scores alone, then, where those do not fill the rows, for all. The referee is the operator by itself, as TensorFlow's own
converter writes it, in both LiteRT runtimes, on heads that need the second and on such that do not.
"""
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from detection.test_composite import DEFAULTS, NAME, implements
from harness import binary, tflite_file

OUT = binary.ROOT / "build/detection"
N, MOST, ENOUGH, TOO_FEW = 4801, 20, "the best are enough", "all compete"
COMMON = {"max_detections": MOST, "nms_score_threshold": 0.01, "nms_iou_threshold": 0.5}
# Name: (options, columns of scores).
FORMS = {
    "regular": ({"use_regular_nms": True, "num_classes": 3}, 4),
    "no background": ({"use_regular_nms": True, "num_classes": 4}, 4),
    "one class": ({"use_regular_nms": True, "num_classes": 1}, 2),
    "fast": ({"num_classes": 3}, 4),
    "two classes a box": ({"num_classes": 3, "max_classes_per_detection": 2}, 4),
}


def spread(rng):
    return np.concatenate([rng.random((N, 2)), 0.02 + rng.random((N, 2)) * 0.05], 1)


def one_place(rng):
    """All but every 160th in one place."""
    a = np.concatenate([0.5 + rng.random((N, 2)) * 0.005, 0.2 + rng.random((N, 2)) * 0.005], 1)
    a[::160] = spread(rng)[::160]
    return a


def distinct(rng, columns):
    return 0.02 + (rng.permutation(N * columns).reshape(N, columns) + 1) / (N * columns + 2) * 0.9


def low_elsewhere(rng, columns):
    s = distinct(rng, columns)
    s[::160] = 0.011 + s[::160] / 200
    return s


def high_background(rng, columns):
    s = distinct(rng, columns) / 2
    s[:, 0] += 0.5
    return s


# Name: (anchors, scores, which of the operators does the work).
SCENES = {
    "spread": (spread, distinct, ENOUGH),
    "high background": (spread, high_background, None),
    "one class alone": (spread, lambda rng, c: distinct(rng, c) * np.where(np.arange(c) == c - 1, 1, 1e-3), ENOUGH),
    "crowded": (one_place, low_elsewhere, TOO_FEW),
    "nothing": (spread, lambda rng, c: distinct(rng, c) / 1000, ENOUGH),
    "at the threshold": (spread, lambda rng, c: np.where(rng.random((N, c)) < 0.001, np.float32(0.01), 0.001), ENOUGH),
    "fewer than the rows": (one_place, lambda rng, c: np.where((np.arange(N) % 160 > 0)[:, None], distinct(rng, c), 0.001), TOO_FEW),
    "ties": (spread, lambda rng, c: np.ceil(distinct(rng, c) * 500) / 512, ENOUGH),
    "all equal": (spread, lambda rng, c: np.full((N, c), 0.5), TOO_FEW),
    "infinite": (spread, lambda rng, c: np.where(np.arange(N)[:, None] == 7, np.inf, distinct(rng, c)), None),
    "some NaN": (spread, lambda rng, c: np.where(rng.random((N, c)) < 0.3, np.nan, distinct(rng, c)), None),
}


class Heads(tf.Module):
    """Encodings, scores and anchors as they come: the anchors are a constant in detectors, and here an input."""

    def __init__(self, options, columns):
        super().__init__()

        @tf.function(experimental_implements=implements({**DEFAULTS, **COMMON, **options}))
        def post_processing(box_encodings, class_predictions, anchors):
            return tuple(tf.constant(0.0, tf.float32, name=name) for name in ("boxes", "classes", "scores", "num_detections"))

        def inference(encodings, scores, anchors):
            return post_processing(encodings * 1.0, scores * 1.0, anchors * 1.0)

        self.inference = tf.function(inference, input_signature=[
            tf.TensorSpec([1, N, 4], tf.float32, name="encodings"), tf.TensorSpec([1, N, columns], tf.float32, name="scores"),
            tf.TensorSpec([N, 4], tf.float32, name="anchors")])


def operator_counts(target, feed):
    """How many detections each of the operators found."""
    interpreter = Interpreter(model_path=str(target), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        name = next(n for n in feed if n in detail["name"])
        interpreter.set_tensor(detail["index"], feed[name])
    interpreter.invoke()
    return [int(interpreter.get_tensor(op["outputs"][3])[0]) for op in interpreter._get_ops_details() if op["op_name"] == NAME]


@pytest.mark.parametrize("form", FORMS)
def test_same_as_the_operator_by_itself(form, pumice, runtimes):
    options, columns = FORMS[form]
    each = options.get("max_classes_per_detection", 1)
    heads, folder = Heads(options, columns), OUT / f"many-{form.replace(' ', '-')}"
    tf.saved_model.save(heads, folder, signatures=heads.inference.get_concrete_function())
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.allow_custom_ops = True
    alone, ours = folder.with_suffix(".official.tflite"), folder.with_suffix(".tflite")
    alone.write_bytes(converter.convert())
    outcome = binary.run("convert", folder, "-o", ours, "--quiet")
    assert outcome.status == 0, outcome.text()
    assert tflite_file.operators(alone)["custom:" + NAME] == 1 and tflite_file.operators(ours)["custom:" + NAME] == 2
    problems = []
    for number, (scene, (anchors, scores, which)) in enumerate(SCENES.items()):
        if scene == "some NaN" and not options.get("use_regular_nms"):
            continue  # the operator sorts a box's scores, which have no order then
        rng = np.random.default_rng(number)
        feed = {"encodings": rng.normal(size=(1, N, 4)) * 0.05, "scores": scores(rng, columns)[np.newaxis], "anchors": anchors(rng)}
        feed = {name: values.astype(np.float32) for name, values in feed.items()}
        inputs = OUT / "many.npz"
        np.savez(inputs, **feed)
        for runtime in runtimes:
            theirs, found = (runtime.run(path, inputs, OUT / "many.out.npz") for path in (alone, ours))
            count = theirs["output_3"][0]
            # Without use_regular_nms the kernel leaves what lies behind the last detection as it was.
            rows = slice(None) if options.get("use_regular_nms") else slice(int(count) * each)
            same = count == found["output_3"][0] and all(
                np.array_equal(theirs[o][0, rows], found[o][0, rows]) for o in ("output_0", "output_1", "output_2"))
            if not same:
                problems.append(f"{scene}, {runtime.name}: {count} and {found['output_3'][0]}")
        best, rest = operator_counts(ours, feed)
        if which == ENOUGH and rest != 0:
            problems.append(f"{scene}: all compete, though they need not ({best}, {rest})")
        if which == TOO_FEW and (best >= MOST or rest == 0):
            problems.append(f"{scene}: tests no second step ({best}, {rest})")
    assert not problems, "\n".join(problems)
