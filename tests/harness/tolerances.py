"""Every tolerance of the tests, in one place. None is loosened to make a test pass: one that must be
wider carries the written reason why the two sides cannot be closer.

A tolerance is relative to the largest finite magnitude of the reference tensor, not to each element:
a sum of terms that cancel has an error of the terms' size, on either side.
"""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Tolerance:
    relative: float  # times the largest finite |reference| of the tensor
    reason: str
    absolute: float = 1e-7  # for references that are zero throughout


DEFAULT = Tolerance(1e-4, "float32, another order of summation")
EXACT = Tolerance(0.0, "integers, booleans, strings, and floats that are only moved about", 0.0)
HALF = Tolerance(2e-3, "float16 has a spacing of 9.8e-4: either side may round once more")
RAW_HEADS = Tolerance(1e-3, "the raw heads of a detector: 60 to 100 layers of float32 sums")

# Kernels that are approximate by design in LiteRT or in XNNPACK go here, each with its reason.
APPROXIMATE = {}


def for_case(op, dtype):
    """The tolerance of one output of an op: `dtype` is the output's numpy dtype name."""
    if dtype in ("float32", "float64", "complex64", "complex128"):
        return APPROXIMATE.get(op, DEFAULT)
    if dtype in ("float16", "bfloat16"):
        return HALF
    return EXACT
