"""Resizing: four filters, three alignments, constant and computed sizes, every dtype of pictures."""
import tensorflow as tf

from harness import Case, Spec, U, Unranked, differential, masks, space

raw = tf.raw_ops
MODES = {"legacy": {}, "align": {"align_corners": True}, "half": {"half_pixel_centers": True}}
SIZES = {"up": (11, 14), "down": (4, 3), "odd": (7, 12), "one": (1, 1), "same": (6, 8)}


def resize(op, x, size, mode):
    return getattr(raw, op)(images=x, size=size, **MODES[mode])


def cases():
    for op in ("ResizeBilinear", "ResizeNearestNeighbor"):
        for p in space(mode=list(MODES), size=SIZES):
            for shape in masks((2, 6, 8, 3), "kkkk", "ukkk", *(["uuuk"] if p._names["size"] in ("up", "down") else [])):
                yield Case(op, p.text(), [Spec(shape)], lambda x, p=p, op=op: resize(op, x, p.size, p.mode))
        for mode in MODES:
            yield Case(op, f"twice as large,mode={mode}", [Spec((U(2, 1), U(6, 8), U(5, 4), 3))],
                       lambda x, op=op, m=mode: resize(op, x, tf.shape(x)[1:3] * 2, m))
            yield Case(op, f"size is an input,mode={mode}", [Spec((2, 6, 8, 3)), Spec((2,), "int32", (3, 9))],
                       lambda x, s, op=op, m=mode: resize(op, x, s, m), data_dependent=True)
        yield Case(op, "unknown rank", [Spec(Unranked((2, 6, 8, 3)))], lambda x, op=op: resize(op, x, [4, 5], "legacy"))
        for dtype in ("int8", "uint8", "int16", "uint16", "int32", "int64", "float16"):
            for mode in MODES:
                yield Case(op, f"mode={mode},size=odd", [Spec((2, 6, 8, 3), dtype)],
                           lambda x, op=op, m=mode: resize(op, x, SIZES["odd"], m))
        yield Case(op, "mode=half,size=odd", [Spec((U(2, 1), 6, 8, 3), "uint8", (0, 255))],
                   lambda x, op=op: resize(op, x, SIZES["odd"], "half"))
        yield Case(op, "dtype", [Spec((2, 6, 8, 3), "float64")], lambda x, op=op: resize(op, x, SIZES["odd"], "half"))
    for mode in MODES:
        yield Case("ResizeNearestNeighbor", f"integers,twice as large,mode={mode}",
                   [Spec((U(2, 1), U(6, 8), U(5, 4), 3), "int32")],
                   lambda x, m=mode: resize("ResizeNearestNeighbor", x, tf.shape(x)[1:3] * 2, m))
    for p in space(mode=list(MODES), size=SIZES):
        for shape in masks((2, 6, 8, 3), "kkkk", "ukkk"):
            yield Case("ResizeBicubic", p.text(), [Spec(shape)],
                       lambda x, p=p: resize("ResizeBicubic", x, p.size, p.mode))
            if p.mode != "half":
                yield Case("ResizeArea", p.text(), [Spec(shape)],
                           lambda x, p=p: resize("ResizeArea", x, p.size, p.mode))
    for op in ("ResizeBicubic", "ResizeArea"):
        yield Case(op, "unknown channels", [Spec((U(2, 1), 6, 8, U(3, 1)))],
                   lambda x, op=op: resize(op, x, SIZES["odd"], "legacy"))
        yield Case(op, "unknown height", [Spec((2, U(6, 5), 8, 3))],
                   lambda x, op=op: resize(op, x, SIZES["odd"], "legacy"))
        for dtype in ("uint8", "int32", "float16"):
            yield Case(op, "mode=legacy,size=odd", [Spec((2, 6, 8, 3), dtype)],
                       lambda x, op=op: resize(op, x, SIZES["odd"], "legacy"))


test_resize = differential("resize", cases())
