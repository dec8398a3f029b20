"""CombinedNonMaxSuppression: shared boxes and a box a class, limits below and above what there is, batches."""
import resource
import subprocess

import numpy as np
import pytest
import tensorflow as tf

from harness import Case, Spec, U, binary, compare, differential, reference, space, tolerances


def boxes(rng, shape):
    corner = rng.random((*shape[:-1], 2)) * 0.7
    return np.concatenate([corner, corner + 0.1 + rng.random(corner.shape) * 0.3], -1)


def outside(rng, shape):
    """Beyond 0 and 1, corners exchanged."""
    return (boxes(rng, shape) * 2 - 0.5)[..., [2, 1, 0, 3]]


def without_area(rng, shape):
    b = boxes(rng, shape)
    flat = rng.random(shape[:-1]) < 0.5
    b[flat] = b[flat][:, [0, 1, 0, 3]]
    return b


def pixels(rng, shape):
    return np.round(boxes(rng, shape) * 640)


def distinct(rng, shape):
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) + 1) / (n + 1)


BOXES = {"inside": boxes, "outside": outside, "without area": without_area, "pixels": pixels}


def operands(batch=1, n=20, q=1, classes=3, boxes=boxes):
    return [Spec((batch, n, q, 4), values=boxes), Spec((batch, n, classes), values=distinct)]


def combined(each=4, total=9, iou=0.4, score=0.1, pad=False, clip=True):
    return lambda b, s: list(tf.image.combined_non_max_suppression(b, s, each, total, iou, score, pad, clip))


def case(attributes, inputs, build, **more):
    return Case("CombinedNonMaxSuppression", attributes, inputs, build, **more)


def cases():
    for p in space(batch=[1, 2, 3], q=["1", "classes"], pad=[False, True], clip=[False, True]):
        yield case(p.text(), operands(p.batch, q=3 if p.q == "classes" else 1, boxes=outside),
                   combined(pad=p.pad, clip=p.clip))
    for q in (1, 3):
        for each, total in ((1, 1), (2, 50), (50, 4), (50, 100), (20, 60), (7, 3)):
            for pad in (False, True):
                yield case(f"q={q},each={each},total={total},pad={pad}", operands(2, q=q), combined(each, total, pad=pad))
        for name, kind in BOXES.items():
            for iou in (0.0, 0.3, 1.0):
                yield case(f"q={q},boxes={name},iou={iou}", operands(q=q, boxes=kind), combined(30, 40, iou, 0.05, clip=False))
        for score in (-1.0, 0.0, 0.5, 0.95, 2.0):
            yield case(f"q={q},score={score}", operands(2, q=q), combined(score=score))
        yield case(f"q={q},unknown n", operands(2, U(20, 3, 50), q), combined())
        yield case(f"q={q},one box", operands(n=1, q=q), combined())
        yield case(f"q={q},limits at run time",
                   operands(q=q) + [Spec((), values=lambda rng, shape: rng.choice([0.3, 1.0])), Spec((), values=(0, 0.5))],
                   lambda b, s, iou, score: combined(iou=iou, score=score)(b, s))
        yield case(f"q={q},number at run time", operands(q=q) + [Spec((), "int32", (1, 5))],
                   lambda b, s, each: combined(each)(b, s))
        yield case(f"q={q},unknown batch and shapes given", operands(U(1, 2), q=q), combined())
    yield case("one class", operands(2, classes=1), combined())
    yield case("many classes", operands(n=60, classes=40), combined(5, 20))
    yield case("many classes,box a class", operands(n=30, q=17, classes=17), combined(5, 20))
    yield case("from heads", [Spec((1, 24, 4), values=boxes), Spec((1, 24, 5))],
               lambda b, s: combined(10, 20, score=0.3)(b[:, :, tf.newaxis], tf.sigmoid(s)))
    # Scores of one class that are the same in another: the sort of all classes goes by class then.
    yield case("equal scores", [Spec((1, 6, 1, 4), values=boxes), Spec((1, 6), values=distinct)],
               lambda b, s: combined(2, 6)(b, tf.stack([s, s], -1)))


test_combined_nms = differential("combined_nms", cases())


def test_unknown_batch_is_pinned(runtimes, tmp_path):
    """Without --input-shapes the batch becomes 1, and that is said."""
    built = reference.build(case("", operands(U(1, 2)), combined()))
    source, target = tmp_path / "x.pb", tmp_path / "x.tflite"
    source.write_bytes(built.graph_def.SerializeToString())
    outcome, report = binary.convert(source, target, "--input-arrays", "in0,in1", "--output-arrays", ",".join(built.outputs))
    assert outcome.status == 0, outcome.text()
    assert [w["code"] for w in report["warnings"]] == ["batch_pinned"]
    feed = case("", operands(1), combined()).feed(0)
    np.savez(tmp_path / "in.npz", **feed)
    with reference.runner(built.graph_def, built.outputs) as tensorflow:
        wanted = tensorflow(feed)
    for runtime in runtimes:
        found = runtime.run(target, tmp_path / "in.npz", tmp_path / "out.npz")
        assert not compare.differences(wanted, found, lambda dtype: tolerances.for_case("", dtype))


@pytest.mark.parametrize("each,total,n,found", [
    (2**31 - 1, 100, None, "int32 cannot number"), (5, 2**31 - 1, 20, None), (2**31 - 1, 2**31 - 1, 20, None)])
def test_absurd_limits(each, total, n, found, tmp_path):
    """Numbers out of a hostile file: no memory of their size is taken while converting."""
    graph = tf.Graph()
    with graph.as_default():
        b, s = tf.compat.v1.placeholder("float32", (1, n, 1, 4), "in0"), tf.compat.v1.placeholder("float32", (1, n, 3), "in1")
        tf.raw_ops.CombinedNonMaxSuppression(boxes=b, scores=s, max_output_size_per_class=each, max_total_size=total,
                                             iou_threshold=0.5, score_threshold=0.1, name="nms")
    (tmp_path / "x.pb").write_bytes(graph.as_graph_def().SerializeToString())
    outcome = limited(500, "convert", tmp_path / "x.pb", "-o", tmp_path / "x.tflite", "--quiet",
                      "--input-arrays", "in0,in1", "--output-arrays", "nms")
    assert outcome.returncode == (4 if found else 0), outcome.stderr
    assert not found or found in outcome.stderr


def limited(megabytes, *arguments):
    """pumice with so much address space."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    return subprocess.run([binary.pumice(), *map(str, arguments)], preexec_fn=limit, capture_output=True, text=True, timeout=60)
