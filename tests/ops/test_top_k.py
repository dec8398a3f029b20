"""TopK and TopKV2."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, differential, masks


def shuffled(rng, shape):
    """Rows without equal elements."""
    return np.argsort(rng.random(shape), axis=-1)


def top(attributes, operands, build, **more):
    """TOPK_V2 leaves its result's size open until it runs, where its input's is not known."""
    unknown = any("u" in spec.pattern for spec in operands)
    return Case("TopKV2", attributes, operands, build, data_dependent=unknown or more.pop("data_dependent", False))


def cases():
    for k in (1, 3, 6):
        for shape in ((6,), (2, 6), (B, 6), (2, 3, 6), (B, U(2, 3), 6), (2, U(6, 8))):
            yield top(f"k={k}", [Spec(shape, values=shuffled)],
                       lambda x, k=k: tf.raw_ops.TopKV2(input=x, k=k)[:])
        # Unsorted: any order is right.
        yield top(f"k={k},sorted=False", [Spec((B, 6), values=shuffled)],
                   lambda x, k=k: tf.reduce_sum(tf.raw_ops.TopKV2(input=x, k=k, sorted=False)[0], -1))
    for dtype in ("float16", "int8", "uint8", "int16", "uint16", "int32", "int64"):
        yield top("k=3", [Spec((B, 6), dtype, shuffled)],
                   lambda x: tf.raw_ops.TopKV2(input=x, k=3)[:])
    for index in (tf.int16, tf.int64):
        yield top(f"index_type={index.name}", [Spec((B, 6), values=shuffled)],
                   lambda x, t=index: tf.raw_ops.TopKV2(input=x, k=3, index_type=t)[:])
    yield top("k at run time", [Spec((2, 6), values=shuffled), Spec((), "int32", (1, 5))],
               lambda x, k: tf.raw_ops.TopKV2(input=x, k=k)[:], data_dependent=True)
    yield top("equal elements", [Spec((B, 9), "int32", (0, 3))], lambda x: tf.raw_ops.TopKV2(input=x, k=5)[:])
    yield top("empty batch", [Spec((B0, 6), values=shuffled)], lambda x: tf.reduce_sum(tf.raw_ops.TopKV2(input=x, k=3)[0]))
    yield top("values alone", [Spec((B, 6), values=shuffled)], lambda x: tf.raw_ops.TopKV2(input=x, k=2)[0])
    yield top("rank 5", [Spec((B, 2, 1, 2, 5), values=shuffled)],
               lambda x: tf.raw_ops.TopKV2(input=x, k=2)[:])


test_top_k = differential("top_k", cases())
