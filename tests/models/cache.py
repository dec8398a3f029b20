"""Gets made models out of .cache/test-models, making what is not there, in one process a framework.

A cached model is named by what it was made by: the makers' source and the versions of what they import.
    python -m models.cache [NAME…]     makes them ahead of the tests (all detectors without names)
"""
import fcntl
import functools
import hashlib
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from models import catalog

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("PUMICE_CACHE") or ROOT / ".cache")
FOLDER = CACHE / "test-models"


@functools.lru_cache(maxsize=None)
def key():
    digest = hashlib.sha256()
    here = pathlib.Path(__file__).parent
    for name in ("architectures.py", "backends.py", "bench_graphs.py", "make.py", "weights.py"):
        digest.update((here / name).read_bytes())
    for package in (_tensorflow(), "keras", "tf_keras", "numpy"):
        digest.update(f"{package} {importlib.metadata.version(package)}\n".encode())
    return digest.hexdigest()[:12]


def _tensorflow():
    try:
        importlib.metadata.version("tensorflow_cpu")
        return "tensorflow_cpu"
    except importlib.metadata.PackageNotFoundError:
        return "tensorflow"


class Model:
    """A made model: its folder and model.json."""

    def __init__(self, folder):
        self.folder = folder
        self.about = json.loads((folder / "model.json").read_text())
        self.source = folder / self.about["source"]

    @property
    def official(self):
        """What TensorFlow's own converter makes of it, or None where it fails."""
        path = self.folder / "official.tflite"
        # Of a Keras 3 model that is saved raw it makes a file without weights, whose every output is NaN.
        wrong = catalog.ALL[self.about["name"]].flavour == "k3_saved"
        return path if path.exists() and not wrong else None

    def flags(self):
        """pumice's flags that select what TFLiteConverter converts."""
        if self.about["input_arrays"]:
            return ["--input-arrays", ",".join(self.about["input_arrays"]),
                    "--output-arrays", ",".join(self.about["output_arrays"]),
                    "--input-shapes", ":".join(self.about["input_shapes"])]
        return ["--signature", self.about["signature"]]


def get(name):
    return get_all([name])[0]


def get_all(names):
    """The models, in order; makes what is missing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes, one maker
        missing = [name for name in names if not _path(name).exists()]
        for framework in sorted({catalog.ALL[name].framework for name in missing}):
            _make([name for name in missing if catalog.ALL[name].framework == framework])
    return [Model(_path(name)) for name in names]


def _path(name):
    return FOLDER / f"{name}-{key()}"


def _make(names):
    for name in names:
        for old in FOLDER.glob(f"{name}-" + "?" * 12):
            shutil.rmtree(old)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="making-") as folder:
        log = pathlib.Path(folder) / "log"
        with open(log, "w") as output:
            done = subprocess.run(
                [sys.executable, "-m", "models.make", folder, *names], cwd=ROOT / "tests",
                stdout=output, stderr=subprocess.STDOUT)
        for name in names:  # what is whole is kept, also when a later one failed
            if (pathlib.Path(folder) / name / "model.json").exists():
                os.rename(pathlib.Path(folder) / name, _path(name))
        if done.returncode:
            raise RuntimeError(f"models.make {' '.join(names)} failed:\n{log.read_text()[-6000:]}")


if __name__ == "__main__":
    for model in get_all(sys.argv[1:] or [*catalog.DETECTORS, *catalog.SPECIAL]):
        print(model.source)
