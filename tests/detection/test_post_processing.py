"""SSDs that users write in Keras and tf.image: their post-processing recognized as the detection operator (or refused),
cut off at the raw heads, or added to raw heads. Every node has another name. The referee is TensorFlow on the graph."""
import functools
import json

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from harness import binary, reference, renamed, tflite_file

OUT = binary.ROOT / "build/detection"
NAMES = [f"TFLite_Detection_PostProcess{s}" for s in ("", ":1", ":2", ":3")]
CLASSES, SIDE = 4, 64
IMAGES = np.random.default_rng(11).uniform(-1, 1, (4, 1, SIDE, SIDE, 3)).astype(np.float32)


def anchors_of(sides=(8, 4)):
    rows = []
    for side in sides:
        for y in range(side):
            for x in range(side):
                for h, w in ((0.2, 0.2), (0.35, 0.25), (0.2, 0.4)):
                    rows.append([(y + 0.5) / side, (x + 0.5) / side, h * 4 / side + 0.1, w * 4 / side + 0.1])
    return np.array(rows, np.float32)


ANCHORS = anchors_of()


@functools.lru_cache(maxsize=None)
def heads(columns):
    """Picture -> encodings [1,N,4], class predictions [1,N,columns]."""
    tf.keras.utils.set_random_seed(4)
    layers, shaped = tf.keras.layers, tf.keras.layers.Reshape
    x = picture = tf.keras.Input((SIDE, SIDE, 3), batch_size=1)
    boxes, scores = [], []
    for filters in (8, 12, 16):
        x = layers.Conv2D(filters, 3, 2, "same", activation="relu", kernel_initializer="he_normal")(x)
    for _ in range(2):
        boxes.append(shaped((-1, 4))(layers.Conv2D(12, 3, padding="same", kernel_initializer=tf.keras.initializers.RandomNormal(0, 0.9))(x)))
        scores.append(shaped((-1, columns))(layers.Conv2D(3 * columns, 3, padding="same", kernel_initializer=tf.keras.initializers.RandomNormal(0, 0.5))(x)))
        x = layers.Conv2D(16, 3, 2, "same", activation="relu", kernel_initializer="he_normal")(x)
    return tf.keras.Model(picture, [layers.Concatenate(1)(boxes), layers.Concatenate(1)(scores)])


def corners(t, scales=(10., 10., 5., 5.), order=(0, 1, 2, 3), exp=tf.exp):
    """Decoding as the object-detection API writes it; `order`: the columns of ty, tx, th, tw."""
    ty, tx, th, tw = (t[..., c] for c in order)
    ya, xa, ha, wa = (tf.constant(ANCHORS[:, c]) for c in range(4))
    y, x = ty / scales[0] * ha + ya, tx / scales[1] * wa + xa
    h, w = exp(th / scales[2]) * ha, exp(tw / scales[3]) * wa
    return tf.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], -1)


def corners_by_variances(t):
    """As many Keras SSDs have it: columns x, y, w, h and variances."""
    t = t * tf.constant([0.1, 0.1, 0.2, 0.2])
    xy = ANCHORS[:, [1, 0]] + t[..., :2] * ANCHORS[:, [3, 2]]
    wh = ANCHORS[:, [3, 2]] * tf.exp(t[..., 2:])
    low, high = xy - 0.5 * wh, xy + 0.5 * wh
    return tf.concat([low[..., ::-1], high[..., ::-1]], -1)


def per_class(boxes, scores, each=20, total=30, iou=0.5, score=0.3, first=1):
    """tf.image.non_max_suppression a class, and the best of all; scores [N,C]."""
    found = []
    for c in range(scores.shape[-1]):
        chosen = tf.image.non_max_suppression(boxes, scores[:, c], each, iou, score)
        found.append((tf.gather(boxes, chosen), tf.gather(scores[:, c], chosen),
                      tf.fill(tf.shape(chosen), tf.cast(c + first, tf.float32))))
    b, s, k = (tf.concat(parts, 0) for parts in zip(*found))
    n = tf.minimum(total, tf.shape(s)[0])
    s, best = tf.nn.top_k(s, n)
    pad = total - n
    return {"boxes": tf.ensure_shape(tf.pad(tf.gather(b, best), [[0, pad], [0, 0]]), [total, 4])[None],
            "labels": tf.ensure_shape(tf.pad(tf.gather(k, best), [[0, pad]]), [total])[None],
            "scores": tf.ensure_shape(tf.pad(s, [[0, pad]]), [total])[None], "count": tf.cast(n, tf.float32)[None]}


def combined(boxes, scores, clip=True, total=25):
    b, s, k, n = tf.image.combined_non_max_suppression(boxes[:, :, None], scores, 20, total, 0.45, 0.25, clip_boxes=clip)
    return {"boxes": b, "labels": k, "scores": s, "count": n}


def for_all_classes(boxes, scores, most=15):
    """One suppression, on each box's best class; as many rows as there are detections."""
    best = tf.reduce_max(scores, -1)
    chosen = tf.image.non_max_suppression(boxes, best, most, 0.4, 0.2)
    return {"boxes": tf.gather(boxes, chosen), "labels": tf.cast(tf.gather(tf.argmax(scores, -1), chosen), tf.int32),
            "scores": tf.gather(best, chosen)}


# Name: (columns of predictions, tail, what the report has to say).
DETECTORS = {
    "per-class-softmax": (CLASSES + 1, lambda t, p: per_class(corners(t)[0], tf.nn.softmax(p)[0, :, 1:]),
                          dict(num_classes=4, max_detections=30, detections_per_class=20, use_regular_nms=True)),
    "per-class-sigmoid": (CLASSES, lambda t, p: per_class(corners(t)[0], tf.sigmoid(p)[0], first=0, total=12),
                          dict(num_classes=4, max_detections=12)),
    "per-class-squeezed": (CLASSES, lambda t, p: per_class(corners(tf.squeeze(t, 0)), tf.sigmoid(tf.squeeze(p, 0))),
                           dict(num_classes=4)),
    "variances": (CLASSES, lambda t, p: per_class(corners_by_variances(t)[0], tf.sigmoid(p)[0]),
                  dict(y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0)),
    "other-scales": (CLASSES, lambda t, p: per_class(corners(t, (8., 4., 2.5, 3.))[0], tf.sigmoid(p)[0]),
                     dict(y_scale=8.0, x_scale=4.0, h_scale=2.5, w_scale=3.0)),
    "other-columns": (CLASSES, lambda t, p: per_class(corners(t, order=(3, 0, 1, 2))[0], tf.sigmoid(p)[0]), {}),
    "combined": (CLASSES + 1, lambda t, p: combined(corners(t), tf.nn.softmax(p)[..., 1:]),
                 dict(num_classes=4, max_detections=25, detections_per_class=20)),
    "combined-unclipped": (CLASSES, lambda t, p: combined(corners(t), tf.sigmoid(p), clip=False), dict(num_classes=4)),
    "background-last": (CLASSES + 1, lambda t, p: combined(corners(t), tf.nn.softmax(p)[..., :-1]), dict(num_classes=4)),
    "for-all-classes": (CLASSES, lambda t, p: for_all_classes(corners(t)[0], tf.sigmoid(p)[0]),
                        dict(num_classes=4, max_detections=15, use_regular_nms=False)),
    "one-class": (2, lambda t, p: per_class(corners(t)[0], tf.nn.softmax(p)[0, :, 1:]), dict(num_classes=1)),
    "unsorted": (CLASSES, lambda t, p: unsorted(corners(t)[0], tf.sigmoid(p)[0]), dict(num_classes=4, max_detections=24)),
    "in-pixels": (CLASSES, lambda t, p: in_pixels(per_class(corners(t)[0], tf.sigmoid(p)[0])), {}),
}


def unsorted(boxes, scores):
    """All classes' detections one after the other, without a limit in all."""
    chosen = [tf.image.non_max_suppression(boxes, scores[:, c], 6, 0.5, 0.3) for c in range(scores.shape[-1])]
    return {"boxes": tf.concat([tf.gather(boxes, i) for i in chosen], 0),
            "labels": tf.concat([tf.fill(tf.shape(i), tf.constant(c, tf.int64)) for c, i in enumerate(chosen)], 0),
            "scores": tf.concat([tf.gather(scores[:, c], i) for c, i in enumerate(chosen)], 0)}


def in_pixels(found):
    return {**found, "boxes": found["boxes"] * [48.0, 64.0, 48.0, 64.0]}


class Frozen:
    """The detector as a GraphDef whose nodes are all named anew."""

    def __init__(self, name, columns, tail, seed=0):
        model = heads(columns)
        run = tf.function(lambda x: tail(*model(x)), input_signature=[tf.TensorSpec([1, SIDE, SIDE, 3])])
        traced = run.get_concrete_function()
        self.keys = sorted(traced.structured_outputs)
        concrete = convert_variables_to_constants_v2(traced)
        original = concrete.graph.as_graph_def()
        self.graph, names = renamed.renamed(original, seed)
        self.input = names[concrete.inputs[0].op.name]
        self.outputs = [f"{names[t.op.name]}:{t.name.split(':')[1]}" for t in concrete.outputs]
        OUT.mkdir(parents=True, exist_ok=True)
        self.path = OUT / f"{name}.pb"
        self.path.write_bytes(self.graph.SerializeToString())
        self.name = name

    def name_input(self, name):
        """Exchanges the input's name with that of whatever node has it."""
        exchanged = {self.input: name, name: self.input}
        def new(text):
            node = text.lstrip("^").split(":")[0]
            return text.replace(node, exchanged.get(node, node), 1)
        for node in self.graph.node:
            node.name = exchanged.get(node.name, node.name)
            node.input[:] = [new(i) for i in node.input]
        self.input, self.outputs = name, [new(o) for o in self.outputs]
        self.path.write_bytes(self.graph.SerializeToString())

    def convert(self, *flags, suffix=""):
        target = OUT / f"{self.name}{suffix}.tflite"
        target.unlink(missing_ok=True)
        outcome, report = binary.convert(self.path, target, "--output-arrays", ",".join(self.outputs), *flags)
        return outcome, report, target

    def expected(self):
        """For each picture, TensorFlow's outputs by key."""
        with reference.runner(self.graph, self.outputs) as run:
            found = [run({self.input: image}) for image in IMAGES]
            return [{key: each[name] for key, name in zip(self.keys, self.outputs)} for each in found]


def rows(boxes, labels, scores):
    """Detections, best first; padding has score 0."""
    boxes, labels, scores = boxes.reshape(-1, 4), labels.reshape(-1), scores.reshape(-1)
    order = [i for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
    return boxes[order], labels[order].astype(np.float32), scores[order]


def compare(frozen, target, runtimes, report, feed=None):
    detector = report["detectors"][0]
    total = 0
    for image, expected in zip(IMAGES, frozen.expected()):
        inputs = OUT / f"{frozen.name}.npz"
        np.savez(inputs, **{feed or frozen.input: image})
        boxes, labels, scores = rows(expected["boxes"], expected["labels"], expected["scores"])
        boxes = boxes / np.tile(detector["box_scale"], 2)
        total += len(scores)
        for runtime in runtimes:
            found = runtime.run(target, inputs, OUT / f"{frozen.name}.out.npz")
            count = int(found[NAMES[3]][0])
            b, k, s = rows(*(found[name][:, :count] for name in NAMES[:3]))
            assert len(s) == len(scores), runtime.name
            np.testing.assert_allclose(s, scores, atol=1e-5)
            np.testing.assert_allclose(b, boxes, atol=2e-5)
            np.testing.assert_array_equal(k + detector["label_offset"], labels)
    assert total >= 20, f"only {total} detections: these pictures test nothing"


def verify(frozen, target, *flags):
    """The source's own detections against the operator's; the outcome and verify's document."""
    inputs = OUT / f"{frozen.name}.npz"
    np.savez(inputs, **{frozen.input: IMAGES[1]})
    outcome = binary.run("verify", frozen.path, target, "--output-arrays", ",".join(frozen.outputs), "--inputs", inputs, "--json",
                         *flags)
    return outcome, json.loads(outcome.stdout) if outcome.stdout.startswith("{") else None


def verified(frozen, target, *flags):
    outcome, document = verify(frozen, target, *flags)
    assert outcome.status == 0 and document["agrees"], outcome.stdout + outcome.text()
    shown = document["signatures"][0]["outputs"]
    assert [o["name"] for o in shown] == NAMES and all(o["ok"] for o in shown)
    # Detections were compared, not padding.
    assert shown[2]["reference_magnitude"] > 0.2 and shown[3]["reference_magnitude"] >= 1


@pytest.mark.parametrize("name", list(DETECTORS))
def test_recognized(name, pumice, runtimes):
    columns, tail, said = DETECTORS[name]
    frozen = Frozen(name, columns, tail)
    outcome, report, target = frozen.convert("--postprocess", "custom-op")
    assert outcome.status == 0, outcome.text()
    detector = report["detectors"][0]
    assert {k: detector["parameters"][k] for k in said} == said
    assert detector["anchors"] == len(ANCHORS) and detector["origin"] == "recognized"
    assert tflite_file.operators(target)["custom:TFLite_Detection_PostProcess"] == 1
    (_, outputs), = tflite_file.signatures(target).values()
    assert sorted(outputs) == sorted(NAMES)
    compare(frozen, target, runtimes, report)
    verified(frozen, target)


def test_raw_heads(pumice, runtimes):
    """none: encodings and scores, with anchors and parameters in the report, from which NumPy decodes TensorFlow's boxes."""
    columns, tail, _ = DETECTORS["variances"]
    frozen = Frozen("raw", columns, tail)
    outcome, report, target = frozen.convert("--postprocess", "none")
    assert outcome.status == 0, outcome.text()
    detector = report["detectors"][0]
    np.testing.assert_allclose(detector["anchor_rows"], ANCHORS, atol=1e-6)
    assert detector["encoding_columns"] == [1, 0, 3, 2] and detector["score_conversion"] == "sigmoid"
    assert detector["background"] is False
    inputs = OUT / "raw.npz"
    np.savez(inputs, **{frozen.input: IMAGES[0]})
    expected = [v.numpy() for v in heads(columns)(IMAGES[0])]
    for runtime in runtimes:
        found = runtime.run(target, inputs, OUT / "raw.out.npz")
        np.testing.assert_allclose(found["raw_outputs/box_encodings"], expected[0][..., [1, 0, 3, 2]], atol=1e-4)
        np.testing.assert_allclose(found["raw_outputs/class_predictions"], 1 / (1 + np.exp(-expected[1])), atol=1e-5)


def soft(boxes, scores):
    chosen, best = tf.image.non_max_suppression_with_scores(boxes, scores[:, 0], 10, 0.5, 0.3, soft_nms_sigma=0.5)
    return {"boxes": tf.gather(boxes, chosen), "labels": tf.zeros_like(best), "scores": best}


def own_thresholds(boxes, scores):
    chosen = [tf.image.non_max_suppression(boxes, scores[:, c], 6, 0.5, 0.3 + 0.1 * c) for c in range(2)]
    return {"boxes": tf.concat([tf.gather(boxes, i) for i in chosen], 0),
            "scores": tf.concat([tf.gather(scores[:, c], i) for c, i in enumerate(chosen)], 0)}


REFUSED = {
    "no-suppression": (lambda t, p: {"boxes": corners(t), "scores": tf.sigmoid(p)}, "no post-processing is recognized"),
    "clipped-before": (lambda t, p: per_class(tf.clip_by_value(corners(t)[0], 0, 1), tf.sigmoid(p)[0]),
                       "the box decoding before the non-max suppression is not recognized"),
    "another-growth": (lambda t, p: per_class(corners(t, exp=tf.nn.softplus)[0], tf.sigmoid(p)[0]), "the box decoding"),
    "limited-growth": (lambda t, p: per_class(corners(t, exp=lambda x: tf.exp(tf.minimum(x, 1.0)))[0], tf.sigmoid(p)[0]),
                       "the box decoding"),
    "moving-anchors": (lambda t, p: per_class(corners(t)[0] + tf.reduce_mean(p), tf.sigmoid(p)[0]), "the box decoding"),
    "soft": (lambda t, p: soft(corners(t)[0], tf.sigmoid(p)[0]), "soft non-max suppression"),
    "own-thresholds": (lambda t, p: own_thresholds(corners(t)[0], tf.sigmoid(p)[0]), "thresholds or limits of their own"),
    "scores-changed": (lambda t, p: squared(per_class(corners(t)[0], tf.sigmoid(p)[0])),
                       "the graph has class 1, score"),
    "labels-mapped": (lambda t, p: mapped(per_class(corners(t)[0], tf.sigmoid(p)[0])), "the operator class"),
    "fewer-for-some": (lambda t, p: fewer(per_class(corners(t)[0], tf.sigmoid(p)[0])), "the graph has class"),
    "boxes-of-a-class": (lambda t, p: boxes_of_a_class(corners(t), tf.sigmoid(p)), "boxes of their own"),
}


def squared(found):
    return {**found, "scores": found["scores"] ** 2}


def mapped(found):
    return {**found, "labels": tf.gather(tf.constant([0., 7., 3., 9., 1.]), tf.cast(found["labels"], tf.int32))}


def fewer(found):
    """Large boxes do not count."""
    b = found["boxes"]
    small = tf.cast((b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1]) < 0.05, tf.float32)
    return {**found, "scores": found["scores"] * small}


def boxes_of_a_class(boxes, scores):
    shifted = tf.stack([boxes + 0.01 * c for c in range(CLASSES)], 2)
    b, s, k, _ = tf.image.combined_non_max_suppression(shifted, scores, 20, 25, 0.45, 0.25)
    return {"boxes": b, "labels": k, "scores": s}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name, pumice):
    tail, said = REFUSED[name]
    frozen = Frozen(f"refused-{name}", CLASSES, tail)
    outcome, _, target = frozen.convert("--postprocess", "custom-op")
    assert outcome.status == 4 and said in outcome.stderr, outcome.text()
    assert not target.exists()


def test_absurd_sizes_take_no_memory(pumice):
    """A graph of a few hundred bytes that speaks of a billion boxes, or of a picture a million pixels wide."""
    def build():
        boxes = tf.compat.v1.placeholder(tf.float32, [1 << 30, 4], name="boxes")
        t = boxes * 2.0
        tf.identity(tf.image.non_max_suppression(t, t[:, 0], 5, 0.5), name="out")

    def build_picture():
        picture = tf.compat.v1.placeholder(tf.uint8, [1, 1 << 20, 1 << 20, 3], name="picture")
        small = tf.compat.v1.image.resize_bilinear(tf.cast(picture, tf.float32), (32, 32)) / 127.5 - 1.0
        tf.identity(tf.nn.conv2d(small, np.ones((3, 3, 3, 2), np.float32), 2, "SAME"), name="out")

    for make, flags, said in ((build, ["--postprocess", "custom-op"], "box decoding"),
                              (build_picture, ["--preprocess", "strip"], "too large")):
        with tf.Graph().as_default() as graph:
            make()
        path, target = OUT / "absurd.pb", OUT / "absurd.tflite"
        path.write_bytes(graph.as_graph_def().SerializeToString())
        target.unlink(missing_ok=True)
        limited = ["-c", 'ulimit -v 1000000; exec "$0" "$@"', binary.pumice()]
        outcome = binary.run(*limited, "convert", path, "-o", target, "--output-arrays", "out", *flags, binary="bash")
        assert outcome.status == 4 and said in outcome.stderr, outcome.text()
        assert not target.exists()


@pytest.fixture(scope="module")
def raw_model():
    """Heads alone, and the same with the tail that the added operator has to equal."""
    plain = Frozen("heads", CLASSES + 1, lambda t, p: {"a": t, "b": tf.nn.softmax(p)})
    whole = Frozen("heads-whole", CLASSES + 1, lambda t, p: per_class(corners(t)[0], tf.nn.softmax(p)[0, :, 1:], 30, 30))
    logits = Frozen("heads-logits", CLASSES + 1, lambda t, p: {"a": t, "b": p})
    return plain, whole, logits


@pytest.mark.parametrize("kind", ["npy", "npz", "csv"])
def test_operator_added_to_raw_heads(kind, raw_model, pumice, runtimes):
    plain, whole, logits = raw_model
    path = OUT / f"anchors.{kind}"
    if kind == "csv":
        np.savetxt(path, ANCHORS, delimiter=",", fmt="%.9g")
    elif kind == "npy":
        np.save(path, ANCHORS)
    else:
        np.savez(path, anchors=ANCHORS, other=np.zeros(3))
    flags = ["--postprocess", "custom-op", "--anchors", path, "--scales", "10,10,5,5", "--score-threshold", "0.3",
             "--iou-threshold", "0.5", "--max-detections", "30"]
    for source, more in ((plain, []), (logits, ["--score-conversion", "softmax"]), (plain, ["--num-classes", "4"])):
        outcome, report, target = source.convert(*flags, *more)
        assert outcome.status == 0, outcome.text()
        report["detectors"][0] |= {"box_scale": [1, 1], "label_offset": 1}
        compare(whole, target, runtimes, report, source.input)
        verified(source, target, *flags[2:], *more)
    warned = [w["code"] for w in source.convert(*flags)[1]["warnings"]]
    assert "background-assumed" in warned


def test_verify_finds_what_differs(raw_model, pumice):
    """Other thresholds, boxes, scores and anchors; detections that cannot be brought into the operator's form."""
    plain, _, _ = raw_model
    columns, tail, _ = DETECTORS["per-class-softmax"]
    source = Frozen("verified", columns, tail)
    others = {"threshold": lambda t, p: per_class(corners(t)[0], tf.nn.softmax(p)[0, :, 1:], iou=0.3, score=0.2),
              "boxes": lambda t, p: per_class(corners(t + 0.02)[0], tf.nn.softmax(p)[0, :, 1:]),
              "scores": lambda t, p: per_class(corners(t)[0], tf.nn.softmax(p + [0., 0., 0., 0.5, 0.])[0, :, 1:])}
    for name, other in others.items():
        changed = Frozen(f"verified-{name}", columns, other)
        changed.name_input(source.input)
        outcome, _, target = changed.convert("--postprocess", "custom-op")
        assert outcome.status == 0, outcome.text()
        outcome, document = verify(source, target)
        assert outcome.status == 6 and not document["agrees"], (name, outcome.text())
    np.save(OUT / "anchors.npy", ANCHORS)
    np.save(OUT / "moved.npy", ANCHORS + np.float32(0.01))
    flags = ["--anchors", OUT / "anchors.npy", "--score-threshold", "0.3"]
    outcome, _, target = plain.convert("--postprocess", "custom-op", *flags)
    assert outcome.status == 0, outcome.text()
    verified(plain, target, *flags)
    for other in (["--anchors", OUT / "moved.npy", "--score-threshold", "0.3"], [*flags, "--iou-threshold", "0.2"],
                  [*flags, "--scales", "10,10,5,6"]):
        outcome, document = verify(plain, target, *other)
        assert outcome.status == 6 and not document["agrees"], (other, outcome.text())
    # Without the flags nothing tells what the operator was given.
    outcome, document = verify(plain, target)
    assert outcome.status == 4 and "--anchors" in outcome.stderr and not document["agrees"], outcome.text()
    assert {o["verdict"] for o in document["signatures"][0]["outputs"]} == {"not_compared"}
    outcome = binary.run("verify", plain.path, target, "--output-arrays", ",".join(plain.outputs))
    assert outcome.status == 4 and outcome.stdout.count("NOT COMPARED") == 5
    outcome, _ = verify(plain, target, "--score-threshold", "0.3")
    assert outcome.status == 2 and "--anchors FILE" in outcome.stderr


def test_bad_anchors_and_options(raw_model, pumice):
    plain, _, logits = raw_model
    good = OUT / "good.npy"
    np.save(good, ANCHORS)
    wrong = {
        "shape": (ANCHORS.T, "[N,4]"), "count": (ANCHORS[:-1], f"expected {len(ANCHORS)}"),
        "nan": (np.where(np.arange(4) == 1, np.nan, ANCHORS).astype(np.float32), "a finite centre"),
        "size": (ANCHORS * [1, 1, -1, 1], "a positive height"), "dtype": (ANCHORS.astype(np.int32), "int32"),
    }
    for name, (array, said) in wrong.items():
        path = OUT / f"wrong-{name}.npy"
        np.save(path, array)
        outcome, _, target = plain.convert("--postprocess", "custom-op", "--anchors", path)
        assert outcome.status == 3 and said in outcome.stderr and path.name in outcome.stderr, outcome.text()
        assert not target.exists()
    op = ["--postprocess", "custom-op", "--anchors", good]
    for source, flags, status, said in (
            (plain, [*op, "--num-classes", "9"], 2, "--num-classes"),
            (plain, [*op, "--scales", "1,2,3"], 2, "--scales"),
            (plain, [*op, "--iou-threshold", "1.5"], 2, "at most 1"),
            (plain, ["--anchors", good], 2, "--postprocess custom-op"),
            (plain, ["--postprocess", "custom-op", "--max-detections", "5"], 2, "--anchors FILE"),
            (plain, ["--postprocess", "custom-op", "--anchors", OUT / "nowhere.npy"], 3, "nowhere.npy"),
            (logits, op, 2, "--score-conversion")):
        outcome, _, target = source.convert(*flags)
        assert outcome.status == status and said in outcome.stderr, outcome.text()
        assert not target.exists()


def test_saved_model_with_an_open_batch(pumice):
    """The batch is pinned, the tail recognized, and the report says so."""
    inner = heads(CLASSES)

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], name="picture")])
        def run(self, x):
            t, p = inner(x)
            return combined(corners(t), tf.sigmoid(p))

    module = Module()
    module.inner = inner
    folder, target = OUT / "saved", OUT / "saved.tflite"
    tf.saved_model.save(module, str(folder), signatures=module.run)
    outcome, report = binary.convert(folder, target, "--postprocess", "custom-op")
    assert outcome.status == 0, outcome.text()
    assert "batch_pinned" in [w["code"] for w in report["warnings"]]
    assert report["detectors"][0]["replaced_outputs"] == {"boxes": "boxes", "classes": "labels", "scores": "scores",
                                                          "count": "count"}
    assert [o["name"] for o in report["output"]["signatures"][0]["outputs"]] == NAMES
    outcome = binary.run("verify", folder, target)
    assert outcome.status == 0 and "as the operator gives them" in outcome.stdout, outcome.stdout + outcome.text()
