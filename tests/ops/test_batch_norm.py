"""Batch normalization with given and with the batch's statistics."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential, masks, space
from harness.reference import raw_op

RNG = np.random.default_rng(2)
C = 5
SCALE, OFFSET, MEAN = (RNG.standard_normal(C).astype(np.float32) for _ in range(3))
VARIANCE = RNG.uniform(0.3, 2, C).astype(np.float32)
EMPTY = np.zeros(0, np.float32)


# _FusedBatchNormEx wants a multiple of four channels.
EIGHT = [np.concatenate([v, v[:3]]) for v in (SCALE, OFFSET, MEAN, VARIANCE)]


def norm(op, x, training, data_format, params=None, factor=1.0, epsilon=1e-3, outputs=(0,)):
    scale, offset, mean, variance = params or (
        SCALE, OFFSET, *((EMPTY, EMPTY) if training and factor == 1.0 else (MEAN, VARIANCE)))
    results = getattr(tf.raw_ops, op)(
        x=x, scale=scale, offset=offset, mean=mean, variance=variance, is_training=training, epsilon=epsilon,
        data_format=data_format, exponential_avg_factor=factor)
    return [results[i] for i in outputs]


def to_global(node):
    """Stands for an op that only old files have: is_training says whether it scales."""
    if node.op == "FusedBatchNorm":
        scales = node.attr["is_training"].b
        node.op = "BatchNormWithGlobalNormalization"
        node.attr.clear()
        node.attr["T"].type = tf.float32.as_datatype_enum
        node.attr["variance_epsilon"].f = 0.01
        node.attr["scale_after_normalization"].b = scales


def cases():
    for p in space(op=["FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3"], layout=["NHWC", "NCHW"],
                   training=[False, True]):
        shape = (2, 6, 4, C) if p.layout == "NHWC" else (2, C, 6, 4)
        patterns = ["kkkk", "ukkk"] + (["uuuk" if p.layout == "NHWC" else "ukuu"] if p.op[-1] == "3" else [])
        for spec in masks(shape, *patterns):
            yield Case(p.op, p.text("layout", "training"), [Spec(spec)],
                       lambda x, p=p: norm(p.op, x, p.training, p.layout))
    for spec in masks((2, 6, 4, C), "kkkk", "ukkk", "uuuk"):
        yield Case("FusedBatchNormV3", "results 1 and 2", [Spec(spec)],
                   lambda x: norm("FusedBatchNormV3", x, False, "NHWC", outputs=(0, 1, 2)))
        yield Case("FusedBatchNormV3", "results 1 to 4,training", [Spec(spec)],
                   lambda x: norm("FusedBatchNormV3", x, True, "NHWC", outputs=(0, 1, 2, 3, 4)))
        yield Case("FusedBatchNormV3", "moving average,training", [Spec(spec)],
                   lambda x: norm("FusedBatchNormV3", x, True, "NHWC", factor=0.3, outputs=(0, 1, 2)))
    vectors = [Spec((C,)), Spec((C,)), Spec((C,)), Spec((C,), values=(0.3, 2))]
    for layout, shape in (("NHWC", (2, 6, 4, C)), ("NCHW", (2, C, 6, 4))):
        for spec in masks(shape, "kkkk", "ukkk"):
            yield Case("FusedBatchNormV3", f"computed parameters,{layout}", [Spec(spec), *vectors],
                       lambda x, *p, f=layout: norm("FusedBatchNormV3", x, False, f, p))
    for layout, shape in (("NDHWC", (2, 3, 4, 5, C)), ("NCDHW", (2, C, 3, 4, 5))):
        for training in (False, True):
            for spec in masks(shape, "kkkkk", "ukkkk"):
                yield Case("FusedBatchNormV3", f"layout={layout},training={training}", [Spec(spec)],
                           lambda x, f=layout, t=training: norm("FusedBatchNormV3", x, t, f))
    yield Case("FusedBatchNormV3", "layout=NHWC,training=False", [Spec((2, 6, 4, C), "float16")],
               lambda x: norm("FusedBatchNormV3", x, False, "NHWC"))
    yield Case("FusedBatchNormV3", "layout=NHWC,training=True", [Spec((2, 6, 4, C), "float16")],
               lambda x: norm("FusedBatchNormV3", x, True, "NHWC"))
    for scales in (True, False):
        for spec in masks((2, 6, 4, C), "kkkk", "ukkk"):
            yield Case("BatchNormWithGlobalNormalization", f"scale={scales}", [Spec(spec)],
                       lambda x, s=scales: tf.raw_ops.FusedBatchNorm(
                           x=x, scale=MEAN, offset=VARIANCE, mean=OFFSET, variance=SCALE, is_training=s)[0],
                       rewrite=to_global,
                       twin=lambda x, s=scales: tf.nn.batch_normalization(
                           x, MEAN, VARIANCE, OFFSET, SCALE if s else None, 0.01))
    for p in space(activation=["Identity", "Relu"], side=[0, 1]):
        for spec in masks((2, 6, 4, 8), "kkkk", "ukkk"):
            def plain(x, *side, p=p):
                y = norm("FusedBatchNormV3", x, False, "NHWC", EIGHT)[0]
                y = y + side[0] if side else y
                return tf.nn.relu(y) if p.activation == "Relu" else y

            yield Case("_FusedBatchNormEx", p.text(), [Spec(spec)] * (1 + p.side),
                       lambda x, *side, p=p: raw_op(
                           "_FusedBatchNormEx", x=x, **dict(zip(("scale", "offset", "mean", "variance"), EIGHT)),
                           side_input=list(side), epsilon=1e-3, is_training=False, activation_mode=p.activation)[0],
                       twin=plain)
    yield Case("FusedBatchNormV3", "computed variance", [Spec((U(2, 1), 6, 4, C)), Spec((C,), values=(0.3, 2))],
               lambda x, v: norm("FusedBatchNormV3", x, False, "NHWC", (SCALE, OFFSET, MEAN, v)))


test_batch_norm = differential("batch_norm", cases())
