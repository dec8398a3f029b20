"""What a case of the op suite is: an op, an attribute class, operands with known and unknown dimensions."""
import dataclasses
import zlib
from typing import Callable, Sequence

import numpy as np


class U:
    """An unknown dimension, with the sizes that it takes in the case's feeds: U(1, 3) is fed twice."""

    def __init__(self, *sizes):
        self.sizes = sizes or (1, 3)

    def __repr__(self):
        return f"U{self.sizes}"


B = U(1, 3)  # an unknown batch
B0 = U(1, 3, 0)  # an unknown batch that is empty once


class Unranked:
    """An operand of unknown rank, with the shapes that it takes in the case's feeds."""

    def __init__(self, *shapes):
        self.shapes = [tuple(s) for s in shapes]


ANY_RANK = Unranked


def masks(shape, *patterns):
    """Shapes with unknown dimensions where a pattern says 'u', known ones where it says 'k'.

    masks((2, 5, 3), "kkk", "ukk", "uuk") yields three shapes. An unknown dimension is fed the size that
    stands in `shape` and a second one: 1 for the first axis, two more for the others. "*" is unknown rank.
    """
    for pattern in patterns:
        if pattern == "*":
            yield Unranked(tuple(shape))
            continue
        if len(pattern) != len(shape):
            raise ValueError(f"the pattern {pattern!r} does not fit the shape {shape}")
        yield tuple(
            size if letter == "k" else U(size, 1 if axis == 0 else size + 2)
            for axis, (size, letter) in enumerate(zip(shape, pattern)))


@dataclasses.dataclass
class Spec:
    """An operand that is an input of the graph.

    shape: ints; None, or U(…) for an unknown dimension; Unranked(…) for unknown rank.
    values: None (normal floats, small ints, both bools), a (low, high) range, or f(rng, shape) -> array.
    """
    shape: object
    dtype: str = "float32"
    values: object = None

    def __post_init__(self):
        if not isinstance(self.shape, Unranked):
            self.shape = tuple(
                (U(1, 3) if axis == 0 else U(4, 7)) if d is None else d
                for axis, d in enumerate(self.shape))

    @property
    def pattern(self):
        """'ukkk' for [?,k,k,k], 's' for a scalar, 'any' for unknown rank: rank and unknown dims in one word."""
        if isinstance(self.shape, Unranked):
            return "any"
        return "".join("u" if isinstance(d, U) else "k" for d in self.shape) or "s"

    @property
    def feeds(self):
        if isinstance(self.shape, Unranked):
            return len(self.shape.shapes)
        return max([len(d.sizes) for d in self.shape if isinstance(d, U)], default=1)

    def placeholder_shape(self):
        if isinstance(self.shape, Unranked):
            return None
        return [None if isinstance(d, U) else d for d in self.shape]

    def flag(self):
        """This operand's part of --input-shapes."""
        shape = self.placeholder_shape()
        return "?" if shape is None else ",".join("-1" if d is None else str(d) for d in shape)

    def shape_of(self, feed):
        if isinstance(self.shape, Unranked):
            return self.shape.shapes[min(feed, len(self.shape.shapes) - 1)]
        return tuple(d.sizes[min(feed, len(d.sizes) - 1)] if isinstance(d, U) else d for d in self.shape)

    def draw(self, rng, feed):
        shape = self.shape_of(feed)
        if callable(self.values):
            return np.asarray(self.values(rng, shape)).astype(self.dtype).reshape(shape)
        kind = np.dtype(self.dtype).kind
        if kind == "b":
            return rng.integers(0, 2, shape).astype(bool)
        if kind == "f":
            if self.values:
                return rng.uniform(*self.values, size=shape).astype(self.dtype)
            return rng.standard_normal(shape).astype(self.dtype)
        if kind == "c":
            return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(self.dtype)
        low, high = self.values or ((0, 20) if kind == "u" else (-10, 10))
        return rng.integers(low, high, shape, endpoint=True).astype(self.dtype)


@dataclasses.dataclass
class Case:
    """One case. Its identity is (op, attribute class, ranks, unknown dimensions); dtype and values are on top.

    op: the TensorFlow op; the graph that `build` makes must hold a node of it.
    attributes: the attribute class in words, such as "strides=2,SAME,NCHW". Whatever is a constant in
      `build` and shapes the op's work belongs in it (a constant operand's rank, an axis).
    build: takes the operands as symbolic tensors, returns a tensor or a sequence of them.
    data_dependent: an output's shape depends on the inputs' values: run in the Interpreter only.
    evaluated: False where pumice's evaluator must not know the op (random numbers would fold).
    tolerance: a harness.tolerances.Tolerance where the op's own does not fit; give the reason there.
    twin: builds an equal graph that TensorFlow's CPU kernels run, where they refuse `build`'s own (NCHW);
      it is the referee then, and `build` is what is converted.
    rewrite: f(node) changes the converted graph's NodeDefs: for ops that TensorFlow does not (or no longer) make.
    note: tells values apart where op, attributes, shapes and dtypes agree.
    """
    op: str
    attributes: str
    inputs: Sequence[Spec]
    build: Callable
    data_dependent: bool = False
    evaluated: bool = True
    tolerance: object = None
    twin: Callable = None
    rewrite: Callable = None
    note: str = ""
    seed: int = 0

    @property
    def shapes(self):
        return ",".join(spec.pattern for spec in self.inputs) or "none"

    @property
    def dtypes(self):
        names = [np.dtype(spec.dtype).name for spec in self.inputs]
        return names[0] if len(set(names)) == 1 else ",".join(names)

    @property
    def identity(self):
        return (self.op, self.attributes, self.shapes)

    @property
    def id(self):
        parts = [self.op, self.attributes or "-", self.shapes, self.dtypes, self.note]
        return " ".join(part.replace(" ", "") for part in parts if part)

    @property
    def feeds(self):
        return max([spec.feeds for spec in self.inputs], default=1)

    def feed(self, index):
        """The arrays of one feed, the same in every run and every process."""
        rng = np.random.default_rng([zlib.crc32(self.id.encode()), self.seed, index])
        return {f"in{i}": spec.draw(rng, index) for i, spec in enumerate(self.inputs)}
