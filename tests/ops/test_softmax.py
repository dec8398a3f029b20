"""Softmax and LogSoftmax."""
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks


def cases():
    for op, build in (("Softmax", lambda x: tf.raw_ops.Softmax(logits=x)),
                      ("LogSoftmax", lambda x: tf.raw_ops.LogSoftmax(logits=x))):
        for shape, patterns in (((7,), ["k", "u"]), ((2, 7), ["kk", "uk", "uu"]), ((2, 3, 7), ["kkk", "ukk", "uuk"]),
                                ((2, 3, 2, 7), ["kkkk", "ukkk", "uuuk"]), ((2, 3, 2, 2, 7), ["kkkkk", "ukkkk"]),
                                ((2, 1, 2, 3, 2, 5), ["kkkkkk", "ukkkkk"])):
            if op == "Softmax" and len(shape) > 5:
                continue  # TensorFlow's own takes at most 5 axes
            for masked in masks(shape, *patterns):
                yield Case(op, "", [Spec(masked)], build)
        yield Case(op, "", [Spec((B, 5), "float16")], build)
        yield Case(op, "", [Spec((B0, 5))], build, note="empty")
        yield Case(op, "one class", [Spec((B, 1))], build)
        yield Case(op, "large", [Spec((B, 9), values=(-200, 200))], build)
        yield Case(op, "", [Spec(Unranked((2, 5), (3, 2, 4)))], build)
    yield Case("Softmax", "axis=1", [Spec((B, 5, 3))], lambda x: tf.nn.softmax(x, 1))
    yield Case("LogSoftmax", "axis=1", [Spec((B, 5, 3))], lambda x: tf.nn.log_softmax(x, 1))


test_softmax = differential("softmax", cases())
