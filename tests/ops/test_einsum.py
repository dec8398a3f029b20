"""Einsum: products, sums, outer products, ellipses, transpositions."""
import tensorflow as tf

from harness import Case, Spec, U, differential
from ops.test_conv import weights

SIZES = {"a": 2, "b": 3, "c": 4, "d": 5, "e": 2, "f": 3, "h": 4, "i": 3, "j": 2, "k": 5}
EQUATIONS = [
    "ab,bc->ac", "ab,cb->ac", "ba,bc->ac", "ab,bc->ca", "abc,cd->abd", "abc,dc->abd", "abc,acd->abd",
    "abc,adc->abd", "abc,bcd->ad", "abcd,cde->abe", "abcd,cdef->abef", "abcd,abed->abce", "acbe,aecd->abcd",
    "aecd,abcd->acbe", "abcd,dce->abce", "a,b->ab", "a,a->", "ab,ab->a", "ab,ab->", "ab,b->a", "ab,ac->abc",
    "ab,cd->abcd", "abc,abd->acd", "abc,d->abcd", "abc,b->ac", "abc,bc->a", "ab,cd->bd", "abcd,acde->abe",
    "ab,bc->abc", "abc,ab->abc"]
ELLIPSIS = [("...b,bc->...c", (2, 3, 3), (3, 4)), ("...ab,...bc->...ac", (2, 3, 4, 5), (2, 3, 5, 2)),
            ("...ab,...bc->...ac", (2, 1, 4, 5), (3, 5, 2)), ("...ab,bc->...ac", (3, 4, 5), (5, 2)),
            ("a...b,bc->a...c", (2, 3, 4, 5), (5, 2)), ("...,...->...", (2, 3), (2, 3)),
            ("b...,bc->c...", (3, 2, 4), (3, 5))]
ONE = ["ab->ba", "abc->cab", "abc->ac", "ab->", "abcd->db", "a->a", "abc->", "abcd->abdc"]


def named(labels, first=None):
    return tuple(first if first and label == labels[0] else SIZES[label] for label in labels)


def cases():
    for equation in EQUATIONS:
        x, y = equation.split("->")[0].split(",")
        build = lambda a, b, e=equation: tf.raw_ops.Einsum(inputs=[a, b], equation=e)  # noqa: E731
        yield Case("Einsum", equation, [Spec(named(x)), Spec(named(y))], build)
        # The first label is unknown wherever it stands.
        unknown = U(SIZES[x[0]], 1)
        yield Case("Einsum", equation, [Spec(tuple(unknown if c == x[0] else SIZES[c] for c in s)) for s in (x, y)],
                   build)
        # All of them are.
        by = {c: U(n, n + 1) for c, n in SIZES.items()}
        if len(x) > 1:
            yield Case("Einsum", equation, [Spec(tuple(by[c] for c in s)) for s in (x, y)], build)
        w = weights(*named(y))
        yield Case("Einsum", equation + ",constant", [Spec((unknown, *named(x)[1:]))]
                   if x[0] not in y else [Spec(named(x))],
                   lambda a, w=w, e=equation: tf.raw_ops.Einsum(inputs=[a, w], equation=e))
    for equation, x, y in ELLIPSIS:
        build = lambda a, b, e=equation: tf.raw_ops.Einsum(inputs=[a, b], equation=e)  # noqa: E731
        yield Case("Einsum", f"{equation},{len(x)},{len(y)}", [Spec(x), Spec(y)], build)
        if equation[0] != "b" and (len(x) != len(y)):
            yield Case("Einsum", f"{equation},{len(x)},{len(y)}", [Spec((U(x[0], 1), *x[1:])), Spec(y)], build)
    for equation in ONE:
        labels = equation.split("->")[0]
        for first in (None, U(2, 1)):
            yield Case("Einsum", equation, [Spec(named(labels, first))],
                       lambda a, e=equation: tf.raw_ops.Einsum(inputs=[a], equation=e))
    for dtype in ("int32", "int64", "float16"):
        for equation in ("ab,bc->ac", "abc,cd->abd"):
            x, y = equation.split("->")[0].split(",")
            yield Case("Einsum", equation, [Spec(named(x), dtype), Spec(named(y), dtype)],
                       lambda a, b, e=equation: tf.raw_ops.Einsum(inputs=[a, b], equation=e))
    yield Case("Einsum", "abcde,abcef->abcdf", [Spec((2, 2, 3, 4, 5)), Spec((2, 2, 3, 5, 2))],
               lambda a, b: tf.raw_ops.Einsum(inputs=[a, b], equation="abcde,abcef->abcdf"))
    yield Case("Einsum", "abcdef,abcdfg->abcdeg", [Spec((2, 2, 1, 3, 4, 5)), Spec((2, 2, 1, 3, 5, 2))],
               lambda a, b: tf.raw_ops.Einsum(inputs=[a, b], equation="abcdef,abcdfg->abcdeg"))
    yield Case("Einsum", "repeated label", [Spec((2, 3, 3, 4))],
               lambda a: tf.raw_ops.Einsum(inputs=[a], equation="abbc->ac"))
    yield Case("Einsum", "dtype", [Spec((2, 3), "float64"), Spec((3, 4), "float64")],
               lambda a, b: tf.raw_ops.Einsum(inputs=[a, b], equation="ab,bc->ac"))


test_einsum = differential("einsum", cases())
