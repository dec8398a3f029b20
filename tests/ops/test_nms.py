"""NonMaxSuppression, V1 to V5: hard and soft, padded and not, limits that are constants and that are computed; boxes
and scores that TensorFlow takes and LiteRT's kernel by itself does not."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential

raw = tf.raw_ops


def boxes(rng, shape):
    """[n,4] boxes of which many overlap."""
    corner = rng.random((*shape[:-1], 2)) * 0.7
    far = corner + 0.1 + rng.random(corner.shape) * 0.3
    return np.concatenate([corner, far], -1)


def distinct(rng, shape):
    return (rng.permutation(int(np.prod(shape))).reshape(shape) + 1) / (np.prod(shape) + 1)


def exchanged(rng, shape):
    """Corners in any of the four orders."""
    b = boxes(rng, shape)
    for columns in ([0, 2], [1, 3]):
        flip = rng.random(shape[:-1]) < 0.5
        b[np.ix_(flip, columns)] = b[np.ix_(flip, columns[::-1])]
    return b


def some(of, share=0.5):
    """A share of the boxes changed by of(box)."""
    def values(rng, shape):
        b = boxes(rng, shape)
        for i in np.flatnonzero(rng.random(shape[:-1]) < share):
            b[i] = of(b[i])
        return b
    return values


def point(b):
    return b[[0, 1, 0, 1]]


def line(b):
    return b[[0, 1, 2, 1]]


def grid(rng, shape):
    """Corners on a grid of quarters: overlaps of exactly 1/2, 1/3, 1/4, and the same box more than once."""
    corner = rng.integers(0, 3, (*shape[:-1], 2))
    return np.concatenate([corner, corner + rng.integers(1, 3, corner.shape)], -1) / 4


def identical(rng, shape):
    return np.broadcast_to(boxes(rng, (1, 4)), shape)


def pixels(rng, shape):
    return np.round(boxes(rng, shape) * 3000)


BOXES = {
    "exchanged corners": exchanged,
    "points": some(point),
    "lines": some(line),
    "points alone": some(point, 2),
    "grid": grid,
    "identical": identical,
    "pixels": pixels,
    "empty at 0": some(lambda b: b * 0),
    "one infinite": lambda rng, shape: np.where(np.arange(shape[0])[:, np.newaxis] == 3, [0, 0, np.inf, 1], boxes(rng, shape)),
    "huge": some(lambda b: b * 2.5e19, 0.3),
}


def ties(rng, shape):
    return rng.integers(1, 4, shape) / 4


def equal(rng, shape):
    return np.full(shape, 0.5)


def holes(value):
    def values(rng, shape):
        s = distinct(rng, shape)
        s[rng.random(shape) < 0.3] = value
        return s
    return values


SCORES = {
    "ties": ties,
    "equal": equal,
    "NaN": holes(np.nan),
    "-inf": holes(-np.inf),
    "inf": holes(np.inf),
    "negative": lambda rng, shape: distinct(rng, shape) - 0.5,
    "tiny": lambda rng, shape: distinct(rng, shape) * 1e-30,
}


def pair(n=12, boxes=boxes, scores=distinct, dtype="float32"):
    return [Spec((n, 4), dtype, boxes), Spec((n,), dtype, scores)]


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
    yield from hostile()
    yield from halves()
    # What readers make of the indices: gathers of known size.
    yield nms(4, "gathered", pair(), lambda b, s: tf.gather(b, v(4, b, s, pad=True)[0]), True)
    yield nms(3, "gathered", pair(), lambda b, s: tf.gather(b, v(3, b, s)))
    yield nms(3, "padded by the graph", pair(),
              lambda b, s: tf.reshape(tf.pad(tf.gather(s, i := v(3, b, s)), [[0, 5 - tf.size(i)]]), [5]), True)


def hostile():
    """Each kind of boxes and scores, in V3 and padded V5; hard and soft."""
    for name, kind in BOXES.items():
        for iou in (0.0, 0.25, 0.5, 1.0):
            yield nms(5, f"boxes={name},iou={iou}", pair(16, kind), lambda b, s, t=iou: v(5, b, s, 16, t, pad=True), True)
        yield nms(3, f"boxes={name}", pair(U(16, 9), kind), lambda b, s: v(3, b, s, 16, 0.3))
        yield nms(4, f"boxes={name},iou at run time", pair(16, kind) + [Spec((), values=lambda rng, shape: rng.choice([0.5, 1.0]))],
                  lambda b, s, t: v(4, b, s, 16, t, pad=True), True)
        if name not in ("identical", "grid"):
            for iou in (0.2, 1.0):
                yield nms(5, f"boxes={name},soft,iou={iou}", pair(16, kind),
                          lambda b, s, t=iou: v(5, b, s, 16, t, 0.01, 0.4, True), True)
    for name, kind in SCORES.items():
        for number in (2, 3, 5):
            pad = number == 5
            yield nms(number, f"scores={name}", pair(30, scores=kind), lambda b, s, i=number, p=pad: v(i, b, s, 20, 0.3, -1.0, pad=p), pad)
        yield nms(4, f"scores={name},threshold between", pair(30, grid, kind),
                  lambda b, s: never_empty(v(4, b, s, 20, 0.3, 0.25, pad=True)), True)
    # A thousand boxes, many of the same score: no heap keeps these in order.
    yield nms(4, "scores=ties,many", pair(1000, scores=ties), lambda b, s: v(4, b, s, 300, 0.4, pad=True), True)
    yield nms(5, "scores=ties,many", pair(1000, exchanged, ties), lambda b, s: v(5, b, s, 300, 0.4, pad=True), True)
    for number in (3, 4, 5):
        pad = number > 3
        yield nms(number, "scores=ties,unknown n", pair(U(60, 31), grid, ties), lambda b, s, i=number, p=pad: v(i, b, s, 40, 0.3, pad=p), pad)
    for iou in (1 / 3, np.nextafter(np.float32(1 / 3), 0), 0.999999, np.float32(1e-38)):
        yield nms(4, f"boxes=grid,iou={iou:.9g}", pair(40, grid), lambda b, s, t=float(iou): v(4, b, s, 40, t, pad=True), True)
    edge = Spec((), values=lambda rng, shape: rng.choice(np.float32([1 / 3, 0.5, 0.25, 0.0, 1.0])))
    for seed in range(4):
        yield nms(4, "boxes=grid,iou at run time", pair(40, grid) + [edge], lambda b, s, t: v(4, b, s, 40, t, pad=True), True,
                  seed=seed, note=f"seed {seed}")
    for number in (2, 3, 4, 5):
        pad = number >= 4
        yield nms(number, "no boxes", pair(U(8, 0)), lambda b, s, i=number, p=pad: never_empty(v(i, b, s, pad=p)), pad)
    yield nms(5, "soft,sigma at run time", pair(16, some(point)) + [Spec((), values=lambda rng, shape: rng.choice([0.0, 0.4]))],
              lambda b, s, g: v(5, b, s, 16, 0.3, 0.01, g, True), True)
    yield nms(5, "soft,sigma and iou at run time", pair(16, some(point)) +
              [Spec((), values=(0.0, 0.4)), Spec((), values=lambda rng, shape: rng.choice([0.5, 1.0]))],
              lambda b, s, g, t: v(5, b, s, 16, t, 0.01, g, True), True)


def halves():
    for number in (2, 3, 4, 5):
        pad = number >= 4
        for iou in (0.0, 0.3, 0.5, 1.0):
            def build(b, s, i=number, t=iou, p=pad):
                return v(i, b, s, 20, np.float16(t), np.float16(0.1), np.float16(0), p)
            yield nms(number, f"half,iou={iou}", pair(30, boxes, distinct, "float16"), build, pad)
            yield nms(number, f"half,boxes=grid,iou={iou}", pair(30, grid, ties, "float16"), build, pad)
    yield nms(4, "half,float limits", pair(30, grid, ties, "float16"), lambda b, s: v(4, b, s, 20, 0.3, 0.1, pad=True), True)
    yield nms(3, "half limits", pair(30, grid), lambda b, s: v(3, b, s, 20, np.float16(1 / 3), np.float16(0.1)))
    yield nms(5, "half,soft", pair(30, boxes, distinct, "float16"),
              lambda b, s: v(5, b, s, 20, np.float16(1), np.float16(0.1), np.float16(0.5), True), True)
    yield nms(3, "half,iou at run time", pair(30, boxes, distinct, "float16") + [Spec((), "float16", (0.2, 0.8))],
              lambda b, s, t: v(3, b, s, 20, t, np.float16(0.1)))


test_nms = differential("nms", cases())
