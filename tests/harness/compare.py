"""Compares named arrays with the referee's: shape, dtype, NaN and infinities by position, then values."""
import numpy as np


def difference(expected, found, tolerance):
    """None where `found` agrees with `expected`, else one line that says how it does not."""
    expected, found = np.asarray(expected), np.asarray(found)
    if expected.dtype.kind in "OSU":
        expected, found = expected.astype(object), found.astype(object)
    elif expected.dtype != found.dtype:
        return f"dtype {found.dtype}, expected {expected.dtype}"
    if expected.shape != found.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    if expected.size == 0:
        return None
    if expected.dtype.kind not in "fc":
        wrong = np.flatnonzero((expected != found).ravel())
        if wrong.size == 0:
            return None
        where = np.unravel_index(wrong[0], expected.shape)
        return (f"{wrong.size} of {expected.size} elements differ, first at {tuple(map(int, where))}: "
                f"{found[where]}, expected {expected[where]}")
    nan, found_nan = np.isnan(expected), np.isnan(found)
    if not np.array_equal(nan, found_nan):
        return f"{int(found_nan.sum())} NaN, expected {int(nan.sum())} (or at other places)"
    infinite = np.isinf(expected)
    if not np.array_equal(infinite, np.isinf(found)) or not np.array_equal(
            expected[infinite], found[infinite]):
        return f"{int(np.isinf(found).sum())} infinities, expected {int(infinite.sum())} (or others)"
    finite = ~(nan | infinite)
    if not finite.any():
        return None
    wide = np.complex128 if expected.dtype.kind == "c" else np.float64
    want, got = expected[finite].astype(wide), found[finite].astype(wide)
    largest = float(np.abs(want).max())
    worst = float(np.abs(want - got).max())
    allowed = max(tolerance.relative * largest, tolerance.absolute)
    if worst <= allowed:
        return None
    at = int(np.argmax(np.abs(want - got)))
    return (f"largest difference {worst:.3g} ({got[at]:.6g}, expected {want[at]:.6g}), "
            f"allowed {allowed:.3g} = {tolerance.relative:g} of {largest:.3g}")


def differences(expected, found, tolerance_of):
    """The lines of every output that is missing or differs. tolerance_of(dtype name) -> Tolerance."""
    lines = []
    for name, want in expected.items():
        if name not in found:
            lines.append(f"{name}: missing (there are: {', '.join(sorted(found)) or 'none'})")
            continue
        line = difference(want, found[name], tolerance_of(np.asarray(want).dtype.name))
        if line:
            lines.append(f"{name}: {line}")
    return lines
