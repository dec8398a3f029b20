"""NonMaxSuppression, V2 to V5: hard and soft, padded and not, limits that are constants and that are computed."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential

raw = tf.raw_ops


def boxes(rng, shape):
    """[n,4] boxes of which many overlap. LiteRT's kernel takes no box with its corners exchanged."""
    corner = rng.random((*shape[:-1], 2)) * 0.7
    far = corner + 0.1 + rng.random(corner.shape) * 0.3
    return np.concatenate([corner, far], -1)


def distinct(rng, shape):
    return (rng.permutation(int(np.prod(shape))).reshape(shape) + 1) / (np.prod(shape) + 1)


def pair(n=12):
    return [Spec((n, 4), values=boxes), Spec((n,), values=distinct)]


FIXED = {"k": 12, "u": U(12, 5)}
HARD = {"keep all": 1.0, "half": 0.5, "strict": 0.1, "any overlap": 0.0}


def v(number, b, s, most=5, iou=0.5, score=0.0, sigma=0.0, pad=False):
    """All results of one version; of V4 and V5, the number of valid ones too."""
    if number == 1:
        return raw.NonMaxSuppression(boxes=b, scores=s, max_output_size=most, iou_threshold=iou)
    limits = dict(boxes=b, scores=s, max_output_size=most, iou_threshold=iou)
    if number == 2:
        return raw.NonMaxSuppressionV2(**limits)
    limits["score_threshold"] = score
    if number == 3:
        return raw.NonMaxSuppressionV3(**limits)
    limits["pad_to_max_output_size"] = pad
    if number == 4:
        return raw.NonMaxSuppressionV4(**limits)[:]
    return raw.NonMaxSuppressionV5(soft_nms_sigma=sigma, **limits)[:]


def never_empty(results):
    """LiteRT's Python binding cannot hand out an empty tensor that was allocated at run time."""
    results = results if isinstance(results, (list, tuple)) else [results]
    return [tf.concat([tf.reshape(r, [-1]), tf.constant([7], r.dtype)], 0) for r in results]


def nms(number, attributes, operands, build, pad=False, **more):
    op = "NonMaxSuppression" + (f"V{number}" if number > 1 else "")
    return Case(op, attributes + (",pad" if pad else ""), operands, build, data_dependent=not pad, **more)


def cases():
    for number in (1, 2, 3, 4, 5):
        for pad in ((False, True) if number >= 4 else (False,)):
            for letter, n in FIXED.items():
                yield nms(number, "iou=half", pair(n), lambda b, s, i=number, p=pad: v(i, b, s, pad=p), pad)
            for name, iou in HARD.items():
                if name != "half":
                    yield nms(number, f"iou={name}", pair(), lambda b, s, i=number, t=iou, p=pad: v(i, b, s, iou=t, pad=p), pad)
            for most in (0, 1, 40):
                yield nms(number, f"most={most}", pair(),
                          lambda b, s, i=number, m=most, p=pad: never_empty(v(i, b, s, m, pad=p)), pad)
            if number >= 3:
                for score in (0.5, 2.0):
                    yield nms(number, f"score={score}", pair(), lambda b, s, i=number, t=score, p=pad: never_empty(v(i, b, s, score=t, pad=p)), pad)
            if number >= 2:
                yield nms(number, "iou at run time", pair() + [Spec((), values=(0.2, 0.8))],
                          lambda b, s, t, i=number, p=pad: v(i, b, s, iou=t, pad=p), pad)
                yield Case(f"NonMaxSuppressionV{number}", f"most at run time{',pad' if pad else ''}",
                           pair() + [Spec((), "int32", (1, 9))],
                           lambda b, s, m, i=number, p=pad: v(i, b, s, m, pad=p), data_dependent=True)
            if number == 5:
                for sigma in (0.2, 0.5):
                    yield nms(5, f"sigma={sigma}", pair(),
                              lambda b, s, g=sigma, p=pad: v(5, b, s, 8, 1.0, 0.05, g, p), pad)
                yield nms(5, "sigma at run time", pair() + [Spec((), values=(0.2, 0.8))],
                          lambda b, s, g, p=pad: v(5, b, s, 8, 1.0, 0.05, g, p), pad)
        yield nms(number, "one box", pair(1), lambda b, s, i=number: v(i, b, s))
        yield nms(number, "constant boxes", [Spec((12,), values=distinct)],
                  lambda s, i=number: v(i, tf.constant(boxes(np.random.default_rng(1), (12, 4)), tf.float32), s))
    # What readers make of the indices: gathers of known size.
    yield nms(4, "gathered", pair(), lambda b, s: tf.gather(b, v(4, b, s, pad=True)[0]), True)
    yield nms(3, "gathered", pair(), lambda b, s: tf.gather(b, v(3, b, s)))
    yield nms(3, "padded by the graph", pair(),
              lambda b, s: tf.reshape(tf.pad(tf.gather(s, i := v(3, b, s)), [[0, 5 - tf.size(i)]]), [5]), True)


test_nms = differential("nms", cases())
