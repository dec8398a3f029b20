"""What architectures.py is written over: Keras layers (of Keras 3 or tf_keras), or plain TensorFlow ops."""
import numpy as np
import tensorflow as tf

from models import weights


def decode(encodings, anchors):
    """Boxes from encodings, with the scale factors of the object-detection API (10, 10, 5, 5)."""
    y, x, h, w = tf.unstack(encodings, axis=-1)
    ya, xa, ha, wa = (tf.constant(a) for a in anchors.T)
    y, x = y / 10.0 * ha + ya, x / 10.0 * wa + xa
    h, w = tf.exp(h / 5.0) * ha / 2.0, tf.exp(w / 5.0) * wa / 2.0
    return tf.stack([y - h, x - w, y + h, x + w], axis=-1)


class Keras:
    """Layers of `keras` (the module: keras or tf_keras). A name used twice is one layer, used twice."""

    def __init__(self, keras):
        self._keras, self._layers = keras, {}

    def model(self, architecture, size, batch, **options):
        image = self._keras.Input((size, size, 3), batch_size=batch, name="image")
        box, score = architecture(self, image, **options)
        model = self._keras.Model(image, {"boxes": box, "scores": score}, name="detector")
        for name, values in self._layers.items():
            layer, values = values
            if values:
                layer.set_weights([v.reshape(w.shape) for v, w in zip(values, layer.get_weights())])
        return model

    def _call(self, name, make, values, *operands):
        if name not in self._layers:
            self._layers[name] = (make(), values)
        return self._layers[name][0](*operands)

    def _pad(self, x, name, size, stride):
        """As keras.applications does it: an explicit padding before every strided convolution."""
        if stride == 1:
            return x, "same"
        odd = x.shape[1] % 2
        pad = ((size // 2, size // 2) if odd else (size // 2 - 1, size // 2),) * 2
        return self._keras.layers.ZeroPadding2D(pad, name=name + "_pad")(x), "valid"

    def conv(self, x, name, filters, size, stride=1, bias=False):
        values = [weights.kernel(name, (size, size, x.shape[-1], filters))]
        if bias:
            values.append(weights.bias(name + "_bias", filters))
        x, padding = self._pad(x, name, size, stride)
        return self._call(name, lambda: self._keras.layers.Conv2D(
            filters, size, stride, padding, use_bias=bias, name=name), values, x)

    def depthwise(self, x, name, size, stride=1):
        values = [weights.kernel(name, (size, size, x.shape[-1], 1), depthwise=True)]
        x, padding = self._pad(x, name, size, stride)
        return self._call(name, lambda: self._keras.layers.DepthwiseConv2D(
            size, stride, padding, use_bias=False, name=name), values, x)

    def norm(self, x, name):
        return self._call(name, lambda: self._keras.layers.BatchNormalization(name=name),
                          weights.norm(name, x.shape[-1]), x)

    def relu6(self, x, name):
        return self._keras.layers.ReLU(6.0, name=name)(x)

    def add(self, xs, name):
        return self._keras.layers.Add(name=name)(xs)

    def upsample(self, x, name):
        return self._keras.layers.UpSampling2D(2, name=name)(x)

    def flatten(self, x, last, name):
        return self._keras.layers.Reshape((-1, last), name=name)(x)

    def concat(self, xs, name):
        return self._keras.layers.Concatenate(axis=1, name=name)(xs)

    def sigmoid(self, x, name):
        return self._keras.layers.Activation("sigmoid", name=name)(x)

    def decode(self, x, anchors):
        class DecodeBoxes(self._keras.layers.Layer):
            def call(self, encodings):
                return decode(encodings, anchors)

        return DecodeBoxes(name="decode")(x)


class Plain:
    """TensorFlow's own ops over variables that `variable(name, values)` makes, or has made before."""

    def __init__(self, variable):
        self._variable = variable

    def conv(self, x, name, filters, size, stride=1, bias=False):
        kernel = self._variable(
            name + "/kernel", weights.kernel(name, (size, size, x.shape[-1], filters)))
        y = tf.nn.conv2d(x, kernel, stride, "SAME", name=name + "/Conv2D")
        if bias:
            y = tf.nn.bias_add(
                y, self._variable(name + "/bias", weights.bias(name + "_bias", filters)))
        return y

    def depthwise(self, x, name, size, stride=1):
        kernel = self._variable(
            name + "/depthwise_weights",
            weights.kernel(name, (size, size, x.shape[-1], 1), depthwise=True))
        return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME", name=name + "/depthwise")

    def norm(self, x, name):
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        values = weights.norm(name, x.shape[-1])
        gamma, beta, mean, variance = (
            self._variable(f"{name}/{part}", value) for part, value in zip(parts, values))
        y, _, _ = tf.compat.v1.nn.fused_batch_norm(
            x, gamma, beta, mean, variance, epsilon=1e-3, is_training=False)
        return y

    def relu6(self, x, name):
        return tf.nn.relu6(x)

    def add(self, xs, name):
        return xs[0] + xs[1]

    def upsample(self, x, name):
        """Nearest neighbours as the object-detection API writes them: stack, stack, reshape."""
        size, channels = x.shape[1], x.shape[3]
        x = tf.stack([x] * 2, axis=3)
        x = tf.stack([x] * 2, axis=2)
        return tf.reshape(x, [-1, size * 2, size * 2, channels])

    def flatten(self, x, last, name):
        batch = x.shape[0] or tf.shape(x)[0]
        return tf.reshape(x, tf.stack([batch, -1, last]))

    def concat(self, xs, name):
        return tf.concat(xs, 1, name=name)

    def sigmoid(self, x, name):
        return tf.sigmoid(x, name=name)

    def decode(self, x, anchors):
        return decode(x, anchors)


def is_large(values):
    """Variables that the partitioned flavour splits."""
    return np.size(values) > 100_000
