"""ScatterNd, the TensorScatter ops, Unique."""
import numpy as np
import tensorflow as tf

from harness import B, Case, Spec, U, differential


def distinct(n):
    """Distinct indices along the first indexed axis."""
    return lambda rng, shape: np.stack([rng.permutation(n)[:shape[0]] for _ in range(shape[-1])], -1).reshape(shape)


def cases():
    for depth, target, count in ((1, (6,), 3), (1, (6, 2), 3), (2, (6, 6), 4), (2, (6, 6, 2), 4),
                                 (3, (6, 6, 6), 5), (1, (6, 2, 3, 2), 2)):
        rest = target[depth:]
        for first in (count, U(1, 3)):
            i, u = Spec((first, depth), "int32", (0, 5)), Spec((first, *rest))
            fixed = Spec((first, depth), "int32", distinct(6))
            x = Spec(target)
            yield Case("ScatterNd", f"depth={depth}", [i, u],
                       lambda i, u, t=target: tf.scatter_nd(i, u, t))
            for op, ids in (("Update", fixed), ("Add", i), ("Sub", i), ("Max", i), ("Min", i)):
                name = "TensorScatter" + op
                yield Case(name, f"depth={depth}", [x, ids, u], lambda x, i, u, n=name: getattr(tf.raw_ops, n)(
                    tensor=x, indices=i, updates=u))
    yield Case("TensorScatterUpdate", "twice the same", [Spec((4, 2)), Spec((3, 2))],
               lambda x, u: tf.tensor_scatter_nd_update(x, [[1], [3], [1]], u))
    yield Case("TensorScatterUpdate", "batch", [Spec((B, 2)), Spec((1, 2))],
               lambda x, u: tf.tensor_scatter_nd_update(x, [[0]], u), data_dependent=True)
    yield Case("TensorScatterAdd", "batch", [Spec((B, 2)), Spec((1, 2))],
               lambda x, u: tf.tensor_scatter_nd_add(x, [[0]], u))
    yield Case("TensorScatterMax", "batch", [Spec((B, 2)), Spec((1, 2))],
               lambda x, u: tf.tensor_scatter_nd_max(x, [[0]], u), data_dependent=True)
    yield Case("TensorScatterUpdate", "rank 3 indices", [Spec((6, 2)), Spec((2, 2, 2))],
               lambda x, u: tf.tensor_scatter_nd_update(x, [[[0], [2]], [[3], [5]]], u))
    yield Case("ScatterNd", "rank 3 indices", [Spec((2, 2, 1), "int32", (0, 5)), Spec((2, 2, 3))],
               lambda i, u: tf.scatter_nd(i, u, (6, 3)))
    yield Case("ScatterNd", "like another", [Spec((2, 1), "int32", (0, 0)), Spec((2, 3)), Spec((B, 3))],
               lambda i, u, x: tf.scatter_nd(i, u, tf.shape(x)))
    yield Case("ScatterNd", "int64", [Spec((2, 1), "int64", (0, 5)), Spec((2, 3))],
               lambda i, u: tf.scatter_nd(i, u, np.array([6, 3], np.int64)))
    for dtype in ("float16", "int8", "uint8", "int16", "int32", "int64", "bool"):
        i, u = Spec((3, 1), "int32", distinct(6)), Spec((3, 2), dtype)
        yield Case("ScatterNd", "depth=1", [i, u], lambda i, u: tf.scatter_nd(i, u, (6, 2)))
        if dtype == "float16":
            continue
        yield Case("TensorScatterUpdate", "depth=1", [Spec((6, 2), dtype), i, u],
                   lambda x, i, u: tf.tensor_scatter_nd_update(x, i, u))
        if dtype in ("bool", "int16"):
            continue
        yield Case("TensorScatterAdd", "depth=1", [Spec((6, 2), dtype), i, u],
                   lambda x, i, u: tf.tensor_scatter_nd_add(x, i, u))
        yield Case("TensorScatterMax", "depth=1", [Spec((6, 2), dtype), i, u],
                   lambda x, i, u: tf.tensor_scatter_nd_max(x, i, u))
    for dtype in ("float32", "int8", "uint8", "int16", "int32", "int64"):
        for index in (tf.int32, tf.int64):
            yield Case("Unique", f"out_idx={index.name}", [Spec((9,), dtype, (0, 3))],
                       lambda x, t=index: tf.unique(tf.round(x) if x.dtype.is_floating else x, t)[:],
                       data_dependent=True)
    yield Case("Unique", "unknown length", [Spec((U(5, 8),), "int32", (0, 3))], lambda x: tf.unique(x)[:],
               data_dependent=True)


test_scatter = differential("scatter", cases())
