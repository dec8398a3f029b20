"""LRN and L2Loss."""
import tensorflow as tf

from harness import B0, Case, Spec, U, Unranked, differential, masks, space


def cases():
    for p in space(radius=[1, 2, 5], parameters={"default": {}, "given": dict(bias=2.0, alpha=0.01, beta=0.75)}):
        for shape in masks((2, 4, 3, 7), "kkkk", "ukkk", "uuuk"):
            yield Case("LRN", p.text(), [Spec(shape)],
                       lambda x, p=p: tf.raw_ops.LRN(input=x, depth_radius=p.radius, **p.parameters))
    yield Case("LRN", "radius=2,parameters=default", [Spec((2, 4, 3, 7), "float16")],
               lambda x: tf.raw_ops.LRN(input=x, depth_radius=2))
    yield Case("LRN", "unknown channels", [Spec((2, 4, 3, U(7, 5)))], lambda x: tf.raw_ops.LRN(input=x, depth_radius=2))
    for rank in range(6):
        shape = (2, 3, 4, 2, 3)[:rank]
        yield Case("L2Loss", f"rank={rank}", [Spec(shape)], tf.nn.l2_loss)
        if rank:
            yield Case("L2Loss", f"rank={rank}", [Spec((U(2, 1), *shape[1:]))], tf.nn.l2_loss)
    yield Case("L2Loss", "unknown rank", [Spec(Unranked((2, 3)))], tf.nn.l2_loss)
    yield Case("L2Loss", "empty batch", [Spec((B0, 3))], tf.nn.l2_loss)
    yield Case("L2Loss", "rank=2", [Spec((2, 3), "float16")], tf.nn.l2_loss)
    yield Case("L2Loss", "dtype", [Spec((2, 3), "float64")], tf.nn.l2_loss)


test_lrn = differential("lrn", cases())
