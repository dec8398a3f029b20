"""Segment sums, products and extremes, sorted and unsorted."""
import numpy as np
import tensorflow as tf

from harness import B, Case, Spec, U, differential, masks

SORTED = {"SegmentSum": tf.math.segment_sum, "SegmentMean": tf.math.segment_mean,
          "SegmentMax": tf.math.segment_max, "SegmentMin": tf.math.segment_min,
          "SegmentProd": tf.math.segment_prod}
UNSORTED = {"UnsortedSegmentSum": tf.math.unsorted_segment_sum, "UnsortedSegmentMax": tf.math.unsorted_segment_max,
            "UnsortedSegmentMin": tf.math.unsorted_segment_min, "UnsortedSegmentProd": tf.math.unsorted_segment_prod}


def cases():
    for op, build in SORTED.items():
        for ids in ([0, 0, 1, 1, 1, 2], [0, 1, 1, 3, 3, 3], [2, 2, 2, 2, 2, 2]):
            name = "ids=" + "".join(map(str, ids))
            for shape in ((6,), (6, 3), (6, 2, 3), (6, U(2, 3))):
                yield Case(op, name, [Spec(shape)], lambda x, b=build, i=ids: b(x, i))
        if op != "SegmentMean":
            yield Case(op, "ids=000111", [Spec((6, 2), "int32")], lambda x, b=build: b(x, [0, 0, 0, 1, 1, 1]))
    yield Case("SegmentSum", "ids at run time", [
        Spec((6, 2)), Spec((6,), "int32", lambda rng, shape: np.sort(rng.integers(0, 3, shape)))],
        tf.math.segment_sum, data_dependent=True)
    yield Case("SegmentSum", "int64 ids", [Spec((4, 2))],
               lambda x: tf.math.segment_sum(x, np.array([0, 0, 1, 1], np.int64)))
    for dtype in ("float16", "int8", "uint8", "int16"):
        yield Case("SegmentSum", "ids=000111", [Spec((6, 2), dtype)],
                   lambda x: tf.math.segment_sum(x, [0, 0, 0, 1, 1, 1]))

    for op, build in UNSORTED.items():
        for shape in ((6,), (6, 3), (6, 2, 3)):
            yield Case(op, "n=4", [Spec(shape), Spec((6,), "int32", (0, 3))], lambda x, i, b=build: b(x, i, 4))
            first = (U(4, 7), *shape[1:])
            yield Case(op, "n=4", [Spec(first), Spec((U(4, 7),), "int32", (0, 3))], lambda x, i, b=build: b(x, i, 4))
        yield Case(op, "n=4,negative ids", [Spec((6, 2)), Spec((6,), "int32", (-1, 3))],
                   lambda x, i, b=build: b(x, i, 4))
        yield Case(op, "n=5,ids of rank 2", [Spec((2, 3, 2)), Spec((2, 3), "int32", (0, 4))],
                   lambda x, i, b=build: b(x, i, 5))
        yield Case(op, "n=5,ids of the data's rank", [Spec((B, 3)), Spec((B, 3), "int32", (0, 4))],
                   lambda x, i, b=build: b(x, i, 5))
        yield Case(op, "n=4", [Spec((6, 2), "int32"), Spec((6,), "int64", (0, 3))], lambda x, i, b=build: b(x, i, 4))
        yield Case(op, "n at run time", [Spec((6, 2)), Spec((6,), "int32", (0, 2)), Spec((), "int32", (3, 5))],
                   lambda x, i, n, b=build: b(x, i, n), data_dependent=True)


test_segment = differential("segment", cases())
