"""Whole detectors: converted with builtins only, right in both runtimes, no larger and no longer than TFLiteConverter's."""
import numpy as np
import pytest

from harness import binary, compare, real_models, tflite_file, tolerances
from models import cache, catalog
from models import weights as feeds

OUT = binary.ROOT / "build/e2e"


def _convert(name, source, *flags):
    OUT.mkdir(parents=True, exist_ok=True)
    target = OUT / f"{name}.tflite"
    target.unlink(missing_ok=True)
    outcome, report = binary.convert(source, target, *flags)
    if outcome.status:
        pytest.fail(outcome.text(), pytrace=False)
    return target, report


def _agrees(target, inputs, expected, runtimes, tolerance_of, signature="serving_default"):
    """`inputs` is the feed's file; expected: name -> array; tolerance_of(name) -> Tolerance."""
    problems = []
    for runtime in runtimes:
        found = runtime.run(target, inputs, OUT / f"{target.stem}.{runtime.name.split()[0]}.npz", signature)
        for name, want in expected.items():
            problems += [f"{runtime.name}: {line}" for line in compare.differences(
                {name: want}, found, lambda dtype: tolerance_of(name))]
        if set(found) != set(expected):
            problems.append(f"{runtime.name}: outputs {sorted(found)}, expected {sorted(expected)}")
    assert not problems, "\n".join(problems)


def _builtins_only(target):
    custom = [name for name in tflite_file.operators(target) if name.startswith("custom:")]
    assert not custom


def _made_tolerance(model):
    decoded = catalog.ALL[model.about["name"]].decoded
    raw = not decoded

    def of(name):
        return tolerances.RAW_HEADS if raw and "box" in name else tolerances.DEFAULT

    return of


@pytest.mark.parametrize("name", [*catalog.DETECTORS, *catalog.SPECIAL])
def test_made_model(name, pumice, runtimes):
    model = cache.get(name)
    target, _ = _convert(name, model.source, *model.flags())
    _builtins_only(target)
    assert tflite_file.signatures(target) == {
        "serving_default": (model.about["inputs"], model.about["outputs"])} or _same_names(target, model)
    for feed in model.about["feeds"]:
        with np.load(model.folder / feed["expected"]) as file:
            expected = {key: file[key] for key in file.files}
        _agrees(target, model.folder / feed["inputs"], expected, runtimes, _made_tolerance(model))
    if model.official:
        _no_worse(target, model.official)


def _no_worse(target, official):
    ours, theirs = tflite_file.operators(target), tflite_file.operators(official)
    assert ours.total() <= theirs.total(), f"more operators: {dict(ours - theirs)}, without {dict(theirs - ours)}"
    size, official_size = target.stat().st_size, official.stat().st_size
    assert size <= official_size, f"{size - official_size} bytes larger than TFLiteConverter's {official_size}"


def _same_names(target, model):
    (inputs, outputs), = tflite_file.signatures(target).values()
    return sorted(inputs) == sorted(model.about["inputs"]) and sorted(outputs) == sorted(model.about["outputs"])


@pytest.mark.parametrize("name", list(real_models.REAL))
def test_real_model(name, pumice, runtimes):
    model = real_models.REAL[name]
    target, _ = _convert(name, model.path, *model.flags())
    _builtins_only(target)
    feed = {model.input: feeds.image(1, model.size)}
    inputs = OUT / f"{name}.in.npz"
    np.savez(inputs, **feed)
    _agrees(target, inputs, model.expected(feed), runtimes, lambda _: tolerances.RAW_HEADS)


@pytest.mark.parametrize("name", ["fpn320-k3_export-b1", "ssd300-tfk_save-bN"])
def test_every_signature(name, pumice, runtimes):
    """Without --signature all signatures convert; Keras 3 exports the same function under two keys."""
    model = cache.get(name)
    target, _ = _convert(name + "-all", model.source)
    keys = {"serve", "serving_default"} if "k3_export" in name else {"serving_default"}
    assert set(tflite_file.signatures(target)) == keys
    feed = model.about["feeds"][0]
    with np.load(model.folder / feed["expected"]) as file:
        expected = {key: file[key] for key in file.files}
    for key in sorted(keys):
        _agrees(target, model.folder / feed["inputs"], expected, runtimes, _made_tolerance(model), key)
    # The shared weights are stored once.
    single, _ = _convert(name + "-one", model.source, "--signature", "serving_default")
    assert target.stat().st_size < 1.1 * single.stat().st_size


@pytest.mark.parametrize("name", ["ssd300-k3_export-b1", "fpn320-module-bN", "pedestrian", "handtrack-fpn-base"])
def test_verify(name, pumice):
    """pumice's own verify agrees on a full-size model, in under 5 s of a quiet machine."""
    model = real_models.REAL.get(name)
    source = model.path if model else (model := cache.get(name)).source
    target, _ = _convert(name + "-verify", source, *model.flags())
    outcome = binary.run("verify", source, target, *model.flags(), "--seed", "1", "--tolerance", "1e-3")
    assert outcome.status == 0, outcome.text()
