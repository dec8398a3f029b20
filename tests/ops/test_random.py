"""Random numbers: what can be compared is their shape, dtype and range."""
import tensorflow as tf

from harness import B, Case, Spec, U, differential


def within(numbers, low, high):
    """Zeros of the numbers' shape, and whether all of them lie between the limits."""
    return tf.zeros_like(numbers), tf.reduce_all(tf.logical_and(numbers >= low, numbers <= high))


def cases():
    for shape in ((3,), (2, 3), (2, 1, 3), (2, 3, 2, 2), (2, 2, 1, 2, 3)):
        name = "x".join(map(str, shape))
        yield Case("RandomUniform", name, [Spec(())],
                   lambda x, s=shape: within(tf.random.uniform(s) + 0 * x, 0.0, 1.0), evaluated=False)
        yield Case("RandomStandardNormal", name, [Spec(())],
                   lambda x, s=shape: within(tf.random.normal(s) + 0 * x, -9.0, 9.0), evaluated=False)
    for shape in ((B, 3), (B, U(2, 4), 2), (U(1, 3),)):
        yield Case("RandomUniform", "like another", [Spec(shape)],
                   lambda x: within(tf.random.uniform(tf.shape(x)), 0.0, 1.0), evaluated=False)
        yield Case("RandomStandardNormal", "like another", [Spec(shape)],
                   lambda x: within(tf.random.normal(tf.shape(x)), -9.0, 9.0), evaluated=False)
    for dtype in (tf.int32, tf.int64):
        for shape in ((2, 5), (B, 5)):
            yield Case("Multinomial", f"4 of 5,{dtype.name}", [Spec(shape)], lambda x, t=dtype: within(
                tf.raw_ops.Multinomial(logits=x, num_samples=4, output_dtype=t), 0, 4), evaluated=False,
                       data_dependent=shape[0] is B)  # MULTINOMIAL leaves its size open until it runs


test_random = differential("random", cases())
