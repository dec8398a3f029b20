"""The ops that grappler and TensorFlow.js fuse: a convolution or a product, and what follows it."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential, masks, space
from harness.reference import raw_op
from ops.test_conv import first, last, weights

C = 6
BIAS, SCALE, OFFSET, MEAN = (weights(C) for _ in range(4))
VARIANCE = np.abs(weights(C)) + 0.3
ALPHA = weights(C)
ACTIVATIONS = {
    "Relu": tf.nn.relu, "Relu6": tf.nn.relu6, "Elu": tf.nn.elu, "Sigmoid": tf.sigmoid, "Tanh": tf.tanh,
    "LeakyRelu": lambda x: tf.nn.leaky_relu(x, 0.3), "Prelu": lambda x: tf.maximum(x, 0) + ALPHA * tf.minimum(x, 0)}
ARGS = {"BiasAdd": [BIAS], "FusedBatchNorm": [SCALE, OFFSET, MEAN, VARIANCE], "Prelu": [ALPHA]}
CHAINS = [["BiasAdd"], *[["BiasAdd", a] for a in ACTIVATIONS], ["FusedBatchNorm"], ["FusedBatchNorm", "Relu"],
          ["FusedBatchNorm", "LeakyRelu"], ["Relu6"]]


def plain(y, chain):
    for op in chain:
        if op == "BiasAdd":
            y = y + BIAS
        elif op == "FusedBatchNorm":
            y = tf.nn.batch_normalization(y, MEAN, VARIANCE, OFFSET, SCALE, 0.001)
        else:
            y = ACTIVATIONS[op](y)
    return y


def args_of(chain):
    return [a for op in chain for a in ARGS.get(op, [])]


def fused(name, chain, strides, padding, data_format="NHWC"):
    """A build of the fused op, and its plain twin."""
    kernel = weights(3, 3, 4, C) if name == "_FusedConv2D" else weights(3, 3, 3, 2)
    step = [1, strides, strides, 1]
    nchw = data_format == "NCHW"

    def build(x):
        args = [tf.constant(a) for a in args_of(chain)]
        extra = {"host_args": [], "num_args": len(args)} if name == "_FusedConv2D" else {}
        return raw_op(name, input=x, filter=tf.constant(kernel), args=args, fused_ops=[c.encode() for c in chain],
                      strides=[1, 1, strides, strides] if nchw else step, padding=padding, data_format=data_format,
                      epsilon=0.001, leakyrelu_alpha=0.3, **extra)

    def twin(x):
        x = last(x) if nchw else x
        conv = tf.nn.conv2d if name == "_FusedConv2D" else tf.nn.depthwise_conv2d
        y = plain(conv(x, kernel, step, padding), chain)
        return first(y) if nchw else y

    return build, twin


def fused_matmul(chain, transpose_a, transpose_b, constant):
    b = weights(*((C, 4) if transpose_b else (4, C)))

    def build(x, *y):
        args = [tf.constant(a) for a in args_of(chain)]
        return raw_op("_FusedMatMul", a=x, b=y[0] if y else tf.constant(b), args=args, transpose_a=transpose_a,
                      transpose_b=transpose_b, fused_ops=[c.encode() for c in chain], leakyrelu_alpha=0.3)

    def twin(x, *y):
        return plain(tf.linalg.matmul(x, y[0] if y else b, transpose_a, transpose_b), chain)

    return build, twin


def without_underscore(node):
    if node.op == "_FusedDepthwiseConv2dNative":
        node.op = node.op[1:]


def cases():
    for chain in CHAINS:
        words = "+".join(chain)
        for op, channels in (("_FusedConv2D", 4), ("_FusedDepthwiseConv2dNative", 3)):
            build, twin = fused(op, chain, 1, "SAME")
            if op == "_FusedConv2D" and not args_of(chain):
                continue  # TensorFlow cannot make it: it infers a list of types
            for shape in masks((2, 7, 6, channels), "kkkk", "ukkk"):
                yield Case(op, words, [Spec(shape)], build, twin=twin)
        build, twin = fused("_FusedDepthwiseConv2dNative", chain, 1, "SAME")
        # TensorFlow.js writes this name, which TensorFlow does not register.
        yield Case("FusedDepthwiseConv2dNative", words, [Spec((U(2, 1), 7, 6, 3))], build, twin=twin,
                   rewrite=without_underscore)
        if "FusedBatchNorm" not in chain:
            build, twin = fused_matmul(chain, False, False, True)
            for shape in masks((3, 4), "kk", "uk"):
                yield Case("_FusedMatMul", words, [Spec(shape)], build, twin=twin)
    for op, channels in (("_FusedConv2D", 4), ("_FusedDepthwiseConv2dNative", 3)):
        for p in space(stride=[1, 2], padding=["SAME", "VALID"]):
            build, twin = fused(op, ["BiasAdd", "Relu"], p.stride, p.padding)
            yield Case(op, "BiasAdd+Relu," + p.text(), [Spec((U(2, 1), 7, 6, channels))], build, twin=twin)
        for chain in (["BiasAdd", "Relu6"], ["FusedBatchNorm", "Relu"]):
            build, twin = fused(op, chain, 1, "SAME", "NCHW")
            yield Case(op, "+".join(chain) + ",NCHW", [Spec((U(2, 1), channels, 7, 6))], build, twin=twin)
    for p in space(a=[False, True], b=[False, True]):
        for constant in (True, False):
            build, twin = fused_matmul(["BiasAdd", "Relu"], p.a, p.b, constant)
            specs = [Spec((4, 3) if p.a else (3, 4)), Spec((C, 4) if p.b else (4, C))]
            yield Case("_FusedMatMul", f"BiasAdd+Relu,transpose_a={p.a},transpose_b={p.b}",
                       specs[:1] if constant else specs, build, twin=twin)


test_fused = differential("fused", cases())
