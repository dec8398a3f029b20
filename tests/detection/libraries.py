"""The libraries that run detectors by their metadata: TensorFlow Lite Task Library and MediaPipe."""
import functools
import json
import os
import pathlib
import subprocess
import sys

import pytest

from harness import binary

WORKER = pathlib.Path(__file__).with_name("library_worker.py")


@functools.lru_cache(maxsize=None)
def _installed(library):
    """Its folder, or why it is not there."""
    done = subprocess.run([binary.ROOT / "scripts/make-detector-libraries"], capture_output=True, text=True)
    folder = binary.CACHE / "detector-libraries" / library
    return (folder, "") if folder.is_dir() else (None, (done.stdout + done.stderr)[-300:])


def ask(library, *arguments):
    """The worker's answer; skips the test where the library has no wheel for this Python."""
    folder, why = _installed(library)
    if folder is None:
        pytest.skip(f"{library} cannot be installed here: {why}")
    environment = dict(os.environ, PYTHONPATH=str(folder), LD_LIBRARY_PATH=str(folder / "libusb_package"))
    done = subprocess.run([sys.executable, "-S", str(WORKER), library, *map(str, arguments)], env=environment,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])
