"""Models made by TensorFlow's own converter, which together use many operators and features."""
import numpy as np
import tensorflow as tf


def _converter(function, *specs):
    module = tf.Module()
    module.function = tf.function(function, input_signature=list(specs))
    return tf.lite.TFLiteConverter.from_concrete_functions(
        [module.function.get_concrete_function()], module)


def _spec(*shape, dtype=tf.float32):
    return tf.TensorSpec(shape, dtype)


def _network():
    keras = tf.keras
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", activation="relu6")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same", dilation_rate=2)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.LeakyReLU()(x)
    x = keras.layers.Conv2DTranspose(4, 3, strides=2)(x)
    x = keras.layers.MaxPooling2D()(x)
    y = keras.layers.UpSampling2D(interpolation="bilinear")(x)
    y = keras.layers.AveragePooling2D(2)(y)
    x = keras.layers.Concatenate()([x, y])
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))


def network():
    return tf.lite.TFLiteConverter.from_keras_model(_network())


def dynamic_range():
    converter = network()
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter


def half():
    converter = dynamic_range()
    converter.target_spec.supported_types = [tf.float16]
    return converter


def integer():
    converter = dynamic_range()
    random = np.random.RandomState(1)
    converter.representative_dataset = lambda: (
        [random.rand(1, 16, 16, 3).astype(np.float32)] for _ in range(4))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    return converter


def integer_16x8():
    converter = integer()
    converter.inference_input_type = tf.float32
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
    return converter


def elementwise():
    def function(x, y):
        a = tf.abs(x) + 1.0
        parts = [tf.exp(-a), tf.math.log(a), tf.sqrt(a), tf.math.rsqrt(a), tf.sin(x), tf.cos(x),
                 tf.floor(x), tf.math.ceil(x), tf.round(x), tf.square(x), -x, tf.sign(x), tf.nn.elu(x),
                 tf.tanh(x), tf.sigmoid(x), tf.nn.gelu(x), x * tf.nn.relu6(x + 3.0) / 6.0,
                 tf.pow(a, y), tf.maximum(x, y), tf.minimum(x, y), x - y, x / (tf.abs(y) + 1.0),
                 tf.math.squared_difference(x, y), tf.math.floordiv(x, a), tf.math.floormod(x, a),
                 tf.atan2(x, a), tf.nn.relu(x), tf.nn.log_softmax(x),
                 tf.where(x > y, x, y), tf.cast(tf.logical_or(x >= y, x <= 0.0), tf.float32),
                 tf.cast(tf.not_equal(x, y) & ~tf.equal(x, 0.0), tf.float32),
                 tf.cumsum(x, axis=1, exclusive=True, reverse=True), tf.reverse(x, [0]),
                 tf.math.l2_normalize(x, axis=-1), tf.nn.leaky_relu(x, 0.3)]
        return tf.stack(parts)
    return _converter(function, _spec(2, 3), _spec(1, 3))


def shapes():
    def function(x):
        n = tf.shape(x)[0]
        parts = [tf.reshape(x, [n, -1]), tf.transpose(x, [0, 2, 1]), tf.tile(x, [1, 1, 2]),
                 tf.expand_dims(x, 1), tf.squeeze(x[:, :, :1], 2), tf.pad(x, [[0, 0], [1, 1], [0, 0]]),
                 tf.pad(x, [[0, 0], [1, 1], [0, 0]], constant_values=2.0),
                 tf.pad(x, [[0, 0], [1, 1], [0, 0]], "REFLECT"), tf.gather(x, [1, 0], axis=1),
                 tf.gather_nd(x, [[0, 1]]), tf.one_hot(tf.range(3), 4) * x[0, 0, 0],
                 tf.broadcast_to(x[:1, :1, :1], [2, 2, 2]), x[:, ::2, ..., tf.newaxis],
                 tf.concat(tf.split(x, 2, axis=1), axis=2), tf.stack(tf.unstack(x, axis=1)),
                 tf.split(x, [1, 3], axis=1)[1], tf.fill([2, 2], x[0, 0, 0]),
                 tf.scatter_nd([[1], [2]], x[0, :2], [4, 6]), tf.math.top_k(x, 2).values,
                 tf.cast(tf.argmax(x, -1), tf.float32), tf.cast(tf.argmin(x, 1), tf.float32),
                 tf.reduce_sum(x, 1), tf.reduce_mean(x, [1, 2], keepdims=True), tf.reduce_max(x, -1),
                 tf.reduce_min(x, -1), tf.reduce_prod(x, -1),
                 tf.cast(tf.reduce_any(x > 0.5, -1), tf.float32),
                 tf.cast(tf.reduce_all(x > 0.5, -1), tf.float32),
                 tf.linalg.matmul(x, x, transpose_b=True), tf.zeros_like(x),
                 tf.linalg.diag(x[0]), tf.reverse_sequence(x, [2] * 2, 1, 0)]
        return [tf.cast(p, tf.float32) for p in parts]
    return _converter(function, _spec(2, 4, 6))


def images():
    def function(x):
        parts = [tf.nn.space_to_depth(x, 2), tf.nn.depth_to_space(x, 2),
                 tf.image.resize(x, [7, 9]), tf.image.resize(x, [7, 9], "nearest"),
                 tf.compat.v1.image.resize_bilinear(x, [8, 8], align_corners=True),
                 tf.space_to_batch(x, [2, 2], [[0, 0], [0, 0]]),
                 tf.nn.local_response_normalization(x, 2), tf.nn.conv3d(
                     x[..., tf.newaxis], tf.ones([2, 2, 2, 1, 2]), [1, 1, 1, 1, 1], "SAME"),
                 tf.nn.conv2d(x, tf.ones([3, 3, 2, 6]), 1, "VALID")]
        return parts
    return _converter(function, _spec(1, 6, 6, 4))


def control():
    def function(x):
        total = tf.constant(0.0)
        i = tf.constant(0)
        while i < 4:
            total += tf.reduce_sum(x) * tf.cast(i, tf.float32)
            i += 1
        if total > 3.0:
            total -= 1.0
        else:
            total *= 2.0
        return total
    return _converter(function, _spec(3))


def suppression():
    def function(boxes, scores):
        picked, count = tf.image.non_max_suppression_padded(boxes, scores, 5, pad_to_max_output_size=True)
        soft, soft_scores = tf.image.non_max_suppression_with_scores(boxes, scores, 5, soft_nms_sigma=0.3)
        return picked, count, soft, soft_scores
    return _converter(function, _spec(8, 4), _spec(8))


def text():
    return _converter(lambda x: (tf.gather(tf.constant(["a", "", "long"]), x), x + 1),
                      _spec(2, dtype=tf.int32))


def recurrent():
    keras = tf.keras
    inputs = keras.Input((5, 3), batch_size=1)
    x = keras.layers.LSTM(4, return_sequences=True)(inputs)
    return tf.lite.TFLiteConverter.from_keras_model(keras.Model(inputs, keras.layers.GRU(3)(x)))


class _Stateful(tf.Module):
    def __init__(self):
        self.v = tf.Variable(tf.ones([2]))

    @tf.function(input_signature=[_spec(2)])
    def add(self, x):
        self.v.assign_add(x)
        return {"sum": self.v.read_value()}

    @tf.function(input_signature=[_spec(2)])
    def scale(self, x):
        return {"scaled": self.v * x, "raw": x + 0.0}


def stateful(folder):
    module = _Stateful()
    tf.saved_model.save(module, folder, signatures={"add": module.add, "scale": module.scale})
    converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=["add", "scale"])
    converter.experimental_enable_resource_variables = True
    return converter


def custom():
    def function(x):
        return tf.raw_ops.Bincount(arr=x, size=4, weights=tf.constant([], tf.float32))
    converter = _converter(function, _spec(6, dtype=tf.int32))
    converter.allow_custom_ops = True
    return converter


CASES = {f.__name__: f for f in (network, dynamic_range, half, integer, integer_16x8, elementwise,
                                 shapes, images, control, suppression, text, recurrent, stateful,
                                 custom)}


def convert(name, folder):
    """The model's bytes."""
    make = CASES[name]
    return (make(folder) if name == "stateful" else make()).convert()
