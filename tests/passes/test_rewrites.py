"""Every rewrite on a small function: the operators that remain, and TensorFlow's own values in both runtimes.

`remain` is the whole op histogram of convert's report, so that a rewrite that fires where it must not shows as
well as one that does not fire.
"""
import collections
import dataclasses
from typing import Callable, Sequence

import numpy as np
import pytest
import tensorflow as tf

from harness import B, Case, Spec, U, binary, compare, reference, tolerances

RNG = np.random.default_rng(7)


def w(*shape):
    """A fixed constant between 0.5 and 1.5."""
    return RNG.uniform(0.5, 1.5, shape).astype(np.float32)


@dataclasses.dataclass
class Rewrite:
    name: str
    inputs: Sequence[Spec]
    build: Callable
    remain: str  # "CONV_2D 2, ADD"


REWRITES = []


def rewrite(name, *shapes, remain):
    """Decorates a function of the inputs (shapes, or Specs)."""
    def add(build):
        REWRITES.append(Rewrite(name, [s if isinstance(s, Spec) else Spec(s) for s in shapes], build, remain))
        return build
    return add


def conv(x, channels=4, size=1, padding="SAME", **options):
    return tf.nn.conv2d(x, w(size, size, x.shape[-1], channels), 1, padding, **options)


def first(x):
    return tf.transpose(x, (0, 3, 1, 2))


def last(x):
    return tf.transpose(x, (0, 2, 3, 1))


def nchw(x, **options):
    """A convolution on channels-first data, as exporters of other frameworks spell it."""
    return first(conv(last(x), **options))


IMAGE = (B, 6, 5, 3)
PLANES = (B, 3, 6, 5)

# --- merge_equal
rewrite("equal nodes", IMAGE, remain="SIN, ADD")(lambda x: tf.sin(x) + tf.sin(x))
rewrite("equal chains", IMAGE, remain="SIN, COS, MUL")(lambda x: tf.cos(tf.sin(x)) * tf.cos(tf.sin(x)))
rewrite("unequal attributes", IMAGE, remain="LEAKY_RELU 2, ADD")(
    lambda x: tf.nn.leaky_relu(x, 0.1) + tf.nn.leaky_relu(x, 0.2))

# --- cancel_transposes
rewrite("inverse transposes", IMAGE, remain="SIN")(lambda x: tf.sin(last(first(x))))
rewrite("transposes in a row", IMAGE, remain="TRANSPOSE")(lambda x: first(first(x)))
rewrite("a transpose of ones", (B, 1, 5, 3), remain="RESHAPE")(lambda x: tf.transpose(x, (0, 2, 1, 3)))
rewrite("two unknown sizes", (B, 1, U(5, 2), 3), remain="TRANSPOSE")(lambda x: tf.transpose(x, (0, 2, 1, 3)))

# --- layout
rewrite("element-wise between", IMAGE, remain="CONV_2D 2, ABS")(
    lambda x: last(nchw(tf.abs(nchw(first(x))))))
rewrite("bias per channel first", IMAGE, remain="CONV_2D")(
    lambda x: last(tf.nn.relu(nchw(first(x)) + w(4, 1, 1))))
rewrite("residual", IMAGE, remain="CONV_2D 2, ADD")(
    lambda x: last((lambda y: nchw(y) + y)(nchw(first(x)))))
rewrite("padding", IMAGE, remain="CONV_2D 2, PAD")(
    lambda x: last(nchw(tf.pad(nchw(first(x)), ((0, 0), (0, 0), (1, 2), (3, 0))))))
rewrite("mirror padding", IMAGE, remain="CONV_2D 2, MIRROR_PAD")(
    lambda x: last(nchw(tf.pad(nchw(first(x)), ((0, 0), (0, 0), (1, 2), (1, 0)), "REFLECT"))))
rewrite("concatenation of channels", IMAGE, remain="CONV_2D 2, CONCATENATION")(
    lambda x: last((lambda y: tf.concat([nchw(y), nchw(y)], 1))(first(x))))
rewrite("split of channels", IMAGE, remain="CONV_2D, SPLIT, SUB")(
    lambda x: last((lambda a, b: a - b)(*tf.split(nchw(first(x)), 2, 1))))
rewrite("slice of channels", IMAGE, remain="CONV_2D, STRIDED_SLICE")(
    lambda x: last(nchw(first(x))[:, 1:3, :, ::2]))
rewrite("mean of planes", IMAGE, remain="CONV_2D, MEAN")(
    lambda x: tf.reduce_mean(nchw(first(x)), (2, 3)))
rewrite("maximum that keeps its axes", IMAGE, remain="CONV_2D, REDUCE_MAX, SUB")(
    lambda x: last((lambda y: y - tf.reduce_max(y, (2, 3), keepdims=True))(nchw(first(x)))))
rewrite("PReLU per channel first", IMAGE, remain="CONV_2D, PRELU")(
    lambda x: last((lambda y: tf.nn.relu(y) - w(4, 1, 1) * tf.nn.relu(-y))(nchw(first(x)))))
rewrite("gate per channel", IMAGE, remain="CONV_2D, MEAN, LOGISTIC, MUL")(
    lambda x: last((lambda y: y * tf.sigmoid(tf.reduce_mean(y, (2, 3), keepdims=True)))(nchw(first(x)))))
rewrite("softmax over the last axis stays in its layout", IMAGE, remain="CONV_2D, TRANSPOSE 2, SOFTMAX")(
    lambda x: last(tf.nn.softmax(nchw(first(x)))))
rewrite("channels first from end to end", PLANES, remain="CONV_2D 2, TRANSPOSE 2, ABS")(
    lambda x: nchw(tf.abs(nchw(x))))
rewrite("both layouts are wanted", IMAGE, remain="CONV_2D, ABS, TRANSPOSE")(
    lambda x: (lambda y: [y, last(y)])(tf.abs(nchw(first(x)))))
rewrite("a transpose of its own", IMAGE, remain="CONV_2D, TRANSPOSE")(
    lambda x: tf.transpose(conv(x) + w(4), (0, 2, 1, 3)))

# --- cancel_reshapes
rewrite("reshapes in a row", IMAGE, remain="RESHAPE")(lambda x: tf.reshape(tf.reshape(x, (-1, 30, 3)), (-1, 90)))
rewrite("there and back", IMAGE, remain="SIN")(lambda x: tf.sin(tf.reshape(tf.reshape(x, (-1, 90)), (-1, 6, 5, 3))))
rewrite("squeeze of expand", IMAGE, remain="SIN")(lambda x: tf.sin(tf.squeeze(tf.expand_dims(x, 1), [1])))
rewrite("bias after a reshape", IMAGE, remain="CONV_2D, RESHAPE")(
    lambda x: tf.nn.relu6(tf.reshape(conv(x), (-1, 30, 4)) + w(4)))
rewrite("a constant across positions stays after", IMAGE, remain="CONV_2D, RESHAPE, ADD")(
    lambda x: tf.reshape(conv(x), (-1, 30, 4)) + w(30, 4))
rewrite("flattened batch from its shape", IMAGE, remain="RESHAPE")(
    lambda x: tf.reshape(x, (tf.shape(x)[0], -1, 3)))

# --- dense_reshapes
rewrite("dense on three dimensions", (B, 7, 8), remain="FULLY_CONNECTED")(
    lambda x: tf.reshape(tf.matmul(tf.reshape(x, (-1, 8)), w(8, 4)), (-1, 7, 4)) + w(4))
rewrite("dense on flattened positions", (B, 7, 8), remain="RESHAPE, FULLY_CONNECTED")(
    lambda x: tf.matmul(tf.reshape(x, (-1, 56)), w(56, 4)) + w(4))


# --- dilated_conv
def dilated(x, paddings, crops, between=lambda y: y, depthwise=False, block=2):
    y = tf.space_to_batch(x, [block, block], paddings)
    if depthwise:
        y = tf.nn.depthwise_conv2d(y, w(3, 3, 3, 2), (1, 1, 1, 1), "VALID")
    else:
        y = conv(y, size=3, padding="VALID")
    return tf.batch_to_space(between(y), [block, block], crops)


rewrite("dilated SAME", IMAGE, remain="CONV_2D")(
    lambda x: dilated(x, [[2, 2], [2, 3]], [[0, 0], [0, 1]]))
rewrite("dilated VALID", (B, 8, 10, 3), remain="CONV_2D")(
    lambda x: dilated(x, [[0, 0], [0, 0]], [[0, 0], [0, 0]]))
rewrite("dilated with other paddings", (B, 8, 10, 3), remain="PAD, CONV_2D")(
    lambda x: dilated(x, [[0, 2], [2, 0]], [[0, 0], [0, 0]]))
rewrite("dilated with bias and activation between", IMAGE, remain="CONV_2D")(
    lambda x: dilated(x, [[2, 2], [2, 3]], [[0, 0], [0, 1]], lambda y: tf.nn.relu(tf.nn.bias_add(y, w(4)))))
rewrite("dilated depthwise", IMAGE, remain="DEPTHWISE_CONV_2D")(
    lambda x: dilated(x, [[2, 2], [2, 3]], [[0, 0], [0, 1]], depthwise=True))
rewrite("dilated depthwise by TensorFlow", IMAGE, remain="DEPTHWISE_CONV_2D")(
    lambda x: tf.nn.depthwise_conv2d(x, w(3, 3, 3, 2), (1, 1, 1, 1), "SAME", dilations=[2, 2]))
rewrite("a middle that is read twice", (B, 8, 10, 3),
        remain="SPACE_TO_BATCH_ND, CONV_2D, BATCH_TO_SPACE_ND, ABS")(
    lambda x: (lambda y: [tf.batch_to_space(y, [2, 2], [[0, 0], [0, 0]]), tf.abs(y)])(
        conv(tf.space_to_batch(x, [2, 2], [[0, 0], [0, 0]]), size=3, padding="VALID")))

# --- recognize_activation
for text, form in {
        "x * relu6(x + 3) / 6": lambda x: x * tf.nn.relu6(x + 3.) / 6.,
        "x * (relu6(x + 3) / 6)": lambda x: x * (tf.nn.relu6(x + 3.) / 6.),
        "relu6(3 + x) * 0.1667 * x": lambda x: tf.nn.relu6(3. + x) * (1 / 6) * x,
        "x / 6 * relu6(x + 3)": lambda x: x / 6. * tf.nn.relu6(x + 3.),
        "clip(x + 3, 0, 6)": lambda x: x * tf.clip_by_value(x + 3., 0., 6.) * (1 / 6),
        "x * clip(x / 6 + 0.5, 0, 1)": lambda x: x * tf.clip_by_value(x / 6. + 0.5, 0., 1.),
}.items():
    rewrite(f"hard swish: {text}", Spec(IMAGE, values=(-5, 5)), remain="HARD_SWISH")(form)
rewrite("hard swish after a convolution", IMAGE, remain="CONV_2D, HARD_SWISH")(
    lambda x: (lambda y: y * tf.nn.relu6(y + 3.) / 6.)(tf.nn.bias_add(conv(x), w(4))))
rewrite("no hard swish: 2.9", Spec(IMAGE, values=(-5, 5)), remain="ADD, MUL 2")(
    lambda x: x * tf.nn.relu6(x + 2.9) / 6.)
rewrite("no hard swish: / 5", Spec(IMAGE, values=(-5, 5)), remain="ADD, MUL 2")(
    lambda x: x * tf.nn.relu6(x + 3.) / 5.)
rewrite("no hard swish: another factor", IMAGE, IMAGE, remain="ADD, MUL 2")(
    lambda x, y: y * tf.nn.relu6(x + 3.) / 6.)
rewrite("hard sigmoid is kept", Spec(IMAGE, values=(-5, 5)), remain="ADD, MUL")(
    lambda x: tf.nn.relu6(x + 3.) / 6.)
rewrite("a shared gate stays", Spec(IMAGE, values=(-5, 5)), remain="ADD, MUL 2")(
    lambda x: (lambda gate: [x * gate, gate])(tf.nn.relu6(x + 3.) * (1 / 6)))

rewrite("RELU6 from a minimum of a maximum", IMAGE, remain="RELU6")(lambda x: tf.minimum(tf.maximum(x, 0.), 6.))
rewrite("RELU6 from a maximum of a minimum", IMAGE, remain="RELU6")(lambda x: tf.maximum(tf.minimum(x, 6.), 0.))
rewrite("RELU6 from a bounded RELU", IMAGE, remain="RELU6")(lambda x: tf.minimum(tf.nn.relu(x), 6.))
rewrite("RELU_N1_TO_1", IMAGE, remain="RELU_N1_TO_1")(lambda x: tf.clip_by_value(x, -1., 1.))
rewrite("RELU_0_TO_1", IMAGE, remain="RELU_0_TO_1")(lambda x: tf.clip_by_value(x, 0., 1.))
rewrite("RELU", IMAGE, remain="RELU")(lambda x: tf.maximum(0., x))
rewrite("clip to other bounds", IMAGE, remain="RELU, MINIMUM")(lambda x: tf.minimum(tf.maximum(x, 0.), 5.))
rewrite("LEAKY_RELU", IMAGE, remain="LEAKY_RELU")(lambda x: tf.maximum(x, 0.2 * x))
rewrite("no LEAKY_RELU: a factor above 1", IMAGE, remain="MUL, MAXIMUM")(lambda x: tf.maximum(x, 1.2 * x))
rewrite("PRELU", IMAGE, remain="PRELU")(lambda x: tf.nn.relu(x) + -w(3) * tf.nn.relu(-x))
rewrite("PRELU of positions", IMAGE, remain="PRELU")(lambda x: tf.nn.relu(x) - w(6, 5, 3) * tf.nn.relu(-x))
rewrite("PRELU of one number", IMAGE, remain="LEAKY_RELU")(lambda x: tf.nn.relu(x) - 0.3 * tf.nn.relu(-x))
rewrite("no PRELU: another operand", IMAGE, IMAGE, remain="RELU 2, NEG, MUL, SUB")(
    lambda x, y: tf.nn.relu(x) - w(3) * tf.nn.relu(-y))
rewrite("exact GELU", IMAGE, remain="GELU")(lambda x: tf.nn.gelu(x))
rewrite("approximate GELU", IMAGE, remain="GELU")(lambda x: tf.nn.gelu(x, approximate=True))
rewrite("swish", IMAGE, remain="LOGISTIC, MUL")(lambda x: x * tf.sigmoid(x))

# --- recognize_norm
rewrite("squared difference", IMAGE, IMAGE, remain="SQUARED_DIFFERENCE")(lambda x, y: tf.square(x - y))
rewrite("a product with itself", IMAGE, IMAGE, remain="SQUARED_DIFFERENCE")(
    lambda x, y: (lambda d: d * d)(x - y))
rewrite("a difference that is read elsewhere", IMAGE, IMAGE, remain="SUB, SQUARE, ABS")(
    lambda x, y: [tf.square(x - y), tf.abs(x - y)])
rewrite("L2 normalization", IMAGE, remain="L2_NORMALIZATION")(lambda x: tf.nn.l2_normalize(x, -1))
rewrite("L2 normalization over another axis", IMAGE, remain="SQUARE, SUM, MAXIMUM, RSQRT, MUL")(
    lambda x: tf.nn.l2_normalize(x, 1))
rewrite("L2 normalization with another bound", IMAGE, remain="SQUARE, SUM, MAXIMUM, RSQRT, MUL")(
    lambda x: tf.nn.l2_normalize(x, -1, epsilon=1e-3))
rewrite("reciprocal root", Spec(IMAGE, values=(0.5, 2)), remain="RSQRT")(lambda x: 1. / tf.sqrt(x))

# --- unneeded
rewrite("neutral arithmetic", IMAGE, remain="SIN")(lambda x: tf.sin((x + 0.) * 1. / 1. - 0.))
rewrite("a neutral constant that broadcasts", (3,), remain="ADD")(lambda x: x + np.zeros((2, 3), np.float32))
rewrite("padding by nothing", IMAGE, remain="SIN")(lambda x: tf.sin(tf.pad(x, [[0, 0]] * 4)))
rewrite("a slice of everything", IMAGE, remain="SIN")(lambda x: tf.sin(tf.slice(x, [0] * 4, [-1] * 4)))
rewrite("a slice of a part", IMAGE, remain="STRIDED_SLICE")(lambda x: x[:, 1:])
rewrite("tile by 1", IMAGE, remain="SIN")(lambda x: tf.sin(tf.tile(x, [1] * 4)))
rewrite("split into one", IMAGE, remain="SIN")(lambda x: tf.sin(tf.split(x, 1, 3)[0]))
rewrite("concatenations of one axis", IMAGE, remain="SIN, COS, CONCATENATION")(
    lambda x: tf.concat([tf.concat([x, tf.sin(x)], 3), tf.cos(x)], 3))
rewrite("concatenations of two axes", (2, 4, 3), remain="SIN, CONCATENATION 2")(
    lambda x: (lambda y: tf.concat([y, y], 1))(tf.concat([x, tf.sin(x)], 2)))
rewrite("factors in a row", IMAGE, remain="MUL")(lambda x: x * 2. * w(3) / 3.)
rewrite("addends in a row", IMAGE, remain="ADD")(lambda x: x + 2. - w(3))
rewrite("a first step that is read elsewhere", IMAGE, remain="ADD, SIN, MUL")(
    lambda x: (lambda y: [tf.sin(y), y * 2.])(x + 2.))
rewrite("division by a constant", IMAGE, remain="MUL")(lambda x: x / w(3))
rewrite("mean and reshape", IMAGE, remain="MEAN")(
    lambda x: tf.reshape(tf.reduce_mean(x, (1, 2), keepdims=True), (-1, 3)))
rewrite("mean and reshape back", IMAGE, remain="MEAN")(
    lambda x: tf.reshape(tf.reduce_mean(x, (1, 2)), (-1, 1, 1, 3)))
rewrite("mean and another reshape", IMAGE, remain="MEAN, RESHAPE")(
    lambda x: tf.reshape(tf.reduce_mean(x, (1, 2)), (-1, 3, 1)))


# --- fuse_affine
def batch_norm(y):
    n = y.shape[-1]
    return tf.nn.batch_normalization(y, w(n), w(n), w(n), w(n), 1e-3)


rewrite("bias", IMAGE, remain="CONV_2D")(lambda x: conv(x) + w(4))
rewrite("batch norm", IMAGE, remain="CONV_2D")(lambda x: tf.nn.relu6(batch_norm(conv(x, size=3))))
rewrite("batch norm of depthwise", IMAGE, remain="DEPTHWISE_CONV_2D")(
    lambda x: batch_norm(tf.nn.depthwise_conv2d(x, w(3, 3, 3, 2), (1, 2, 2, 1), "SAME")))
rewrite("batch norm of a product", (B, 8), remain="FULLY_CONNECTED")(
    lambda x: tf.nn.relu(batch_norm(tf.matmul(x, w(8, 5)))))
rewrite("batch norm of a transposed convolution", (1, 6, 5, 3), remain="TRANSPOSE_CONV")(
    lambda x: batch_norm(tf.nn.conv2d_transpose(x, w(3, 3, 4, 3), (1, 12, 10, 4), 2)))
rewrite("batch norm after a reshape", IMAGE, remain="CONV_2D, RESHAPE")(
    lambda x: batch_norm(tf.reshape(conv(x), (-1, 30, 4))))
rewrite("a constant minus a convolution", IMAGE, remain="CONV_2D")(lambda x: w(4) - conv(x))
rewrite("a convolution that is read twice", IMAGE, remain="CONV_2D, ADD, MUL")(
    lambda x: (lambda y: [y + w(4), y * w(4)])(conv(x)))
rewrite("a constant of positions", IMAGE, remain="CONV_2D, ADD")(lambda x: conv(x) + w(6, 5, 4))
rewrite("shared weights, two norms", IMAGE, remain="CONV_2D 2, STRIDED_SLICE, ADD")(
    lambda x: (lambda k: batch_norm(tf.nn.conv2d(x, k, 1, "SAME"))
               + batch_norm(tf.nn.conv2d(x, k, 2, "SAME"))[:, :1, :1])(tf.constant(w(3, 3, 3, 4))))

rewrite("bias after the residual", (B, 6, 5, 4), remain="CONV_2D, ADD")(lambda x: (conv(x) + x) + w(4))

# --- upsample
rewrite("upsampling by stacking", IMAGE, remain="RESIZE_NEAREST_NEIGHBOR")(
    lambda x: tf.reshape(tf.stack([tf.stack([x, x, x], 3)] * 2, 2), (-1, 12, 15, 3)))
rewrite("upsampling by repeating", IMAGE, remain="RESIZE_NEAREST_NEIGHBOR")(
    lambda x: tf.repeat(tf.repeat(x, 2, 1), 3, 2))
rewrite("stacking along the other axes", IMAGE, remain="PACK 2, RESHAPE")(
    lambda x: tf.reshape(tf.stack([tf.stack([x, x, x], 2)] * 2, 3), (-1, 12, 15, 3)))
rewrite("stacking two images", IMAGE, remain="SIN, PACK 2, RESHAPE")(
    lambda x: tf.reshape(tf.stack([tf.stack([x, tf.sin(x)], 3)] * 2, 2), (-1, 12, 10, 3)))

# --- fuse_pad, fuse_activation
rewrite("PAD as SAME", IMAGE, remain="CONV_2D")(
    lambda x: tf.nn.conv2d(tf.pad(x, [[0, 0], [0, 1], [1, 1], [0, 0]]), w(3, 3, 3, 4), 2, "VALID"))
rewrite("PAD as SAME of unknown size", (B, U(6, 9), U(5, 7), 3), remain="CONV_2D")(
    lambda x: tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]]), w(3, 3, 3, 4), 1, "VALID"))
rewrite("PAD unlike SAME", IMAGE, remain="PAD, CONV_2D")(
    lambda x: tf.nn.conv2d(tf.pad(x, [[0, 0], [1, 0], [1, 1], [0, 0]]), w(3, 3, 3, 4), 2, "VALID"))
rewrite("activation of a pool", IMAGE, remain="MAX_POOL_2D")(
    lambda x: tf.nn.relu(tf.nn.max_pool2d(x, 2, 2, "SAME")))
rewrite("activation of what is read twice", IMAGE, remain="CONV_2D, RELU, ABS")(
    lambda x: (lambda y: [tf.nn.relu(y), tf.abs(y)])(conv(x)))

# --- fuse_scale_before
rewrite("scaled input", IMAGE, remain="CONV_2D")(lambda x: conv(x * (1 / 127.5), size=3))
rewrite("scaled input per channel", IMAGE, remain="DEPTHWISE_CONV_2D")(
    lambda x: tf.nn.depthwise_conv2d(x * w(3), w(3, 3, 3, 2), (1, 1, 1, 1), "SAME"))
rewrite("normalized input, VALID", IMAGE, remain="CONV_2D")(
    lambda x: conv((x - w(3)) / w(3), size=3, padding="VALID"))
rewrite("normalized input, depthwise", IMAGE, remain="DEPTHWISE_CONV_2D")(
    lambda x: tf.nn.depthwise_conv2d(x * 2. - w(3), w(3, 3, 3, 2), (1, 1, 1, 1), "VALID"))
rewrite("normalized input, SAME", Spec(IMAGE, values=(0, 255)), remain="ADD, CONV_2D")(
    lambda x: conv(x * (1 / 127.5) - 1., size=3))
rewrite("normalized features", (B, 8), remain="FULLY_CONNECTED")(
    lambda x: tf.matmul((x - w(8)) * w(8), w(8, 4)) + w(4))
rewrite("a factor that is read elsewhere", IMAGE, remain="MUL, CONV_2D, ABS")(
    lambda x: (lambda y: [conv(y, size=3), tf.abs(y)])(x * w(3)))

# --- shape arithmetic of an unknown batch
rewrite("a shape of sizes", IMAGE, remain="RESHAPE")(
    lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0], 30, 3])))
rewrite("an unknown size times a known", IMAGE, remain="RESHAPE")(
    lambda x: tf.reshape(x, tf.stack([tf.shape(x)[0] * 30, 3])))
rewrite("anchors for every picture", IMAGE, remain="ADD")(
    lambda x: x + tf.tile(tf.constant(w(1, 6, 5, 3)), tf.stack([tf.shape(x)[0], 1, 1, 1])))
rewrite("anchors broadcast to the batch", IMAGE, remain="MUL")(
    lambda x: x * tf.broadcast_to(tf.constant(w(6, 5, 3)), tf.shape(x)))
rewrite("zeros of the batch", IMAGE, remain="MAXIMUM")(
    lambda x: tf.maximum(x, tf.fill(tf.shape(x), 0.25)))


def _counts(text):
    counts = collections.Counter()
    for part in text.split(", "):
        op, _, n = part.partition(" ")
        counts[op] = int(n or 1)
    return counts


@pytest.mark.parametrize("case", REWRITES, ids=[r.name for r in REWRITES])
def test_rewrite(case, runtimes, tmp_path):
    suite = Case("", "", case.inputs, case.build)
    built = reference.build(suite)
    source, target = tmp_path / "x.pb", tmp_path / "x.tflite"
    source.write_bytes(built.graph_def.SerializeToString())
    flags = binary.cut([f"in{i}" for i in range(len(case.inputs))], built.outputs,
                       [spec.flag() for spec in case.inputs])
    outcome, report = binary.convert(source, target, *flags)
    if outcome.status:
        pytest.fail(outcome.text(), pytrace=False)
    problems = []
    for index in range(suite.feeds):
        feed = suite.feed(index)
        with reference.runner(built.graph_def, built.outputs) as tensorflow:
            want = tensorflow(feed)
        inputs = tmp_path / f"in{index}.npz"
        np.savez(inputs, **feed)
        for runtime in runtimes:
            found = runtime.run(target, inputs, tmp_path / "out.npz")
            problems += [f"{runtime.name}, feed {index}: {line}"
                         for line in compare.differences(want, found, lambda dtype: tolerances.DEFAULT)]
    remain = collections.Counter(report["graph"]["after"]["ops"])
    if remain != _counts(case.remain):
        problems.append(f"remaining: {dict(remain)}, expected: {dict(_counts(case.remain))}")
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)
