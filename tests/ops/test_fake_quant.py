"""Quantization that training simulates."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, space

raw = tf.raw_ops
RANGES = {"[-1,1]": (-1, 1), "[-0.37,2.1]": (-0.37, 2.1), "[0,6]": (0, 6), "[1,3]": (1, 3), "[-4,-1]": (-4, -1)}


def cases():
    for p in space(range=RANGES, bits=[2, 8, 16], narrow=[False, True]):
        low, high = p.range
        attributes = dict(num_bits=p.bits, narrow_range=p.narrow)
        yield Case("FakeQuantWithMinMaxArgs", p.text(), [Spec((B, 9, 3), values=(-5, 5))],
                   lambda x, a=attributes, p=p: raw.FakeQuantWithMinMaxArgs(inputs=x, min=p.range[0], max=p.range[1], **a))
        yield Case("FakeQuantWithMinMaxVars", p.text(), [Spec((B, 9, 3), values=(-5, 5))],
                   lambda x, a=attributes, p=p: raw.FakeQuantWithMinMaxVars(
                       inputs=x, min=float(p.range[0]), max=float(p.range[1]), **a))
    lows, highs = np.array([-1, -0.3, 0], "float32"), np.array([1, 2.1, 6], "float32")
    for p in space(bits=[4, 8], narrow=[False, True]):
        attributes = dict(num_bits=p.bits, narrow_range=p.narrow)
        for shape in [(B, 9, 3), (3,), (2, 5, 4, 3), (B0, 3)]:
            yield Case("FakeQuantWithMinMaxVarsPerChannel", p.text(), [Spec(shape, values=(-5, 5))],
                       lambda x, a=attributes: raw.FakeQuantWithMinMaxVarsPerChannel(
                           inputs=x, min=lows, max=highs, **a))
    for shape in [(2, 5, 3), (B0, 3), (), (U(2, 1), U(3, 5)), Unranked((2, 3), (4,))]:
        yield Case("FakeQuantWithMinMaxArgs", "defaults", [Spec(shape, values=(-9, 9))],
                   lambda x: raw.FakeQuantWithMinMaxArgs(inputs=x))
    yield Case("FakeQuantWithMinMaxVars", "empty range", [Spec((B, 4))],
               lambda x: raw.FakeQuantWithMinMaxVars(inputs=x, min=0.0, max=0.0))
    yield Case("FakeQuantWithMinMaxVars", "run-time range",
               [Spec((B, 4)), Spec((), values=(-2, -1)), Spec((), values=(1, 2))],
               lambda x, a, b: raw.FakeQuantWithMinMaxVars(inputs=x, min=a, max=b))
    yield Case("FakeQuantWithMinMaxVarsPerChannel", "run-time range",
               [Spec((B, 4)), Spec((4,), values=(-2, -1)), Spec((4,), values=(1, 2))],
               lambda x, a, b: raw.FakeQuantWithMinMaxVarsPerChannel(inputs=x, min=a, max=b))

    for p in space(signed=[True, False], bits=[4, 8], given=[True, False], narrow=[False, True],
                   mode=["HALF_TO_EVEN", "HALF_UP"]):
        attributes = dict(signed_input=p.signed, range_given=p.given, narrow_range=p.narrow)
        x = Spec((B, 9, 3), values=(-2, 3))
        for op in ["QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4"]:
            if op.endswith("V4") and p.bits == 4:
                continue
            yield Case(op, p.text(), [x],
                       lambda x, op=op, a=attributes, p=p: getattr(raw, op)(
                           input=x, input_min=-1.0, input_max=1.5, num_bits=p.bits, round_mode=p.mode, **a))
        if p.mode == "HALF_TO_EVEN":
            yield Case("QuantizeAndDequantizeV3", p.text("signed", "bits", "given", "narrow"), [x],
                       lambda x, a=attributes, p=p: raw.QuantizeAndDequantizeV3(
                           input=x, input_min=-1.0, input_max=1.5, num_bits=p.bits, **a))
    for axis, low in [(0, [-1, -2]), (1, [-1, -0.5, -2]), (2, [-1, -1, -2, -3])]:
        low, x = np.array(low, "float32"), Spec((2, 3, 4), values=(-2, 3))
        # Only V3 takes a range for each index along the axis.
        yield Case("QuantizeAndDequantizeV3", f"axis={axis},given=True", [x],
                   lambda x, axis=axis, low=low: raw.QuantizeAndDequantizeV3(
                       input=x, input_min=low, input_max=-low / 2, num_bits=8, range_given=True, axis=axis))
        for op in ["QuantizeAndDequantizeV2", "QuantizeAndDequantizeV4"]:
            yield Case(op, f"axis={axis},given=False", [x], lambda x, axis=axis, low=low, op=op: getattr(raw, op)(
                input=x, input_min=low, input_max=-low, range_given=False, axis=axis))
    yield Case("QuantizeAndDequantizeV2", "run-time range",
               [Spec((B, 4)), Spec((), values=(-2, -1)), Spec((), values=(1, 2))],
               lambda x, a, b: raw.QuantizeAndDequantizeV2(input=x, input_min=a, input_max=b, range_given=True))
    for shape in [(B0, 3), (), (U(2, 1), U(3, 5)), Unranked((2, 3), (4,))]:
        yield Case("QuantizeAndDequantizeV2", "range_given=True", [Spec(shape)],
                   lambda x: raw.QuantizeAndDequantizeV2(input=x, input_min=-1.0, input_max=1.5, range_given=True))


test_fake_quant = differential("fake_quant", cases())
