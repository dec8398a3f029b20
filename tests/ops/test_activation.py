"""Activation functions and their gradients."""
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

raw = tf.raw_ops
INTEGERS = ["int8", "int16", "int32", "int64", "uint8"]


def feature(name, **attributes):
    return lambda x: getattr(raw, name)(features=x, **attributes)


def feature_gradient(name, second="features", **attributes):
    return lambda g, x: getattr(raw, name)(gradients=g, **{second: x}, **attributes)


def value_gradient(name):
    return lambda y, dy: getattr(raw, name)(y=y, dy=dy)


ACTIVATIONS = {
    ("Relu", ""): feature("Relu"),
    ("Relu6", ""): feature("Relu6"),
    ("Elu", ""): feature("Elu"),
    ("Selu", ""): feature("Selu"),
    ("LeakyRelu", "alpha=0.2"): feature("LeakyRelu"),
    ("LeakyRelu", "alpha=0.01"): feature("LeakyRelu", alpha=0.01),
    ("LeakyRelu", "alpha=1.5"): feature("LeakyRelu", alpha=1.5),
    ("Softplus", ""): feature("Softplus"),
    ("Softsign", ""): feature("Softsign"),
}
GRADIENTS = {
    ("ReluGrad", ""): feature_gradient("ReluGrad"),
    ("Relu6Grad", ""): feature_gradient("Relu6Grad"),
    ("EluGrad", ""): feature_gradient("EluGrad", "outputs"),
    ("SeluGrad", ""): feature_gradient("SeluGrad", "outputs"),
    ("LeakyReluGrad", "alpha=0.2"): feature_gradient("LeakyReluGrad"),
    ("LeakyReluGrad", "alpha=0.01"): feature_gradient("LeakyReluGrad", alpha=0.01),
    ("SoftplusGrad", ""): feature_gradient("SoftplusGrad"),
    ("SoftsignGrad", ""): feature_gradient("SoftsignGrad"),
    ("SigmoidGrad", ""): value_gradient("SigmoidGrad"),
    ("TanhGrad", ""): value_gradient("TanhGrad"),
    ("SqrtGrad", ""): value_gradient("SqrtGrad"),
    ("RsqrtGrad", ""): value_gradient("RsqrtGrad"),
    ("ReciprocalGrad", ""): value_gradient("ReciprocalGrad"),
    ("InvGrad", ""): value_gradient("InvGrad"),
}


def cases():
    for (op, attributes), build in ACTIVATIONS.items():
        for shape in [*masks((2, 5, 4, 3), "kkkk", "ukkk", "uuuk"), (B0, 7), (), (2, 1, 3, 1, 2),
                      Unranked((2, 3), (4,))]:
            yield Case(op, attributes, [Spec(shape, values=(-9, 9))], build)
        yield Case(op, attributes, [Spec((B, 7), "float16", (-9, 9))], build)
        yield Case(op, attributes, [Spec((60,), values=(-100, 100))], build, note="wide")
    for op in ["Relu", "Relu6"]:
        for dtype in INTEGERS:
            yield Case(op, "", [Spec((B, 7), dtype)], feature(op))
    for (op, attributes), build in GRADIENTS.items():
        values = (0.2, 4) if op in ("SqrtGrad", "RsqrtGrad") else (-1.5, 8)
        for shape in [*masks((2, 5, 4, 3), "kkkk", "ukkk"), (B0, 7), (U(2, 1), U(3, 5)), ()]:
            first = Spec(shape, values=values if "y" in build.__code__.co_varnames else None)
            yield Case(op, attributes, [first, Spec(shape, values=values)], build)
        yield Case(op, attributes, [Spec((B, 7), "float16", values), Spec((B, 7), "float16", values)], build)
    for op in ["ReluGrad", "Relu6Grad"]:
        for dtype in ["int32", "int64", "int8"]:
            yield Case(op, "", [Spec((B, 7), dtype), Spec((B, 7), dtype)], feature_gradient(op))


test_activation = differential("activation", cases())
