"""BiasAdd of every rank and layout."""
import numpy as np
import tensorflow as tf

from harness import B0, Case, Spec, U, differential, masks

RNG = np.random.default_rng(3)
SHAPES = {2: (3, 5), 3: (2, 4, 5), 4: (2, 4, 3, 5), 5: (2, 3, 4, 2, 5)}


def cases():
    for rank, shape in SHAPES.items():
        for layout in ("NHWC", "NCHW") if rank > 2 else ("NHWC",):
            channels = shape[1] if layout == "NCHW" else shape[-1]
            bias = RNG.integers(-9, 9, channels)
            for spec in masks(shape, "k" * rank, "u" + "k" * (rank - 1)):
                yield Case("BiasAdd", f"{layout},rank={rank}", [Spec(spec)],
                           lambda x, b=bias, f=layout: tf.nn.bias_add(x, tf.constant(b, x.dtype), f))
            yield Case("BiasAdd", f"{layout},rank={rank},computed", [Spec(shape), Spec((channels,))],
                       lambda x, b, f=layout: tf.nn.bias_add(x, b, f))
            for dtype in ("float16", "int8", "uint8", "int16", "uint16", "uint32", "int32", "int64"):
                if rank in (2, 4):
                    yield Case("BiasAdd", f"{layout},rank={rank}", [Spec(shape, dtype)],
                               lambda x, b=bias, f=layout: tf.nn.bias_add(x, tf.constant(b.astype(x.dtype.as_numpy_dtype)), f))
        bias = RNG.standard_normal(shape[-1]).astype(np.float32)
        yield Case("BiasAddV1", f"rank={rank}", [Spec((U(2, 3), *shape[1:]))],
                   lambda x, b=bias: tf.raw_ops.BiasAddV1(value=x, bias=b))
        yield Case("BiasAdd", f"all unknown but channels,rank={rank}",
                   [Spec([U(2, 3)] * (rank - 1) + [shape[-1]])], lambda x, b=bias: tf.nn.bias_add(x, b))
    yield Case("BiasAdd", "empty batch", [Spec((B0, 5))], lambda x: tf.nn.bias_add(x, np.ones(5, np.float32)))
    # Keras traces `x + constant[1, N, 1]` after a convolution and a reshape as this.
    yield Case("BiasAdd", "NCHW,rank=3,after a reshape", [Spec((U(1, 2), 4, 3, 5))],
               lambda x: tf.nn.bias_add(tf.reshape(x, [-1, 12, 5]), np.arange(12, dtype=np.float32), "NCHW"))
    yield Case("BiasAdd", "wraps around", [Spec((3, 5), "int8", (100, 127))],
               lambda x: tf.nn.bias_add(x, tf.constant([100, 120, 30, 2, 1], tf.int8)))
    yield Case("BiasAdd", "dtype", [Spec((3, 5), "float64")],
               lambda x: tf.nn.bias_add(x, tf.constant([100, 120, 30, 2, 1], tf.float64)))


test_bias = differential("bias", cases())
