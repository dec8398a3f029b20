"""The page docs/official_converter.md: what TensorFlow's own converter makes of the catalogue, and what pumice does."""
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from e2e import test_whole_detectors as whole
from harness import binary, compare, tflite_file, tolerances
from harness.runtimes import RuntimeFailure
from official import catalogue

PAGE = binary.ROOT / "docs/official_converter.md"
RESULTS = pathlib.Path(__file__).with_name("results.json")  # of TFLiteConverter: it takes minutes


def differences(made, wanted, found):
    if made.detector:
        wanted, found = (whole.detections(made.detector, x) for x in (wanted, found))
        return whole.missing(wanted, found) + whole.missing(found, wanted)
    return compare.differences(wanted, {name: found[name] for name in wanted if name in found},
                               lambda dtype: tolerances.RAW_HEADS if np.dtype(dtype).kind == "f" else tolerances.EXACT)


def judge(made, target, runtimes, signature, folder):
    """Nothing, or what is wrong with a converted model: the first difference."""
    for inputs, wanted in made.feeds:
        np.savez(folder / "in.npz", **inputs)
        for runtime in runtimes:
            # The compiled-model API takes no output whose shape depends on the data.
            if len(runtimes) > 1 and runtime.name != "Interpreter" and _data_dependent(target):
                continue
            try:
                found = runtime.run(target, folder / "in.npz", folder / "out.npz", signature)
            except RuntimeFailure as failure:
                return f"{runtime.name}: {failure}"
            if all(np.isnan(x).all() for x in found.values() if x.dtype.kind == "f" and x.size):
                if any(x.dtype.kind == "f" for x in found.values()):
                    return "every output is NaN"
            problems = differences(made, wanted, found)
            if problems:
                return str(problems[0])
    return ""


def _data_dependent(target):
    report = pathlib.Path(str(target) + ".json")
    return report.exists() and binary.interpreter_only(json.loads(report.read_text()))


def official(model, made, folder, runtimes):
    """What TFLiteConverter does, in a process of its own."""
    out = folder / f"{model.name}.official.tflite"
    request, answer = folder / "request.json", folder / "answer.json"
    answer.unlink(missing_ok=True)
    request.write_text(json.dumps({**made.route, "source": str(made.source), "out": str(out)}))
    done = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("convert.py"), request, answer],
                          capture_output=True, text=True, timeout=900)
    if not answer.exists():
        return {"crash": f"ends with status {done.returncode}"}
    said = json.loads(answer.read_text())
    if "error" in said:
        return {"error": _without_paths(said["error"], made, folder)}
    result = {"operators": tflite_file.operators(out).total()}
    if wrong := judge(made, out, runtimes[:1], None if made.detector else _only_signature(out), folder):
        result["wrong"] = wrong
    return result


def _only_signature(path):
    return next(iter(tflite_file.signatures(path)), None)


def _without_paths(text, made, folder):
    for path in (str(made.source), str(made.source.parent), str(folder)):
        text = text.replace(path, pathlib.Path(path).name)
    return text


def pumice(model, made, folder, runtimes):
    """"converts", or what is wrong."""
    target = folder / f"{model.name}.tflite"
    outcome, _ = binary.convert(made.source, target, *made.flags)
    if outcome.status:
        return "refused: " + outcome.stderr.strip().splitlines()[0], None
    operators = tflite_file.operators(target)
    if custom := [op for op in operators if op.startswith("custom:")]:
        return f"custom operators: {custom}", None
    wrong = judge(made, target, runtimes, made.signature, folder)
    return (f"wrong: {wrong}" if wrong else "converts"), operators.total()


def _official_text(result):
    if "error" in result:
        line = result["error"]
        if len(line) > 320:  # a long place in the middle
            line = line[:100] + " … " + line[-200:]
        return "`" + line.replace("|", "\\|").replace("`", "'") + "`"
    if "crash" in result:
        return result["crash"]
    if "wrong" in result:
        return f"converts, and is wrong: {result['wrong']}"
    return f"converts, to {result['operators']} operators"


def render(results, ours):
    """results: name -> official(); ours: name -> (text, operators) of pumice()."""
    lines = [
        "# What TensorFlow's own converter refuses",
        "",
        "Made by `scripts/make-official-page`: TFLiteConverter in a process of its own for each model, with the first line of "
        f"its error, on TensorFlow {results['tensorflow']}; pumice on the same files. *as TensorFlow*: builtin operators only, and "
        "the outputs of both LiteRT runtimes are TensorFlow's on the same feeds (of whole detectors: the same detections).",
        "",
        "| model | TFLiteConverter | pumice |",
        "|---|---|---|",
    ]
    for model in catalogue.MODELS:
        text, operators = ours[model.name]
        if text == "converts":
            text = "as TensorFlow"
            theirs = results["models"][model.name].get("operators")
            if operators is not None and theirs and operators < theirs and "wrong" not in results["models"][model.name]:
                text += ", with fewer operators"
        lines.append(f"| {model.what} | {_official_text(results['models'][model.name])} | {text} |")
    return "\n".join(lines) + "\n"


def run_pumice(runtimes, folder, models=catalogue.MODELS):
    return {model.name: pumice(model, model.make(folder), folder, runtimes) for model in models}


def run_official(runtimes, only=None):
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"models": {}}
    found["tensorflow"] = importlib.metadata.version("tensorflow-cpu")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for model in catalogue.MODELS:
            if only and model.name not in only:
                continue
            found["models"][model.name] = official(model, model.make(folder), folder, runtimes)
            print(model.name, found["models"][model.name], flush=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
