"""Blocks of pixels to channels and to batches, and back."""
import numpy as np
import tensorflow as tf

from harness import Case, Spec, U, differential, masks, space
from ops.test_conv import first, last

raw = tf.raw_ops
DTYPES = ["float16", "int8", "uint8", "int16", "uint16", "int32", "int64", "bool"]

# Input, block, paddings (or crops).
TO_BATCH = {
    "rank=4": ((2, 5, 6, 3), [2, 3], [[1, 0], [0, 0]]),
    "rank=4,no padding": ((2, 4, 6, 3), [2, 2], [[0, 0], [0, 0]]),
    "rank=4,one block": ((2, 4, 6, 3), [2], [[1, 1]]),
    "rank=4,three blocks": ((2, 4, 6, 3), [2, 1, 3], [[0, 0], [0, 0], [1, 2]]),
    "rank=3": ((2, 5, 3), [3], [[1, 0]]),
    "rank=3,two blocks": ((2, 5, 4), [3, 2], [[1, 0], [0, 0]]),
    "rank=2": ((2, 6), [3], [[1, 2]]),
    "rank=5": ((2, 4, 3, 2, 5), [2, 3], [[1, 1], [0, 0]]),
    "rank=5,three blocks": ((2, 4, 3, 2, 5), [2, 3, 2], [[1, 1], [0, 0], [1, 1]]),
    "block=1": ((2, 4, 3, 2), [1, 1], [[1, 1], [0, 2]]),
}
FROM_BATCH = {
    "rank=4": ((12, 3, 2, 3), [2, 3], [[1, 0], [0, 0]]),
    "rank=4,no crops": ((8, 4, 6, 3), [2, 2], [[0, 0], [0, 0]]),
    "rank=4,one block": ((4, 4, 6, 3), [2], [[1, 1]]),
    "rank=4,three blocks": ((12, 4, 2, 3), [2, 1, 3], [[0, 0], [0, 0], [1, 2]]),
    "rank=3": ((6, 5, 3), [3], [[1, 0]]),
    "rank=3,two blocks": ((12, 2, 4), [3, 2], [[1, 0], [0, 0]]),
    "rank=2": ((6, 4), [3], [[1, 2]]),
    "rank=5": ((12, 4, 3, 2, 5), [2, 3], [[1, 1], [0, 0]]),
    "rank=5,three blocks": ((12, 4, 3, 2, 5), [2, 3, 2], [[1, 1], [0, 0], [1, 1]]),
    "block=1": ((2, 4, 3, 2), [1, 1], [[1, 1], [0, 2]]),
}


def depth_cases():
    for block in (2, 3):
        for op, shape in (("SpaceToDepth", (2, 6, 12, 3)), ("DepthToSpace", (2, 3, 2, 36))):
            plain = lambda x, op=op, b=block: getattr(raw, op)(input=x, block_size=b)  # noqa: E731
            other = [U(6, 12), U(12, 6)] if op == "SpaceToDepth" else [U(3, 4), U(2, 1)]
            for spec in [shape, (U(2, 1), *shape[1:]), (U(2, 1), *other, shape[3])]:
                yield Case(op, f"block={block}", [Spec(spec)], plain)
            yield Case(op, f"block={block},NCHW", [Spec((U(2, 1), shape[3], *shape[1:3]))],
                       lambda x, op=op, b=block: getattr(raw, op)(input=x, block_size=b, data_format="NCHW"),
                       twin=lambda x, f=plain: first(f(last(x))))
            for dtype in DTYPES:
                yield Case(op, f"block={block}", [Spec(shape, dtype)], plain)
    yield Case("DepthToSpace", "dtype", [Spec((2, 3, 2, 4), "float64")],
               lambda x: raw.DepthToSpace(input=x, block_size=2))


def batch_cases():
    for op, edges, table in (("SpaceToBatchND", "paddings", TO_BATCH), ("BatchToSpaceND", "crops", FROM_BATCH)):
        for words, (shape, block, amounts) in table.items():
            build = lambda x, op=op, e=edges, b=block, a=amounts: getattr(raw, op)(  # noqa: E731
                input=x, block_shape=b, **{e: a})
            yield Case(op, words, [Spec(shape)], build)
            count = int(np.prod(block)) if op == "BatchToSpaceND" else 1
            batch = U(shape[0], count * 3 if shape[0] == count else count)
            yield Case(op, words, [Spec((batch, *shape[1:]))], build)
            # Every size; spatial ones grow by whole blocks.
            grown = [U(n, n + (block[i] if i < len(block) else 1)) for i, n in enumerate(shape[1:])]
            yield Case(op, words, [Spec((batch, *grown))], build)
            # TensorFlow moves no bool to batches.
            for dtype in DTYPES[:-1] if words in ("rank=4", "rank=5") else []:
                yield Case(op, words, [Spec(shape, dtype)], build)
    for spec in masks((2, 5, 6, 3), "kkkk", "ukkk"):
        yield Case("SpaceToBatchND", "block and paddings are inputs",
                   [Spec(spec), Spec((2,), "int32", (1, 1)), Spec((2, 2), "int32", (0, 2))],
                   lambda x, b, p: raw.SpaceToBatchND(input=x, block_shape=b, paddings=p), data_dependent=True)
    for block in (2, 3):
        for spec in [(2, 6, 12, 3), (U(2, 1), 6, 12, 3)]:
            yield Case("SpaceToBatch", f"block={block}", [Spec(spec)],
                       lambda x, b=block: raw.SpaceToBatch(input=x, block_size=b, paddings=[[0, 0], [b, 0]]))
        for spec in [(18 * block * block, 2, 3, 2), (U(block * block, 2 * block * block), 2, 3, 2)]:
            yield Case("BatchToSpace", f"block={block}", [Spec(spec)],
                       lambda x, b=block: raw.BatchToSpace(input=x, block_size=b, crops=[[1, 0], [0, 1]]))


test_space_depth = differential("space_depth", [*depth_cases(), *batch_cases()])
