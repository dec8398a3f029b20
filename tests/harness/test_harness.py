"""The harness itself: a referee that cannot fail proves nothing."""
import sys

import numpy as np
import pytest

from harness import Case, Spec, U, compare, masks, refusals, runtimes, space, suite, tolerances


def _difference(expected, found):
    return compare.difference(np.array(expected), np.array(found), tolerances.DEFAULT)


@pytest.mark.parametrize("expected, found", [
    ([1.0, 2.0], [1.0, 2.001]),
    ([1.0, np.nan], [np.nan, 1.0]),
    ([np.inf, 1.0], [-np.inf, 1.0]),
    ([0.0, 0.0], [0.0, 1e-3]),
    ([1, 2], [1, 3]),
    ([True], [1]),
    ([1.0], [[1.0]]),
])
def test_a_difference_is_seen(expected, found):
    assert _difference(expected, found)


@pytest.mark.parametrize("expected, found", [
    ([1000.0, 1.0], [1000.0, 1.05]),  # 1e-4 of the tensor's largest magnitude
    ([np.nan, -np.inf, 1.0], [np.nan, -np.inf, 1.0]),
    ([], []),
])
def test_agreement_is_seen(expected, found):
    assert _difference(expected, found) is None


def test_a_missing_output_is_a_difference():
    assert compare.differences({"out0": np.zeros(1)}, {}, lambda _: tolerances.DEFAULT)


def _case(shape, dtype="float32", attributes="axis=1"):
    return Case("Sum", attributes, [Spec(shape, dtype)], None)


def test_identity_ignores_dtype_and_size():
    assert _case((2, 3)).identity == _case((4, 5), "int32").identity
    assert _case((2, 3)).identity != _case((2, 3, 1)).identity
    assert _case((2, 3)).identity != _case((U(2), 3)).identity
    assert _case((2, 3)).identity != _case((2, 3), attributes="axis=0").identity


def test_unknown_dimensions_take_their_sizes_together():
    spec = Spec((U(1, 3, 0), U(4, 6), 5))
    assert spec.feeds == 3 and spec.flag() == "-1,-1,5" and spec.pattern == "uuk"
    assert [spec.shape_of(i) for i in range(3)] == [(1, 4, 5), (3, 6, 5), (0, 6, 5)]


def test_masks_and_space():
    assert [Spec(s).pattern for s in masks((2, 5), "kk", "uk", "*")] == ["kk", "uk", "any"]
    points = list(space(a=[1, 2], b={"x": 10, "y": 20}, where=lambda p: p.a + p.b != 12))
    assert [p.text() for p in points] == ["a=1,b=x", "a=1,b=y", "a=2,b=y"]
    assert points[0].text("b") == "b=x" and points[0].b == 10


def test_refusals_match_and_malformed_ones_do_not_pass():
    entry, = refusals.parse("# why\nSum | axis=* | k* float32 | no kernel\n")
    assert entry.matches(_case((2, 3)))
    assert not entry.matches(_case((U(2), 3))) and not entry.matches(_case((2, 3), "int32"))
    with pytest.raises(ValueError):
        refusals.parse("Sum | axis=1 | no kernel")


def test_the_tally_counts_identities():
    cases = [_case((2, 3)), _case((4, 5), "int32"), _case((2,))]
    for case in cases:
        case.family = "reduce"
    assert {f: len(i) for f, i in suite.tally(cases).items()} == {"reduce": 2}


def test_a_crash_of_a_runtime_is_reported_and_survived():
    script = "import os,sys\nfor l in sys.stdin:\n  os.abort() if 'bad' in l else print('OK', flush=True)"
    worker = runtimes._Worker([sys.executable, "-c", script])
    assert worker.ask("good") == "OK"
    with pytest.raises(runtimes.RuntimeFailure, match="signal 6"):
        worker.ask("bad")
    assert worker.ask("good") == "OK"
    worker.close()
