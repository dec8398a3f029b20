"""Transposed convolutions, with result sizes that are constant or computed."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential, masks, space
from ops.test_conv import first, last, swapped, weights


def shape_given(y, how, height, width, channels, nchw):
    """input_sizes: all constant, with the batch of y, or of two elements."""
    if how == "short":
        return tf.constant([height, width])
    batch = tf.shape(y)[0] if how == "computed" else y.shape[0]
    sizes = [batch, channels, height, width] if nchw else [batch, height, width, channels]
    return tf.stack(sizes) if how == "computed" else tf.constant(sizes)


def backprop(y, f, sizes, strides, padding, explicit=(), nchw=False, dilation=1):
    strides, dilations = [1, *strides, 1], [1, dilation, dilation, 1]
    return tf.raw_ops.Conv2DBackpropInput(
        input_sizes=sizes, filter=f, out_backprop=y, strides=swapped(strides) if nchw else strides, padding=padding,
        explicit_paddings=list(explicit), data_format="NCHW" if nchw else "NHWC",
        dilations=swapped(dilations) if nchw else dilations)


def cases():
    f = weights(3, 2, 5, 4)
    # Rows and columns of the result, for 4 x 5 in the gradient.
    for p in space(geometry={"stride=1,SAME": (1, "SAME", 4, 5), "stride=2,SAME": (2, "SAME", 8, 10),
                             "stride=2,SAME,odd": (2, "SAME", 7, 9), "stride=1,VALID": (1, "VALID", 6, 6),
                             "stride=2,VALID": (2, "VALID", 9, 10), "stride=2,VALID,more": (2, "VALID", 10, 11),
                             "stride=3,SAME": (3, "SAME", 11, 15)},
                   sizes=["constant", "computed", "short"]):
        stride, padding, height, width = p.geometry
        for shape in masks((2, 4, 5, 4), *(["kkkk"] if p.sizes == "constant" else ["kkkk", "ukkk"])):
            yield Case("Conv2DBackpropInput", p.text(), [Spec(shape)],
                       lambda y, p=p, s=stride, pad=padding, h=height, w=width: backprop(
                           y, f, shape_given(y, p.sizes, h, w, 5, False), [s, s], pad))
    for stride, padding, height, width in ((1, "SAME", 4, 5), (2, "SAME", 8, 10), (2, "VALID", 9, 10)):
        for shape in masks((2, 4, 4, 5), "kkkk", "ukkk"):
            yield Case("Conv2DBackpropInput", f"stride={stride},{padding},NCHW", [Spec(shape)],
                       lambda y, s=stride, pad=padding, h=height, w=width: backprop(
                           y, f, shape_given(y, "computed", h, w, 5, True), [s, s], pad, nchw=True),
                       twin=lambda y, s=stride, pad=padding, h=height, w=width: first(backprop(
                           last(y), f, shape_given(y, "computed", h, w, 5, False), [s, s], pad)))
    for shape in masks((2, 4, 5, 4), "kkkk", "ukkk"):
        yield Case("Conv2DBackpropInput", "EXPLICIT", [Spec(shape)],
                   lambda y: backprop(y, f, shape_given(y, "computed", 8, 8, 5, False), [2, 2], "EXPLICIT",
                                      [0, 0, 1, 0, 1, 1, 0, 0]))
        yield Case("Conv2DBackpropInput", "computed filter", [Spec(shape), Spec((3, 2, 5, 4))],
                   lambda y, g: backprop(y, g, shape_given(y, "computed", 8, 10, 5, False), [2, 2], "SAME"),
                   data_dependent=Spec(shape).pattern[0] == "u")
        yield Case("Conv2DBackpropInput", "Conv2DTranspose of Keras", [Spec(shape)],
                   lambda y: tf.keras.backend.conv2d_transpose(y, f, (tf.shape(y)[0], 8, 10, 5), (2, 2), "same")
                   if hasattr(tf.keras.backend, "conv2d_transpose") else
                   tf.nn.conv2d_transpose(y, f, tf.stack([tf.shape(y)[0], 8, 10, 5]), [1, 2, 2, 1], "SAME"))
    for shape in masks((2, 4, 5, 4), "ukkk", "uuuk"):
        yield Case("Conv2DBackpropInput", "sizes computed from all", [Spec(shape)],
                   lambda y: backprop(y, f, tf.concat([tf.shape(y)[:1], tf.shape(y)[1:3] * 2, [5]], 0), [2, 2], "SAME"),
                   # TRANSPOSE_CONV reads its sizes when it runs.
                   data_dependent=Spec(shape).pattern == "uuuk")
    dilated = np.zeros((5, 3, 5, 4), np.float32)
    dilated[::2, ::2] = f
    for padding, height, width in (("SAME", 4, 5), ("VALID", 8, 7)):
        yield Case("Conv2DBackpropInput", f"dilations=2,{padding}", [Spec((2, 4, 5, 4))],
                   lambda y, pad=padding, h=height, w=width: backprop(
                       y, f, shape_given(y, "constant", h, w, 5, False), [1, 1], pad, dilation=2),
                   twin=lambda y, pad=padding, h=height, w=width: backprop(
                       y, dilated, shape_given(y, "constant", h, w, 5, False), [1, 1], pad))
    yield Case("Conv2DBackpropInput", "geometry=stride=2,SAME,sizes=constant", [Spec((2, 4, 5, 4), "float16")],
               lambda y: backprop(y, f.astype(np.float16), shape_given(y, "constant", 8, 10, 5, False), [2, 2], "SAME"))
    yield Case("Conv2DBackpropInput", "dtype", [Spec((2, 4, 5, 4), "float64")],
               lambda y: backprop(y, f.astype(np.float64), shape_given(y, "constant", 8, 10, 5, False), [2, 2], "SAME"))
    f3 = weights(2, 3, 2, 3, 4)
    for p in space(geometry={"stride=1,SAME": (1, "SAME", [3, 4, 5]), "stride=2,SAME": (2, "SAME", [6, 8, 9]),
                             "stride=1,VALID": (1, "VALID", [4, 6, 6]), "stride=2,VALID": (2, "VALID", [6, 9, 10])},
                   sizes=["constant", "computed"]):
        stride, padding, spatial = p.geometry
        for shape in masks((2, 3, 4, 5, 4), *(["kkkkk"] if p.sizes == "constant" else ["ukkkk"])):
            yield Case("Conv3DBackpropInputV2", p.text(), [Spec(shape)],
                       lambda y, p=p, s=stride, pad=padding, sp=spatial: tf.raw_ops.Conv3DBackpropInputV2(
                           input_sizes=tf.stack([tf.shape(y)[0], *sp, 3]) if p.sizes == "computed"
                           else tf.constant([y.shape[0], *sp, 3]),
                           filter=f3, out_backprop=y, strides=[1, s, s, s, 1], padding=pad),
                       data_dependent=p.sizes == "computed")
    yield Case("Conv3DBackpropInputV2", "computed filter", [Spec((U(2, 1), 3, 4, 5, 4)), Spec((2, 3, 2, 3, 4))],
               lambda y, g: tf.raw_ops.Conv3DBackpropInputV2(
                   input_sizes=tf.stack([tf.shape(y)[0], 6, 8, 9, 3]), filter=g, out_backprop=y,
                   strides=[1, 2, 2, 2, 1], padding="SAME"), data_dependent=True)


test_transpose_conv = differential("transpose_conv", cases())
