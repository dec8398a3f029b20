"""Pools over windows, in two and three dimensions, of floats and integers."""
import tensorflow as tf

from harness import B0, Case, Spec, U, Unranked, differential, masks, space
from ops.test_conv import first, last, swapped

raw = tf.raw_ops


def max_pool(x, k, s, padding, nchw=False, explicit=()):
    k, s = [1, *k, 1], [1, *s, 1]
    return raw.MaxPool(input=x, ksize=swapped(k) if nchw else k, strides=swapped(s) if nchw else s, padding=padding,
                       explicit_paddings=list(explicit), data_format="NCHW" if nchw else "NHWC")


def avg_pool(x, k, s, padding, nchw=False):
    k, s = [1, *k, 1], [1, *s, 1]
    return raw.AvgPool(value=x, ksize=swapped(k) if nchw else k, strides=swapped(s) if nchw else s, padding=padding,
                       data_format="NCHW" if nchw else "NHWC")


WINDOWS = {"2x2/1": ([2, 2], [1, 1]), "2x2/2": ([2, 2], [2, 2]), "3x3/2": ([3, 3], [2, 2]), "3x2/1x2": ([3, 2], [1, 2]),
           "1x1/2": ([1, 1], [2, 2])}


def cases():
    for op, pool in (("MaxPool", max_pool), ("AvgPool", avg_pool)):
        for p in space(window=WINDOWS, padding=["SAME", "VALID"]):
            for shape in masks((2, 9, 8, 3), "kkkk", "ukkk", "uuuk"):
                yield Case(op, p.text(), [Spec(shape)], lambda x, p=p, f=pool: f(x, *p.window, p.padding))
            yield Case(op, p.text() + ",NCHW", [Spec((U(2, 1), 3, 9, 8))],
                       lambda x, p=p, f=pool: f(x, *p.window, p.padding, True),
                       twin=lambda x, p=p, f=pool: first(f(last(x), *p.window, p.padding)))
        yield Case(op, "global", [Spec((U(2, 1), 7, 5, 3))], lambda x, f=pool: f(x, [7, 5], [1, 1], "VALID"))
        yield Case(op, "larger than the input", [Spec((2, 3, 2, 3))], lambda x, f=pool: f(x, [5, 5], [2, 2], "SAME"))
        yield Case(op, "unknown rank", [Spec(Unranked((2, 9, 8, 3)))], lambda x, f=pool: f(x, [2, 2], [2, 2], "SAME"))
        yield Case(op, "empty batch", [Spec((B0, 9, 8, 3))], lambda x, f=pool: f(x, [3, 3], [2, 2], "SAME"))
        yield Case(op, "window=3x3/2,padding=SAME", [Spec((2, 9, 8, 3), "float16")],
                   lambda x, f=pool: f(x, [3, 3], [2, 2], "SAME"))
        yield Case(op, "dtype", [Spec((2, 9, 8, 3), "float64")], lambda x, f=pool: f(x, [3, 3], [2, 2], "SAME"))
    for dtype in ("int8", "uint8", "int16", "uint16", "int32", "int64"):
        for p in space(window=WINDOWS, padding=["SAME", "VALID"]):
            yield Case("MaxPool", p.text(), [Spec((2, 9, 8, 3), dtype)],
                       lambda x, p=p: max_pool(x, *p.window, p.padding))
    for dtype in ("uint8", "int32"):
        yield Case("MaxPool", "window=2x2/2,padding=VALID", [Spec((U(2, 1), U(8, 9), U(7, 8), 3), dtype)],
                   lambda x: max_pool(x, [2, 2], [2, 2], "VALID"))
        yield Case("MaxPool", "window=2x2/1,padding=SAME", [Spec((U(2, 1), U(8, 9), U(7, 8), 3), dtype)],
                   lambda x: max_pool(x, [2, 2], [1, 1], "SAME"))
    for shape in masks((2, 9, 8, 3), "kkkk", "ukkk", "uuuk"):
        yield Case("MaxPool", "EXPLICIT", [Spec(shape)],
                   lambda x: max_pool(x, [3, 3], [2, 2], "EXPLICIT", explicit=[0, 0, 1, 0, 2, 1, 0, 0]))
    yield Case("MaxPool", "EXPLICIT,NCHW", [Spec((U(2, 1), 3, 9, 8))],
               lambda x: max_pool(x, [3, 3], [2, 2], "EXPLICIT", True, explicit=[0, 0, 0, 0, 1, 0, 2, 1]),
               twin=lambda x: first(max_pool(last(x), [3, 3], [2, 2], "EXPLICIT",
                                             explicit=[0, 0, 1, 0, 2, 1, 0, 0])))
    for shape in masks((2, 5, 4, 6), "kkkk", "ukkk", "uuuk"):
        yield Case("MaxPool", "over channels", [Spec(shape)],
                   lambda x: raw.MaxPool(input=x, ksize=[1, 1, 1, 3], strides=[1, 1, 1, 3], padding="VALID"))
    for p in space(window=WINDOWS, padding=["SAME", "VALID"]):
        yield Case("MaxPoolV2", p.text(), [Spec((U(2, 1), 9, 8, 3))],
                   lambda x, p=p: raw.MaxPoolV2(input=x, ksize=[1, *p.window[0], 1], strides=[1, *p.window[1], 1],
                                                padding=p.padding))
    for op in ("MaxPool3D", "AvgPool3D"):
        for p in space(window={"2/1": ([2, 2, 2], [1, 1, 1]), "2/2": ([2, 2, 2], [2, 2, 2]),
                               "3x2x1/1x2x1": ([3, 2, 1], [1, 2, 1])}, padding=["SAME", "VALID"]):
            def pool(x, p=p, op=op):
                x = {"input": x} if op == "MaxPool3D" else {"input": x}
                return getattr(raw, op)(**x, ksize=[1, *p.window[0], 1], strides=[1, *p.window[1], 1],
                                        padding=p.padding)

            def pool_first(x, p=p, op=op):
                return getattr(raw, op)(input=x, ksize=[1, 1, *p.window[0]], strides=[1, 1, *p.window[1]],
                                        padding=p.padding, data_format="NCDHW")

            for shape in masks((2, 5, 7, 6, 3), "kkkkk", "ukkkk", "uuuuk"):
                yield Case(op, p.text(), [Spec(shape)], pool)
            yield Case(op, p.text() + ",NCDHW", [Spec((2, 3, 5, 7, 6))], pool_first,
                       twin=lambda x, f=pool: first(f(last(x))))


test_pool = differential("pool", cases())
