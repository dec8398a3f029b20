"""CropAndResize: crops inside, partly and wholly outside the picture, at its very edges, mirrored, and none at all."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential, masks, space


def inside(rng, shape):
    corner = rng.random((*shape[:-1], 2)) * 0.5
    return np.concatenate([corner, corner + 0.1 + rng.random(corner.shape) * 0.4], -1)


def partly_outside(rng, shape):
    return rng.uniform(-0.6, 1.6, shape)


def wholly_outside(rng, shape):
    return inside(rng, shape) + rng.choice([-1.5, 1.5], (*shape[:-1], 1))


def at_the_edges(rng, shape):
    """0 and 1 exactly, where one rounding decides whether the last sample is inside."""
    return rng.choice([0.0, 1.0, 1 / 3, 0.5, 2 / 3], shape)


def mirrored(rng, shape):
    return inside(rng, shape)[..., [2, 3, 0, 1]]


def without_area(rng, shape):
    return np.repeat(rng.uniform(-0.2, 1.2, (*shape[:-1], 2)), 2, -1)[..., [0, 2, 1, 3]]


def far_away(rng, shape):
    """Beyond any int32 once multiplied. (Where the arithmetic itself overflows, TensorFlow crashes.)"""
    return rng.choice([-1e12, 0.5, 1e12], shape)


BOXES = {"inside": inside, "partly outside": partly_outside, "outside": wholly_outside, "edges": at_the_edges,
         "mirrored": mirrored, "no area": without_area, "far away": far_away}


def pictures(high):
    return lambda rng, shape: rng.integers(0, high, shape)


def operands(image=(2, 9, 11, 3), n=7, boxes=inside, dtype="float32", values=None):
    batch = min(image[0].sizes) if isinstance(image[0], U) else image[0]
    return [Spec(image, dtype, values), Spec((n, 4), values=boxes), Spec((n,), "int32", (0, batch - 1))]


def crop(size, method="bilinear", outside=0.0):
    return lambda image, boxes, which: tf.image.crop_and_resize(image, boxes, which, size, method, outside)


def cases():
    for p in space(method=["bilinear", "nearest"], boxes=BOXES):
        for size in ((5, 7), (1, 1)):
            yield Case("CropAndResize", f"{p.text()},to={size}", operands(boxes=p.boxes), crop(size, p.method, -3.25))
    for method in ("bilinear", "nearest"):
        for size in ((1, 6), (6, 1), (2, 2), (14, 14), (23, 29)):
            yield Case("CropAndResize", f"{method},to={size}", operands(boxes=at_the_edges), crop(size, method, 7.0))
        # One picture needs no box indices; each pattern of unknown sizes, and no boxes at all.
        for shape in masks((1, 8, 6, 2), "kkkk", "kuuk", "kkku", "kuuu"):
            yield Case("CropAndResize", f"{method},one picture", operands(shape, boxes=partly_outside), crop((4, 3), method))
        for shape in masks((3, 8, 6, 2), "ukkk", "uuuk", "uuuu"):
            yield Case("CropAndResize", method, operands(shape, U(5, 1, 0), partly_outside), crop((4, 3), method))
        yield Case("CropAndResize", f"{method},no boxes", operands(n=U(3, 0)), crop((4, 3), method))
        yield Case("CropAndResize", f"{method},a picture of one pixel", operands((2, 1, 1, 3), boxes=partly_outside),
                   crop((3, 2), method, 2.0))
        for dtype in ("uint8", "uint16", "int8", "int16", "int32", "int64", "float16", "float64"):
            yield Case("CropAndResize", method, operands(boxes=partly_outside, dtype=dtype, values=pictures(120)),
                       crop((4, 5), method, 0.5))
        yield Case("CropAndResize", f"{method},constant boxes", [Spec((2, 9, 11, 3))],
                   lambda x, m=method: tf.image.crop_and_resize(
                       x, [[0, 0, 1, 1], [0.2, 0.1, 1.1, 0.7], [1, 1, 0, 0]], [1, 0, 1], [4, 6], m))
        yield Case("CropAndResize", f"{method},constant picture", [Spec((4, 4), values=partly_outside)],
                   lambda b, m=method: tf.image.crop_and_resize(
                       tf.reshape(tf.range(2 * 5 * 6 * 2, dtype=tf.float32), [2, 5, 6, 2]), b, [0, 1, 1, 0], [4, 6], m))
    # As a region-proposal network uses it: crops, then pooling and a matrix product.
    yield Case("CropAndResize", "pooled", operands((1, 19, 17, 8), U(6, 2), partly_outside),
               lambda *x: tf.nn.max_pool2d(crop((14, 14))(*x), 2, 2, "SAME"))
    yield Case("CropAndResize", "to=run time", [Spec((1, 8, 6, 2)), Spec((2,), "int32", (2, 5))],
               lambda x, size: tf.image.crop_and_resize(x, [[0.1, 0.1, 0.9, 0.8]], [0], size))


test_crop_and_resize = differential("crop_and_resize", cases())
