"""The pumice under test: the binaries, and one call of each verb that the tests need."""
import dataclasses
import json
import os
import pathlib
import shlex
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("PUMICE_CACHE") or ROOT / ".cache")
os.environ.setdefault("PUMICE_LITERT", str(CACHE / "litert/libLiteRt.so"))


def pumice():
    return os.environ.get("PUMICE_BINARY") or str(ROOT / "build/dev/pumice")


def run_tflite():
    """The helper that runs models in the compiled-model C API; it is built beside pumice."""
    found = os.environ.get("PUMICE_RUN_TFLITE")
    return found or str(pathlib.Path(pumice()).with_name("pumice_run_tflite"))


@dataclasses.dataclass
class Outcome:
    command: list
    status: int  # negative: ended by that signal
    stdout: str
    stderr: str

    def text(self):
        if self.status < 0:
            ended = f"was ended by signal {-self.status}"
        else:
            ended = f"exited with {self.status}"
        return f"$ {shlex.join(self.command)}\n{ended}\n{self.stderr[-4000:]}"


def run(*arguments, timeout=120, binary=None):
    command = [binary or pumice(), *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return Outcome(command, -9, "", f"still running after {late.timeout} s")
    return Outcome(command, done.returncode, done.stdout, done.stderr)


def cut(inputs, outputs, shapes):
    """The flags that cut a graph by array names. shapes: one text per input, as --input-shapes has them."""
    flags = ["--input-arrays", ",".join(inputs)] if inputs else []
    flags += ["--output-arrays", ",".join(outputs)]
    if inputs:
        flags += ["--input-shapes", ":".join(shapes)]
    return flags


def convert(source, target, *flags, timeout=120):
    """Returns the outcome and convert's report ({} where there is none)."""
    report = pathlib.Path(str(target) + ".json")
    outcome = run("convert", source, "-o", target, "--quiet", "--report", report, *flags,
                  timeout=timeout)
    try:
        return outcome, json.loads(report.read_text())
    except (OSError, ValueError):
        return outcome, {}


def interpreter_only(report):
    """Whether convert's report says that an output's shape depends on the data."""
    return any(w.get("code") == "interpreter-only" for w in report.get("warnings", []))
