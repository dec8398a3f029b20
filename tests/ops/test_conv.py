"""Conv2D, DepthwiseConv2dNative and Conv3D: padding, strides, dilations, layouts, groups, computed filters."""
import numpy as np
import tensorflow as tf

from harness import B0, Case, Spec, U, Unranked, differential, masks, space

RNG = np.random.default_rng(1)
PADDINGS = {"SAME": ("SAME", []), "VALID": ("VALID", []), "EXPLICIT": ("EXPLICIT", [0, 0, 1, 2, 0, 1, 0, 0])}


def weights(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def first(x):
    """NHWC (NDHWC) to NCHW (NCDHW)."""
    rank = x.shape.rank
    return tf.transpose(x, [0, rank - 1, *range(1, rank - 1)])


def last(x):
    rank = x.shape.rank
    return tf.transpose(x, [0, *range(2, rank), 1])


def swapped(values):
    """A list by axes of NHWC, by axes of NCHW."""
    return [values[0], values[-1], *values[1:-1]]


def conv2d(x, f, strides, padding, dilations, nchw=False):
    strides, dilations = [1, *strides, 1], [1, *dilations, 1]
    name, explicit = padding
    if nchw:
        explicit = explicit and [0, 0, 0, 0, *explicit[2:6]]
        strides, dilations = swapped(strides), swapped(dilations)
    return tf.raw_ops.Conv2D(
        input=x, filter=f, strides=strides, padding=name, explicit_paddings=explicit, dilations=dilations,
        data_format="NCHW" if nchw else "NHWC")


def conv_cases():
    f = weights(3, 2, 4, 5)
    for p in space(stride={"1": [1, 1], "2": [2, 2]}, padding=PADDINGS, dilation={"1": [1, 1], "2": [2, 2]}):
        for shape in masks((2, 9, 8, 4), "kkkk", "ukkk", "uuuk"):
            yield Case("Conv2D", p.text(), [Spec(shape)],
                       lambda x, p=p: conv2d(x, f, p.stride, p.padding, p.dilation))
        for shape in masks((2, 4, 9, 8), "kkkk", "ukkk"):
            yield Case("Conv2D", p.text() + ",NCHW", [Spec(shape)],
                       lambda x, p=p: conv2d(x, f, p.stride, p.padding, p.dilation, True),
                       twin=lambda x, p=p: first(conv2d(last(x), f, p.stride, p.padding, p.dilation)))
    for name, kernel, strides in (("1x1", (1, 1), [1, 1]), ("1x1,stride=2", (1, 1), [2, 2]), ("5x3", (5, 3), [1, 1]),
                                  ("1x7,stride=1x3", (1, 7), [1, 3]), ("9x8", (9, 8), [1, 1])):
        g = weights(*kernel, 4, 6)
        for shape in masks((3, 9, 8, 4), "kkkk", "ukkk"):
            for padding in ("SAME", "VALID"):
                yield Case("Conv2D", f"kernel={name},{padding}", [Spec(shape)],
                           lambda x, g=g, s=strides, pad=padding: conv2d(x, g, s, (pad, []), [1, 1]))
    for groups in (2, 4):
        g = weights(3, 3, 4 // groups, 8)
        for shape in masks((2, 9, 8, 4), "kkkk", "ukkk", "uuuk"):
            for padding in ("SAME", "VALID"):
                yield Case("Conv2D", f"groups={groups},{padding}", [Spec(shape)],
                           lambda x, g=g, pad=padding: conv2d(x, g, [1, 1], (pad, []), [1, 1]))
    for shape in masks((2, 9, 8, 4), "kkkk", "ukkk", "uuuk"):
        for filters in masks((3, 2, 4, 5), "kkkk", "uukk"):
            yield Case("Conv2D", "computed filter", [Spec(shape), Spec(filters)],
                       lambda x, g: conv2d(x, g, [1, 1], PADDINGS["SAME"], [1, 1]))
    yield Case("Conv2D", "unknown channels", [Spec((U(2, 1), 9, 8, U(4, 4)))],
               lambda x: conv2d(x, f, [1, 1], PADDINGS["SAME"], [1, 1]))
    yield Case("Conv2D", "unknown rank", [Spec(Unranked((2, 9, 8, 4)))],
               lambda x: conv2d(x, f, [2, 2], PADDINGS["SAME"], [1, 1]))
    yield Case("Conv2D", "empty batch", [Spec((B0, 9, 8, 4))],
               lambda x: conv2d(x, f, [2, 2], PADDINGS["SAME"], [1, 1]))
    yield Case("Conv2D", "stride=2,padding=SAME,dilation=1", [Spec((B0, 9, 8, 4), "float16")],
               lambda x: conv2d(x, f.astype(np.float16), [2, 2], PADDINGS["SAME"], [1, 1]))
    for dtype in ("int32", "float64"):
        yield Case("Conv2D", "dtype", [Spec((2, 9, 8, 4), dtype)],
                   lambda x, d=dtype: conv2d(x, f.astype(d), [1, 1], PADDINGS["SAME"], [1, 1]))
    for p in space(stride=[1, 2], padding=["SAME", "VALID"], dilation=[1, 2],
                   where=lambda p: p.stride == 1 or p.dilation == 1):
        for shape in masks((2, 11, 4), "kkk", "ukk", "uuk"):
            yield Case("Conv2D", p.text() + ",1D", [Spec(shape)],
                       lambda x, p=p: tf.nn.conv1d(x, f[:, 0], p.stride, p.padding, dilations=p.dilation))


def depthwise(x, f, stride, padding, nchw=False, dilation=1):
    strides, dilations = [1, stride, stride, 1], [1, dilation, dilation, 1]
    name, explicit = padding
    if nchw:
        explicit = explicit and [0, 0, 0, 0, *explicit[2:6]]
        strides, dilations = swapped(strides), swapped(dilations)
    return tf.raw_ops.DepthwiseConv2dNative(
        input=x, filter=f, strides=strides, padding=name, explicit_paddings=explicit, dilations=dilations,
        data_format="NCHW" if nchw else "NHWC")


def depthwise_cases():
    for p in space(stride=[1, 2], padding=PADDINGS, multiplier=[1, 3]):
        f = weights(3, 2, 4, p.multiplier)
        for shape in masks((2, 9, 8, 4), "kkkk", "ukkk", "uuuk"):
            yield Case("DepthwiseConv2dNative", p.text(), [Spec(shape)],
                       lambda x, p=p, f=f: depthwise(x, f, p.stride, p.padding))
        for shape in masks((2, 4, 9, 8), "kkkk", "ukkk"):
            yield Case("DepthwiseConv2dNative", p.text() + ",NCHW", [Spec(shape)],
                       lambda x, p=p, f=f: depthwise(x, f, p.stride, p.padding, True),
                       twin=lambda x, p=p, f=f: first(depthwise(last(x), f, p.stride, p.padding)))
    f = weights(3, 3, 4, 2)
    for padding in ("SAME", "VALID"):
        for shape in masks((2, 10, 9, 4), "kkkk", "ukkk"):
            # TensorFlow's CPU kernel takes no dilations; tf.nn's function goes by way of SpaceToBatchND.
            nn = lambda x, pad=padding: tf.nn.depthwise_conv2d(x, f, [1, 1, 1, 1], pad, dilations=[2, 2])  # noqa: E731
            yield Case("DepthwiseConv2dNative", f"dilations=2,{padding}", [Spec(shape)],
                       lambda x, pad=padding: depthwise(x, f, 1, (pad, []), dilation=2), twin=nn)
            yield Case("DepthwiseConv2dNative", f"dilations=2 between batches,{padding}", [Spec(shape)], nn)
    for shape in masks((2, 9, 8, 4), "kkkk", "ukkk"):
        yield Case("DepthwiseConv2dNative", "computed filter", [Spec(shape), Spec((3, 3, 4, 2))],
                   lambda x, g: depthwise(x, g, 1, PADDINGS["SAME"]))
    yield Case("DepthwiseConv2dNative", "one channel", [Spec((2, 9, 8, 1))],
               lambda x, g=weights(3, 3, 1, 4): depthwise(x, g, 2, PADDINGS["SAME"]))
    yield Case("DepthwiseConv2dNative", "stride=2,padding=SAME,multiplier=1", [Spec((B0, 9, 8, 4), "float16")],
               lambda x: depthwise(x, f[..., :1].astype(np.float16), 2, PADDINGS["SAME"]))
    yield Case("DepthwiseConv2dNative", "dtype", [Spec((2, 9, 8, 4), "float64")],
               lambda x: depthwise(x, f.astype(np.float64), 2, PADDINGS["SAME"]))


def conv3d(x, f, strides, padding, ncdhw=False):
    strides = [1, *strides, 1]
    return tf.raw_ops.Conv3D(input=x, filter=f, strides=swapped(strides) if ncdhw else strides, padding=padding,
                             data_format="NCDHW" if ncdhw else "NDHWC")


def conv3d_cases():
    f = weights(2, 3, 2, 3, 4)
    for p in space(stride={"1": [1, 1, 1], "2": [2, 2, 2], "1x2x3": [1, 2, 3]}, padding=["SAME", "VALID"]):
        for shape in masks((2, 5, 6, 7, 3), "kkkkk", "ukkkk", "uuuuk"):
            yield Case("Conv3D", p.text(), [Spec(shape)], lambda x, p=p: conv3d(x, f, p.stride, p.padding))
        yield Case("Conv3D", p.text() + ",NCDHW", [Spec((U(2, 1), 3, 5, 6, 7))],
                   lambda x, p=p: conv3d(x, f, p.stride, p.padding, True),
                   twin=lambda x, p=p: first(conv3d(last(x), f, p.stride, p.padding)))
    yield Case("Conv3D", "computed filter", [Spec((2, 5, 6, 7, 3)), Spec((2, 3, 2, 3, 4))],
               lambda x, g: conv3d(x, g, [1, 1, 1], "SAME"))
    yield Case("Conv3D", "stride=1,padding=SAME", [Spec((2, 5, 6, 7, 3), "float16")],
               lambda x: conv3d(x, f.astype(np.float16), [1, 1, 1], "SAME"))


test_conv = differential("conv", [*conv_cases(), *depthwise_cases(), *conv3d_cases()])
