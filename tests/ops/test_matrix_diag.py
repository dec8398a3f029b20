"""Diagonals and bands of matrices."""
import numpy as np
import tensorflow as tf

from harness import B, Case, Spec, U, differential, masks

raw = tf.raw_ops
DTYPES = ["float16", "int8", "uint8", "int16", "int32", "int64", "bool"]


def padding(x):
    return tf.constant(7, x.dtype) if x.dtype != tf.bool else tf.constant(True)


def cases():
    for shape in ((4,), (2, 3)):
        yield Case("Diag", "", [Spec(shape)], lambda x: raw.Diag(diagonal=x))
        yield Case("DiagPart", "", [Spec(shape + shape)], lambda x: raw.DiagPart(input=x))
    for shape in ((4,), (2, 4), (B, 4), (B, U(2, 3), 4)):
        yield Case("MatrixDiag", "", [Spec(shape)], lambda x: raw.MatrixDiag(diagonal=x))
    for shape in ((4, 4), (3, 5), (B, 5, 3), (B, 2, 4, 4)):
        yield Case("MatrixDiagPart", "", [Spec(shape)], lambda x: raw.MatrixDiagPart(input=x))
    for shape in ((4, 4), (3, 5), (B, 5, 3), (B, 2, 4, 4)):
        diagonal = (*shape[:-2], min(shape[-2:]))
        yield Case("MatrixSetDiag", "", [Spec(shape), Spec(diagonal)],
                   lambda x, d: raw.MatrixSetDiag(input=x, diagonal=d))
        for lower, upper in ((0, 0), (1, 0), (0, 2), (-1, 0), (0, -1), (1, 1), (-1, -1)):
            yield Case("MatrixBandPart", f"{lower},{upper}", [Spec(shape)],
                       lambda x, l=lower, u=upper: tf.linalg.band_part(x, l, u))
    for align in ("LEFT_LEFT", "RIGHT_LEFT", "LEFT_RIGHT", "RIGHT_RIGHT"):
        for k in ((0, 0), (1, 1), (-2, -2), (-1, 1), (-1, 2), (0, 1), (1, 2), (-2, -1)):
            for first in (2, B):
                yield Case("MatrixDiagPartV3", f"k={k},{align}", [Spec((first, 4, 5))],
                           lambda x, k=k, a=align: raw.MatrixDiagPartV3(
                               input=x, k=list(k), padding_value=padding(x), align=a))
                count = k[1] - k[0] + 1
                length = max(max(0, min(4 + min(d, 0), 5 - max(d, 0))) for d in range(k[0], k[1] + 1))
                diagonal = (first, count, length) if count > 1 else (first, length)
                yield Case("MatrixDiagV3", f"k={k},{align}", [Spec(diagonal)],
                           lambda d, k=k, a=align: raw.MatrixDiagV3(
                               diagonal=d, k=list(k), num_rows=4, num_cols=5, padding_value=padding(d), align=a))
                if count > 1 and first is B:
                    first = 3  # TensorFlow's shape rule refuses bands of an unknown batch
                    diagonal = (3, *diagonal[1:])
                yield Case("MatrixSetDiagV3", f"k={k},{align}", [Spec((first, 4, 5)), Spec(diagonal)],
                           lambda x, d, k=k, a=align: raw.MatrixSetDiagV3(
                               input=x, diagonal=d, k=list(k), align=a))
    for k in (0, 1, -1):
        yield Case("MatrixDiagV2", f"k={k}", [Spec((B, 3))], lambda d, k=k: raw.MatrixDiagV2(
            diagonal=d, k=k, num_rows=-1, num_cols=-1, padding_value=padding(d)))
        yield Case("MatrixDiagV3", f"k={k},sizes found", [Spec((B, 3))], lambda d, k=k: raw.MatrixDiagV3(
            diagonal=d, k=k, num_rows=-1, num_cols=-1, padding_value=padding(d)))
        yield Case("MatrixDiagPartV2", f"k={k}", [Spec((B, 4, 4))],
                   lambda x, k=k: raw.MatrixDiagPartV2(input=x, k=k, padding_value=padding(x)))
        length = 4 - abs(k)
        yield Case("MatrixSetDiagV2", f"k={k}", [Spec((B, 4, 4)), Spec((B, length))],
                   lambda x, d, k=k: raw.MatrixSetDiagV2(input=x, diagonal=d, k=k))
    for dtype in DTYPES:
        yield Case("MatrixDiagV3", "k=0,sizes found", [Spec((B, 3), dtype)], lambda d: raw.MatrixDiagV3(
            diagonal=d, k=0, num_rows=-1, num_cols=-1, padding_value=padding(d)))
        yield Case("MatrixDiagPartV3", "k=(-1,1),RIGHT_LEFT", [Spec((B, 3, 4), dtype)],
                   lambda x: raw.MatrixDiagPartV3(input=x, k=[-1, 1], padding_value=padding(x)))
        yield Case("MatrixBandPart", "1,0", [Spec((B, 3, 4), dtype)], lambda x: tf.linalg.band_part(x, 1, 0))


test_matrix_diag = differential("matrix_diag", cases())
