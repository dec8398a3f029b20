"""Runs one case: TensorFlow, pumice's converter, both LiteRT runtimes and pumice's evaluator, compared."""
import os
import pathlib
import re
import shutil
import tempfile

import numpy as np

from harness import binary, compare, reference, refusals, tolerances
from harness.case import Unranked
from harness.runtimes import RuntimeFailure

# TensorFlow's side alone, to write cases before pumice can convert them.
REFERENCE_ONLY = bool(os.environ.get("PUMICE_REFERENCE_ONLY"))
FAILED = binary.ROOT / "build/failed-cases"


class CaseFailure(AssertionError):
    pass


class Refused(Exception):
    """Pumice refused the case, and the checked-in list says that it does."""


def run(case, runtimes):
    """runtimes: (Interpreter, CompiledModel). Raises CaseFailure, with the files kept, or Refused."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="pumice-case-"))
    try:
        _run(case, folder, *runtimes)
    except CaseFailure as failure:
        kept = FAILED / re.sub(r"[^A-Za-z0-9_.=,-]+", "_", case.id)[:150]
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(folder, kept)
        raise CaseFailure(f"{str(failure).replace(str(folder), str(kept))}\nkept in {kept}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(case, folder, interpreter, compiled):
    built = reference.build(case, rewrite=case.rewrite)
    if case.op not in built.ops():
        raise CaseFailure(f"the case names {case.op}, but its graph holds {sorted(built.ops())}")
    feeds = [case.feed(i) for i in range(case.feeds)]
    referee = built
    if case.twin or case.rewrite:
        referee = reference.build(case, case.twin)
    with reference.runner(referee.graph_def, built.outputs) as tensorflow:
        expected = [tensorflow(feed) for feed in feeds]
    if REFERENCE_ONLY:
        return

    source, target = folder / "x.pb", folder / "x.tflite"
    source.write_bytes(built.graph_def.SerializeToString())
    names = [f"in{i}" for i in range(len(case.inputs))]
    flags = binary.cut(names, built.outputs, [spec.flag() for spec in case.inputs])
    outcome, report = binary.convert(source, target, *flags)
    listed = refusals.find(case)
    if outcome.status == 4:
        _check_refusal(case, outcome, listed)
    if outcome.status != 0:
        raise CaseFailure(outcome.text())
    if listed:
        raise CaseFailure(f"{refusals.LIST.name}:{listed.line} says that this is refused, but it converts: "
                          "take the entry out")
    data_dependent = binary.interpreter_only(report)
    if data_dependent and not case.data_dependent:
        raise CaseFailure("reported as interpreter-only, but no output's shape depends on the data")

    def tolerance(dtype):
        exact = np.dtype(dtype).kind not in "fc"
        return tolerances.EXACT if exact else case.tolerance or tolerances.for_case(case.op, dtype)

    # The compiled-model API takes no input of unknown rank; the Interpreter does.
    unranked = any(isinstance(spec.shape, Unranked) for spec in case.inputs)
    problems = []
    for index, (feed, want) in enumerate(zip(feeds, expected)):
        inputs = folder / f"in{index}.npz"
        np.savez(inputs, **feed)
        # Empty tensors and shapes that depend on the data run in the Interpreter alone (a limit of the
        # compiled-model API, not of the model).
        empty = any(a.size == 0 for a in [*feed.values(), *want.values()])
        alone = empty or unranked or case.data_dependent
        for runtime in [interpreter] if alone else [interpreter, compiled]:
            try:
                found = runtime.run(target, inputs, folder / f"out{index}.npz")
                lines = compare.differences(want, found, tolerance)
            except RuntimeFailure as failure:
                lines = [str(failure)]
            problems += [f"{runtime.name}, feed {index} {_shapes(feed)}: {line}" for line in lines]
        if unranked or not case.evaluated:
            continue  # verify runs the compiled model, too
        problems += [f"evaluator, feed {index} {_shapes(feed)}: {line}"
                     for line in _evaluate(source, target, inputs, folder, flags, want, tolerance)]
    if problems:
        raise CaseFailure("\n".join(problems + [outcome.text()]))


def _check_refusal(case, outcome, listed):
    if not re.search(rf"\b{re.escape(case.op)}\b", outcome.stderr):
        raise CaseFailure(f"refused, but the message does not name {case.op}:\n{outcome.text()}")
    if not listed:
        raise CaseFailure(f"refused, and {refusals.LIST.name} does not list it:\n{outcome.text()}")
    raise Refused(listed.reason)


def _evaluate(source, target, inputs, folder, flags, want, tolerance):
    """Pumice's own evaluator on the same graph and feed, by way of `verify`."""
    saved = folder / "verify.npz"
    saved.unlink(missing_ok=True)
    outcome = binary.run("verify", source, target, *flags, "--inputs", inputs, "--save", saved)
    # verify runs the model, too, in the compiled-model API: where that refuses, above, the reference is there.
    if not saved.exists():
        return [outcome.text()]
    with np.load(saved) as file:
        found = {key.split("/", 1)[1]: file[key] for key in file.files if key.startswith("reference/")}
    return compare.differences(want, found, tolerance)


def _shapes(feed):
    return "x".join(str(list(a.shape)) for a in feed.values())
