"""Non-max suppression as models write it: the functions of tf.image, batches, classes in loops, masks before and
gathers of run-time size behind."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential


def boxes(rng, shape):
    corner = rng.random((*shape[:-1], 2)) * 0.7
    return np.concatenate([corner, corner + 0.1 + rng.random(corner.shape) * 0.3], -1)


def distinct(rng, shape):
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) + 1) / (n + 1)


def falling(rng, shape):
    return np.sort(distinct(rng, shape))[..., ::-1]


def overlaps(rng, shape):
    x = rng.random(shape)
    return np.maximum((x + x.T) / 2, np.eye(shape[0]))


def swapped(rng, shape):
    return boxes(rng, shape)[..., [2, 1, 0, 3]]


def pair(n=20, kind=boxes):
    return [Spec((n, 4), values=kind), Spec((n,), values=distinct)]


def batched(*shape, kind=boxes, scores=distinct):
    return [Spec((*shape, 4), values=kind), Spec(shape, values=scores)]


def functions():
    image, v1 = tf.image, tf.compat.v1.image
    yield "NonMaxSuppressionV3", "image", lambda b, s: image.non_max_suppression(b, s, 6, 0.4, 0.1)
    yield "NonMaxSuppressionV3", "v1 image", lambda b, s: v1.non_max_suppression(b, s, 6, 0.4, 0.1)
    yield "NonMaxSuppressionV5", "image with scores", lambda b, s: list(image.non_max_suppression_with_scores(b, s, 6, 0.4, 0.1))
    yield ("NonMaxSuppressionV5", "image with scores,soft",
           lambda b, s: list(v1.non_max_suppression_with_scores(b, s, 6, 0.4, 0.1, 0.3)))
    yield ("PartitionedCall", "v1 padded", lambda b, s: list(v1.non_max_suppression_padded(b, s, 6, 0.4, 0.1, True)))


def padded(n=6, iou=0.4, score=float("-inf"), sorted_input=False, canonical=False, tile=512):
    """TensorFlow 2's own, on batches: loops over tiles of boxes, in plain ops."""
    return lambda b, s: list(tf.image.non_max_suppression_padded(
        b, s, n, iou, score, True, "nms", sorted_input, canonical, tile))


def per_class(n, classes):
    """A Python loop over classes, as exporters unroll it: boxes and scores of all, best first."""
    def build(b, s):
        kept = []
        for c in range(classes):
            index, count = tf.raw_ops.NonMaxSuppressionV4(
                boxes=b, scores=s[:, c], max_output_size=n, iou_threshold=0.4, score_threshold=0.2,
                pad_to_max_output_size=True)
            valid = tf.range(n) < count
            kept.append((tf.where(valid, tf.gather(s[:, c], index), -1.0), tf.gather(b, index), tf.fill([n], c)))
        scores, places, labels = (tf.concat(parts, 0) for parts in zip(*kept))
        best, at = tf.math.top_k(scores, n)
        return best, tf.gather(places, at), tf.gather(labels, at)
    return build


def mapped(b, s):
    """The same as a loop of the graph."""
    def one(scores):
        index, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=b, scores=scores, max_output_size=5, iou_threshold=0.4, score_threshold=0.2, pad_to_max_output_size=True)
        return tf.where(tf.range(5) < count, index, -1)
    return tf.map_fn(one, tf.transpose(s), fn_output_signature=tf.int32)


def masked(b, s):
    """What scores enough, then suppression, in indices of the whole."""
    places = tf.where(s > 0.3)[:, 0]
    index = tf.image.non_max_suppression(tf.gather(b, places), tf.gather(s, places), 8, 0.4)
    return tf.gather(places, index)


def padded_by_hand(b, s):
    kept = tf.image.non_max_suppression(b, s, 8, 0.4, 0.3)
    missing = 8 - tf.size(kept)
    return tf.ensure_shape(tf.pad(tf.gather(b, kept), [[0, missing], [0, 0]]), [8, 4]), tf.size(kept)


def cases():
    for op, name, build in functions():
        for n in (20, U(20, 7)):
            yield Case(op, name, pair(n), build, data_dependent="padded" not in name)
    for n in (20, U(20, 7)):
        square = [Spec((n, n), values=overlaps), Spec((n,), values=distinct)]
        for threshold, score in ((0.5, 0.1), (0.7, float("-inf")), (0.0, 0.4), (1.0, 0.1)):
            yield Case("NonMaxSuppressionWithOverlaps", f"overlap={threshold},score={score}", square,
                       lambda o, s, t=threshold, c=score: tf.image.non_max_suppression_overlaps(o, s, 6, t, c),
                       data_dependent=True)
    for shape in ((20,), (1, 20), (3, 20), (U(1, 3), 20), (2, U(20, 9)), (U(1, 2), U(20, 9))):
        yield Case("PartitionedCall", "padded", batched(*shape), padded(), data_dependent=isinstance(shape[0], U) and len(shape) == 2)
    for name, more in {"score=0.5": dict(score=0.5), "sorted": dict(sorted_input=True), "canonical": dict(canonical=True),
                       "iou=0": dict(iou=0.0), "more than there are": dict(n=30), "tiles": dict(tile=4), "one": dict(n=1)}.items():
        yield Case("PartitionedCall", f"padded,{name}", batched(2, 20, scores=falling if "sorted" in name else distinct), padded(**more))
    yield Case("PartitionedCall", "padded,exchanged corners", batched(2, 20, kind=swapped), padded())
    for classes in (1, 3, 8):
        for n in (20, U(20, 7)):
            yield Case("NonMaxSuppressionV4", f"a class after the other,{classes}",
                       [Spec((n, 4), values=boxes), Spec((n, classes), values=distinct)], per_class(5, classes))
    yield Case("NonMaxSuppressionV4", "classes in a loop", [Spec((20, 4), values=boxes), Spec((20, 6), values=distinct)], mapped)
    yield Case("NonMaxSuppressionV4", "classes in a loop that stays",
               [Spec((20, 4), values=boxes), Spec((20, U(6, 4)), values=distinct)], mapped)
    for n in (20, U(20, 9)):
        yield Case("NonMaxSuppressionV3", "masked", pair(n), masked, data_dependent=True)
        yield Case("NonMaxSuppressionV3", "padded by hand", pair(n), padded_by_hand)
        yield Case("NonMaxSuppressionV3", "boolean mask", pair(n),
                   lambda b, s: tf.image.non_max_suppression(
                       tf.boolean_mask(b, s > 0.3), tf.boolean_mask(s, s > 0.3), 8, 0.4), data_dependent=True)
        yield Case("NonMaxSuppressionV3", "gathers", pair(n),
                   lambda b, s: (tf.gather(b, k := tf.image.non_max_suppression(b, s, 8, 0.4)), tf.gather(s, k)),
                   data_dependent=True)
    yield Case("NonMaxSuppressionV3", "where of the result", pair(),
               lambda b, s: tf.where(tf.gather(s, tf.image.non_max_suppression(b, s, 8, 0.4)) > 0.5), data_dependent=True)
    yield Case("NonMaxSuppressionV3", "batch in a loop", batched(3, 20),
               lambda b, s: tf.map_fn(lambda x: tf.ensure_shape(tf.pad(
                   k := tf.image.non_max_suppression(x[0], x[1], 8, 0.4), [[0, 8 - tf.size(k)]], constant_values=-1), [8]),
                   (b, s), fn_output_signature=tf.int32))


test_nms_forms = differential("nms_forms", cases())
