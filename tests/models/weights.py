"""Weights by name: the same layer has the same weights in every flavour of a model, and in every run.

Published weights cannot be downloaded where the tests run, so these are random, of a trained net's scale:
He's for the convolutions (less for the heads, so that no score saturates), batch-norm statistics spread about the identity.
"""
import math
import zlib

import numpy as np


def _rng(name):
    return np.random.default_rng(zlib.crc32(name.encode()))


def kernel(name, shape, depthwise=False):
    fan_in = shape[0] * shape[1] * (1 if depthwise else shape[2])
    gain = 0.3 if name.startswith(("box_", "class_")) and "tower" not in name else 1.0
    return (_rng(name).standard_normal(shape) * math.sqrt(2 / fan_in) * gain).astype(np.float32)


def bias(name, channels):
    return (_rng(name).standard_normal(channels) * 0.5).astype(np.float32)


def norm(name, channels):
    """gamma, beta, moving mean, moving variance."""
    rng = _rng(name)
    return [
        rng.uniform(0.7, 1.3, channels).astype(np.float32),
        rng.normal(0.0, 0.3, channels).astype(np.float32),
        rng.normal(0.0, 0.3, channels).astype(np.float32),
        rng.uniform(0.6, 1.6, channels).astype(np.float32),
    ]


def image(batch, size):
    """A feed: a smooth picture with noise, in [-1, 1], another one for each place in the batch."""
    rng = np.random.default_rng(size)
    at = np.linspace(0, 3 * math.pi, size, dtype=np.float32)
    smooth = np.sin(at)[:, None, None] * np.cos(at * 0.7)[None, :, None]
    scale = rng.uniform(0.3, 1.0, (batch, 1, 1, 3))
    noise = rng.uniform(-0.3, 0.3, (batch, size, size, 3))
    return np.clip(smooth[None] * scale + noise, -1, 1).astype(np.float32)
