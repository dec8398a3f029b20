"""MatMul and the BatchMatMuls: transposed, broadcast, of unknown sizes, of integers."""
import numpy as np
import tensorflow as tf

from harness import B0, Case, Spec, U, Unranked, differential, masks, space
from ops.test_conv import weights

raw = tf.raw_ops


def sides(a, b, transpose_a, transpose_b):
    swap = lambda s: (*s[:-2], s[-1], s[-2])  # noqa: E731
    return swap(a) if transpose_a else a, swap(b) if transpose_b else b


def cases():
    for p in space(ta=[False, True], tb=[False, True]):
        a, b = sides((3, 5), (5, 4), p.ta, p.tb)
        w = weights(*b)
        for spec in masks(a, "kk", "uk", "uu"):
            if Spec(spec).pattern != "kk":  # K stays as it is
                rows = Spec(spec).pattern == "uk"
                if p.ta and rows:
                    continue
                spec = (a[0], U(a[1], a[1] + 2)) if p.ta else (U(a[0], a[0] + 1), U(a[1], a[1]) if not rows else a[1])
            yield Case("MatMul", p.text() + ",constant", [Spec(spec)],
                       lambda x, p=p, w=w: raw.MatMul(a=x, b=w, transpose_a=p.ta, transpose_b=p.tb))
            yield Case("MatMul", p.text() + ",computed", [Spec(spec), Spec(b)],
                       lambda x, y, p=p: raw.MatMul(a=x, b=y, transpose_a=p.ta, transpose_b=p.tb))
        yield Case("MatMul", p.text() + ",constant first", [Spec(b)],
                   lambda y, p=p, w=weights(*a): raw.MatMul(a=w, b=y, transpose_a=p.ta, transpose_b=p.tb))
        for dtype in ("int32", "int64", "float16"):
            yield Case("MatMul", p.text() + ",computed", [Spec(a, dtype), Spec(b, dtype)],
                       lambda x, y, p=p: raw.MatMul(a=x, b=y, transpose_a=p.ta, transpose_b=p.tb))
    yield Case("MatMul", "wraps around", [Spec((3, 4), "int32", (2**30, 2**31 - 1)), Spec((4, 2), "int32", (3, 99))],
               lambda x, y: raw.MatMul(a=x, b=y))
    yield Case("MatMul", "empty batch", [Spec((B0, 5))], lambda x, w=weights(5, 4): raw.MatMul(a=x, b=w))
    yield Case("MatMul", "one row", [Spec((1, 5)), Spec((5, 1))], lambda x, y: raw.MatMul(a=x, b=y))
    yield Case("MatMul", "unknown rank", [Spec(Unranked((3, 5))), Spec((5, 4))], lambda x, y: raw.MatMul(a=x, b=y))
    yield Case("MatMul", "all unknown", [Spec((U(3, 1), U(5, 2))), Spec((U(5, 2), U(4, 6)))],
               lambda x, y: raw.MatMul(a=x, b=y))
    yield Case("MatMul", "dtype", [Spec((3, 5), "float64"), Spec((5, 4), "float64")], lambda x, y: raw.MatMul(a=x, b=y))

    batches = {"2": ((2,), (2,)), "2x3": ((2, 3), (2, 3)), "2x1x3": ((2, 1, 3), (2, 1, 3)),
               "2,1": ((2,), (1,)), "2x3,1x3": ((2, 3), (1, 3)), "2x3,3": ((2, 3), (3,)), "3,2x3": ((3,), (2, 3)),
               "2x1,1x3": ((2, 1), (1, 3)), "2x3,none": ((2, 3), ()), "none,2": ((), (2,))}
    for p in space(batch=batches, adj_x=[False, True], adj_y=[False, True]):
        a, b = sides((*p.batch[0], 4, 5), (*p.batch[1], 5, 3), p.adj_x, p.adj_y)
        op = "BatchMatMulV2"
        yield Case(op, p.text(), [Spec(a), Spec(b)],
                   lambda x, y, p=p: raw.BatchMatMulV2(x=x, y=y, adj_x=p.adj_x, adj_y=p.adj_y))
        if p.adj_x == p.adj_y and len(a) > 2 and a[0] == 2:
            unknown = (U(2, 1) if len(b) < 3 or b[0] == 1 or len(b) < len(a) else U(2, 3), *a[1:])
            same = (unknown[0], *b[1:]) if len(b) == len(a) and b[0] == a[0] else b
            yield Case(op, p.text(), [Spec(unknown), Spec(same)],
                       lambda x, y, p=p: raw.BatchMatMulV2(x=x, y=y, adj_x=p.adj_x, adj_y=p.adj_y))
    for rank, a in ((3, (2, 4, 5)), (4, (2, 3, 4, 5)), (5, (2, 1, 3, 4, 5))):
        w = weights(5, 6)
        for spec in masks(a, "k" * rank, "u" + "k" * (rank - 1)):
            yield Case("BatchMatMulV2", f"constant matrix,rank={rank}", [Spec(spec)],
                       lambda x, w=w: raw.BatchMatMulV2(x=x, y=w))
            yield Case("BatchMatMulV2", f"constant matrix,rank={rank},adj_y", [Spec(spec)],
                       lambda x, w=w.T.copy(): raw.BatchMatMulV2(x=x, y=w, adj_y=True))
            yield Case("BatchMatMul", f"rank={rank}", [Spec(spec), Spec((*spec[:-2], 5, 2))],
                       lambda x, y: raw.BatchMatMul(x=x, y=y))
    for spec in masks((2, 1, 3, 2, 4, 5), "kkkkkk", "ukkkkk"):
        yield Case("BatchMatMulV2", "rank=6", [Spec(spec), Spec((*spec[:-2], 5, 2))],
                   lambda x, y: raw.BatchMatMulV2(x=x, y=y))
    for dtype in ("int32", "int64", "int16", "float16"):
        yield Case("BatchMatMulV2", "rank=3", [Spec((2, 4, 5), dtype), Spec((2, 5, 3), dtype)],
                   lambda x, y: raw.BatchMatMulV2(x=x, y=y))
        yield Case("BatchMatMulV2", "rank=4,broadcast", [Spec((2, 1, 4, 5), dtype), Spec((3, 5, 3), dtype)],
                   lambda x, y: raw.BatchMatMulV2(x=x, y=y))
    for out in ("int32",):
        for spec in masks((2, 4, 5), "kkk", "ukk"):
            yield Case("BatchMatMulV3", f"int8 to {out}", [Spec(spec, "int8", (-128, 127)),
                                                          Spec((*spec[:1], 5, 3), "int8", (-128, 127))],
                       lambda x, y, o=out: raw.BatchMatMulV3(x=x, y=y, Tout=getattr(tf, o)))
    for spec in masks((2, 4, 5), "kkk", "ukk", "uuk"):
        yield Case("BatchMatMulV3", "float32", [Spec(spec), Spec((*spec[:1], 5, 3))],
                   lambda x, y: raw.BatchMatMulV3(x=x, y=y, Tout=tf.float32))


test_matmul = differential("matmul", cases())
