"""Suppression of more boxes than a kernel queues willingly: the best compete first, all of them only where those do not
fill the rows. TensorFlow is the referee in both LiteRT runtimes, on scores that need the second kernel and on such that
do not; an Interpreter that keeps its tensors tells which it was.

Equal scores stand on equal boxes, or the boxes are compared without their order: of more than 4,096 boxes, the order of
equal scores is not TensorFlow's.
"""
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from harness import binary, reference

OUT = binary.ROOT / "build/many-boxes"
N, MOST, LEAST = 4801, 20, 0.01
ENOUGH, TOO_FEW = "the best are enough", "all compete"


def spread(rng):
    """Boxes here and there: some overlap."""
    corner = rng.random((N, 2)) * 0.95
    return np.concatenate([corner, corner + 0.02 + rng.random((N, 2)) * 0.03], 1)


def cells(size):
    """`size` equal boxes in each cell, the cells apart."""
    def of(rng):
        cell = np.arange(N) // size
        corner = np.stack([cell // 64, cell % 64], 1) / 64.0
        return np.concatenate([corner, corner + 1 / 80], 1)
    return of


def crowded(rng):
    """Nearly all boxes in one place, so that all but a few suppress each other; the others apart."""
    b = np.broadcast_to([0.4, 0.4, 0.6, 0.6], (N, 4)) + rng.random((N, 4)) * 0.01
    b[::160] = cells(1)(rng)[::160]
    return b


def points(rng):
    """Boxes without area, which suppress nothing, among others."""
    b = spread(rng)
    b[::3, 2:] = b[::3, :2]
    return b


def distinct(rng):
    return 0.02 + (rng.permutation(N) + 1) / (N + 2) * 0.9


def by_cell(size):
    """A score for each cell: of that many boxes."""
    return lambda rng: 0.02 + np.repeat(rng.permutation(N // size + 1), size)[:N] / (N // size + 2) * 0.9


def apart_low(rng):
    s = distinct(rng)
    s[::160] = 0.011 + s[::160] / 200
    return s


def holes(value, share):
    def of(rng):
        s = distinct(rng)
        s[rng.random(N) < share] = value
        return s
    return of


def classwise_nan(rng):
    """Every 37th score NaN: all of one of the groups that the bound is made of."""
    s = distinct(rng)
    s[::37] = np.nan
    return s


# Name: (boxes, scores, which of the kernels does the work; None where it may be either, whether order counts).
SCENES = {
    "spread": (spread, distinct, ENOUGH, True),
    "points": (points, distinct, ENOUGH, True),
    "ties at the bound": (cells(4), by_cell(4), ENOUGH, True),
    "crowded": (crowded, apart_low, TOO_FEW, True),
    "crowded, ties": (cells(160), by_cell(160), TOO_FEW, True),
    "fewer than the rows": (cells(400), by_cell(400), TOO_FEW, True),
    "all equal": (cells(300), lambda rng: np.full(N, 0.5), TOO_FEW, False),
    "none above the threshold": (spread, lambda rng: distinct(rng) / 100, ENOUGH, True),
    "some above the threshold": (spread, lambda rng: np.where(np.arange(N) % 500, 0.001, distinct(rng)), ENOUGH, True),
    "all at the threshold": (spread, lambda rng: np.full(N, LEAST), ENOUGH, True),
    "some NaN": (spread, holes(np.nan, 0.3), None, True),
    "a group of NaN": (spread, classwise_nan, None, True),
    "all NaN": (spread, lambda rng: np.full(N, np.nan), None, True),
    "some minus infinity": (spread, holes(-np.inf, 0.5), ENOUGH, True),
    "two infinite": (spread, lambda rng: np.where(np.arange(N) == 7, np.inf, distinct(rng)), ENOUGH, True),
}


def v3(b, s):
    i = tf.raw_ops.NonMaxSuppressionV3(boxes=b, scores=s, max_output_size=MOST, iou_threshold=0.5, score_threshold=LEAST)
    n = tf.size(i)
    return tf.reshape(tf.pad(tf.gather(b, i), [[0, MOST - n], [0, 0]]), [MOST, 4]), tf.reshape(n, [1])


def v4(b, s):
    i, n = tf.raw_ops.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=MOST, iou_threshold=0.5, score_threshold=LEAST,
                                          pad_to_max_output_size=True)
    return tf.where((tf.range(MOST) < n)[:, None], tf.gather(b, i), 0.0), tf.reshape(n, [1])


def v5(b, s):
    i, scores, n = tf.raw_ops.NonMaxSuppressionV5(boxes=b, scores=s, max_output_size=MOST, iou_threshold=0.5, score_threshold=LEAST,
                                                  soft_nms_sigma=0.0, pad_to_max_output_size=True)
    rows = tf.concat([tf.gather(b, i), scores[:, None]], 1)
    return tf.where((tf.range(MOST) < n)[:, None], rows, 0.0), tf.reshape(n, [1])


def combined(b, s):
    """Two classes, the second of lower scores."""
    boxes, scores, classes, n = tf.raw_ops.CombinedNonMaxSuppression(
        boxes=b[None, :, None], scores=tf.stack([s, s * 0.777], 1)[None], max_output_size_per_class=MOST,
        max_total_size=2 * MOST, iou_threshold=0.5, score_threshold=LEAST, clip_boxes=False)
    return tf.concat([boxes[0], scores[0, :, None], classes[0, :, None]], 1), n


FORMS = {"v3": v3, "v4": v4, "v5": v5, "combined": combined}


@pytest.fixture(scope="module")
def feeds():
    made = {}
    for number, (name, (boxes, scores, _, _)) in enumerate(SCENES.items()):
        rng = np.random.default_rng(number)
        made[name] = {"b": boxes(rng).astype(np.float32), "s": scores(rng).astype(np.float32)}
    return made


def selected_counts(target, feed):
    """How many each kernel selected, in the model's order."""
    interpreter = Interpreter(model_path=str(target), experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], feed[detail["name"]])
    interpreter.invoke()
    return [int(interpreter.get_tensor(op["outputs"][-1])) for op in interpreter._get_ops_details()
            if op["op_name"].startswith("NON_MAX_SUPPRESSION")]


def in_any_order(rows):
    return np.array(sorted(map(tuple, rows)))


@pytest.mark.parametrize("form", FORMS)
def test_same_boxes(form, pumice, runtimes, feeds):
    OUT.mkdir(parents=True, exist_ok=True)
    with tf.Graph().as_default() as graph:
        rows, count = FORMS[form](tf.compat.v1.placeholder(tf.float32, [N, 4], "b"), tf.compat.v1.placeholder(tf.float32, [N], "s"))
        tf.identity(rows, "rows"), tf.identity(count, "count")
    source, target = OUT / f"{form}.pb", OUT / f"{form}.tflite"
    source.write_bytes(graph.as_graph_def().SerializeToString())
    outcome = binary.run("convert", source, "-o", target, "--quiet", "--output-arrays", "rows,count")
    assert outcome.status == 0, outcome.text()
    problems = []
    with reference.runner(graph.as_graph_def(), ["rows", "count"]) as expected:
        for scene, (_, _, which, ordered) in SCENES.items():
            wanted = expected(feeds[scene])
            inputs = OUT / f"{form}.npz"
            np.savez(inputs, **feeds[scene])
            for runtime in runtimes:
                found = runtime.run(target, inputs, OUT / f"{form}.out.npz")
                rows = [r["rows"] if ordered else in_any_order(r["rows"]) for r in (wanted, found)]
                if wanted["count"][0] != found["count"][0] or not np.array_equal(*rows):
                    problems.append(f"{scene}, {runtime.name}: {wanted['count']} and {found['count']}")
            counts = selected_counts(target, feeds[scene])
            for best, rest in zip(counts[::2], counts[1::2]):
                if which == ENOUGH and rest != 0:
                    problems.append(f"{scene}: all compete, though they need not ({best}, {rest})")
                if which == TOO_FEW and (best >= MOST or rest == 0):
                    problems.append(f"{scene}: tests no second step ({best}, {rest})")
    assert not problems, "\n".join(problems)


def test_few_boxes_have_one_kernel(pumice, tmp_path):
    """Of up to 4,096 boxes, or of more rows than an eighth of the boxes, nothing is gained."""
    for n, most, kernels in ((4096, 20, 1), (4801, 20, 2), (4801, 700, 1)):
        with tf.Graph().as_default() as graph:
            b, s = tf.compat.v1.placeholder(tf.float32, [n, 4], "b"), tf.compat.v1.placeholder(tf.float32, [n], "s")
            tf.identity(tf.raw_ops.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=most, iou_threshold=0.5,
                                                       score_threshold=0.0, pad_to_max_output_size=True)[0], "i")
        (tmp_path / "x.pb").write_bytes(graph.as_graph_def().SerializeToString())
        outcome = binary.run("convert", tmp_path / "x.pb", "-o", tmp_path / "x.tflite", "--quiet", "--output-arrays", "i")
        assert outcome.status == 0, outcome.text()
        rng = np.random.default_rng(1)
        feed = {"b": rng.random((n, 4), np.float32), "s": rng.random(n, np.float32)}
        assert len(selected_counts(tmp_path / "x.tflite", feed)) == kernels, n
