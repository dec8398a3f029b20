"""Gather, GatherV2, GatherNd."""
import numpy as np
import tensorflow as tf

from harness import B, B0, Case, Spec, U, Unranked, differential, masks

DTYPES = ["float16", "int8", "uint8", "int16", "uint16", "uint32", "int32", "int64", "bool"]


def index(shape, n, dtype="int32"):
    return Spec(shape, dtype, (0, n - 1))


def cases():
    for axis in (0, 1, 2, -1, -2):
        size = (4, 5, 6)[axis]
        for shape in masks((4, 5, 6), "kkk", "ukk", "uuk"):
            if not isinstance(shape[axis], int):
                continue
            for indices in ((), (3,), (2, 2)):
                yield Case("GatherV2", f"axis={axis}", [Spec(shape), index(indices, size)],
                           lambda x, i, a=axis: tf.gather(x, i, axis=a))
    for indices in ((), (3,), (2, 2), (U(2, 4),), (B, 2), (B, U(2, 3))):
        yield Case("GatherV2", "a table", [index(indices, 7)],
                   lambda i: tf.gather(np.arange(21, dtype=np.float32).reshape(7, 3), i))
    for name, indices in (("[1]", [1]), ("[2,0,1]", [2, 0, 1]), ("[[0,1],[2,3]]", [[0, 1], [2, 3]]), ("2", 2)):
        for shape in masks((4, 5, 6), "ukk", "kkk"):
            yield Case("GatherV2", f"axis=1,indices={name}", [Spec(shape)],
                       lambda x, i=indices: tf.gather(x, i, axis=1))
    for batch, axis, params, indices in ((1, 1, (2, 5, 3), (2, 4)), (1, 2, (2, 3, 5), (2, 4)),
                                         (2, 2, (2, 3, 5), (2, 3, 4)), (2, 3, (2, 3, 2, 5), (2, 3, 2)),
                                         (1, 1, (2, 5), (2,)), (-1, -1, (2, 3, 5), (2, 3, 4))):
        n = params[axis]
        yield Case("GatherV2", f"batch_dims={batch},axis={axis}", [Spec(params), index(indices, n)],
                   lambda x, i, b=batch, a=axis: tf.gather(x, i, axis=a, batch_dims=b))
        yield Case("GatherV2", f"batch_dims={batch},axis={axis}",
                   [Spec((U(1, 3), *params[1:])), index((U(1, 3), *indices[1:]), n)],
                   lambda x, i, b=batch, a=axis: tf.gather(x, i, axis=a, batch_dims=b))
    for dtype in ("int16", "int64", "uint8"):
        yield Case("GatherV2", f"{dtype} indices", [Spec((B, 5)), index((3,), 5, dtype)],
                   lambda x, i: tf.gather(x, tf.cast(i, tf.int64) if i.dtype == tf.uint8 else i, axis=1))
    for dtype in DTYPES:
        yield Case("GatherV2", "axis=1", [Spec((B, 5, 2), dtype), index((3,), 5)],
                   lambda x, i: tf.gather(x, i, axis=1))
        yield Case("GatherNd", "depth=1", [Spec((4, 3), dtype), index((2, 1), 4)], lambda x, i: tf.gather_nd(x, i))
    yield Case("GatherV2", "no indices", [Spec((4, 3)), index((U(0, 2),), 4)], lambda x, i: tf.gather(x, i))
    yield Case("GatherV2", "empty batch", [Spec((B0, 4))], lambda x: tf.gather(x, [2, 1], axis=1))
    yield Case("GatherV2", "any rank", [Spec(Unranked((4, 3), (5,))), index((2,), 4)], lambda x, i: tf.gather(x, i))
    yield Case("GatherV2", "of a shape", [Spec((B, U(2, 4), 3))],
               lambda x: tf.reshape(x, tf.gather(tf.shape(x), [1, 0, 2])))
    for shape in ((4, 3), (4,), (4, 2, 3, 2)):
        for indices in ((), (3,), (U(2, 3),)):
            yield Case("Gather", "", [Spec(shape), index(indices, 4)],
                       lambda x, i: tf.raw_ops.Gather(params=x, indices=i))
    for depth, params, indices in ((1, (4, 3, 2), (5, 1)), (2, (4, 4, 2), (5, 2)), (3, (4, 4, 4), (5, 3)),
                                   (1, (4, 3), (1,)), (2, (4, 4, 2), (2, 3, 2)), (2, (4, 4), (2, 2, 2, 2)),
                                   (1, (4, 2, 3, 2, 2), (2, 1))):
        yield Case("GatherNd", f"depth={depth}", [Spec(params), index(indices, 4)], lambda x, i: tf.gather_nd(x, i))
        if len(indices) > 1:
            yield Case("GatherNd", f"depth={depth}", [Spec(params), index((U(1, 3), *indices[1:]), 4)],
                       lambda x, i: tf.gather_nd(x, i))
    yield Case("GatherNd", "int64 indices", [Spec((4, 3)), index((2, 1), 4, "int64")], lambda x, i: tf.gather_nd(x, i))
    yield Case("GatherNd", "depth=2,of a batch", [Spec((B, 3)), index((4, 2), 1)], lambda x, i: tf.gather_nd(x, i))
    yield Case("GatherNd", "depth=0", [Spec((2, 3))], lambda x: tf.gather_nd(x, np.zeros((4, 0), np.int32)))
    yield Case("GatherNd", "batch_dims=1", [Spec((B, 5, 2)), index((B, 3, 1), 5)],
               lambda x, i: tf.gather_nd(x, i, batch_dims=1))


test_gather = differential("gather", cases())
