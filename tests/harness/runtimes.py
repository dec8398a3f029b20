"""The two LiteRT runtimes, each in a child process that outlives a case and is restarted after a crash."""
import json
import os
import pathlib
import select
import subprocess
import sys
import tempfile

import numpy as np

from harness import binary


class RuntimeFailure(Exception):
    """The runtime refused or crashed; the text says which."""


class _Worker:
    """A child that answers one line for each line."""

    def __init__(self, command, timeout=120):
        self._command, self._timeout = command, timeout
        self._child = self._log = None

    def _start(self):
        self._log = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, bufsize=0)
        self._rest = b""

    def ask(self, line):
        if self._child is None or self._child.poll() is not None:
            self._start()
        try:
            self._child.stdin.write(line.encode() + b"\n")
            return self._line()
        except BrokenPipeError:
            raise self._crashed() from None

    def _line(self):
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._child.stdout], [], [], self._timeout)
            if not ready:
                self.close()
                raise RuntimeFailure(f"no answer in {self._timeout} s")
            chunk = os.read(self._child.stdout.fileno(), 1 << 16)
            if not chunk:
                raise self._crashed()
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace")

    def _crashed(self):
        status = self._child.wait()
        self._log.seek(0)
        tail = self._log.read()[-1500:].decode(errors="replace")
        self._child = None
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return RuntimeFailure(f"the runtime crashed ({how}): {tail}")

    def close(self):
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def _load(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


class Interpreter:
    name = "Interpreter"

    def __init__(self):
        worker = pathlib.Path(__file__).with_name("interpreter_worker.py")
        self._worker = _Worker([sys.executable, str(worker)])

    def run(self, model, inputs, outputs, signature="serving_default"):
        """Paths of the model, the feed (.npz) and the result (.npz); returns the result's arrays."""
        return self.run_in_turn(model, [inputs], [outputs], signature)[0]

    def run_in_turn(self, model, inputs, outputs, signature="serving_default"):
        """The same of several feeds, in one Interpreter that is resized from one to the next."""
        answer = json.loads(self._worker.ask(json.dumps(
            {"model": str(model), "inputs": list(map(str, inputs)), "outputs": list(map(str, outputs)),
             "signature": signature})))
        if "error" in answer:
            raise RuntimeFailure(answer["error"])
        return [_load(path) for path in outputs]

    def close(self):
        self._worker.close()


class CompiledModel:
    name = "compiled model"

    def __init__(self):
        self._worker = _Worker([binary.run_tflite()])

    def run(self, model, inputs, outputs, signature="serving_default"):
        answer = self._worker.ask(f"{model}\t{inputs}\t{outputs}\t{signature}")
        if not answer.lower().startswith("ok"):
            raise RuntimeFailure(answer)
        return _load(outputs)

    def close(self):
        self._worker.close()
