"""What the checks of clean models share: inputs, and values that must be equal to the bit."""
import numpy as np


def same(a, b):
    a, b = np.asarray(a), np.asarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes(), (a, b)


def ramp(shape):
    shape = [4 if d is None else d for d in shape]
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


def rate_of(optimizer):
    return float(np.asarray(optimizer.learning_rate))
