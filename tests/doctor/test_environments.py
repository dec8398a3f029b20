"""pumice doctor on environments that pip really made, and on what was recorded of them.

scripts/make-doctor-envs builds the real ones. Those with TensorFlow 2.13 and 2.15 need Python 3.11: where there is
none, their tests are skipped, each with its reason, and the recorded trees are all that is examined.
"""
import functools
import json
import os
import shutil
import subprocess

import pytest

from doctor import recorded, trees
from harness import binary

# The same program in every environment: all optimizers that Keras has, however its modules are laid out.
USES_KERAS = """
import importlib, pkgutil, tensorflow, keras.optimizers
for module in pkgutil.iter_modules(keras.optimizers.__path__):
    importlib.import_module("keras.optimizers." + module.name)
keras.optimizers.Adam()
"""
ERROR = "AssertionError: Duplicate registrations for type 'experimentalOptimizer'"
HEALTHY = {"tf-2.15": "", "tf-2.21": "", "tf-2.21-with-tf_keras": "import tf_keras; tf_keras.optimizers.Adam()"}


@functools.cache
def build():
    subprocess.run([binary.ROOT / "scripts/make-doctor-envs"], check=True, env=os.environ | {"PUMICE_CACHE": binary.CACHE})


def real(name):
    if name == "tf-2.21-with-tf_keras":
        return binary.CACHE / "venv"
    build()
    env = binary.CACHE / "doctor" / name
    if not (env / "pumice-stamp").exists():
        pytest.skip(f"{name} needs Python 3.11, which is not here; a recorded tree stands in")
    return env


def environment(kind, name, tmp_path):
    if kind == "real":
        return real(name)
    recorded.make(name, trees.make(tmp_path / "env"), trees.install)
    return tmp_path / "env"


def examine(env):
    outcome = binary.run("doctor", "--json", "--python-env", env)
    assert outcome.status in (0, 5), outcome.text()
    return outcome.status, json.loads(outcome.stdout)["environment"]


def variables(**more):
    """What a shell in no environment has."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONHOME"} | more


def python(env, program):
    return subprocess.run([env / "bin/python", "-c", program], capture_output=True, text=True, cwd="/",
                          env=variables(PYTHONNOUSERSITE="1"))


@pytest.mark.parametrize("kind", ["recorded", "real"])
def test_the_error_of_the_title_is_named(kind, tmp_path):
    status, report = examine(environment(kind, "tf-2.13-overlaid", tmp_path))
    assert (status, report["verdict"]) == (5, "raises") and report["assertion"]["present"]
    assert [f["kind"] for f in report["findings"]] == ["shared_files", "two_layouts", "keras_version"]
    assert "keras/__init__.py" in report["findings"][0]["files"]
    assert report["findings"][1]["files"] == ["keras/optimizers/optimizer.py", "keras/src/optimizers/optimizer.py"]
    assert not report["warnings"]


def test_a_real_environment_is_cured(tmp_path):
    """Python raises the error; doctor's commands, run as printed in a copy, cure it."""
    env = binary.CACHE / "doctor" / f"copy-{os.getpid()}"  # beside the original: hard links
    original = real("tf-2.13-overlaid")
    try:
        subprocess.run(["cp", "-al", original, env], check=True)
        assert ERROR in python(env, USES_KERAS).stderr
        _, report = examine(env)
        for command in report["commands"]:
            # pip takes what it asks for from the wheels that were fetched with the environment.
            done = subprocess.run(command, shell=True, capture_output=True, text=True, env=variables(
                PIP_NO_INDEX="1", PIP_FIND_LINKS=str(binary.CACHE / "doctor/wheels")))
            assert done.returncode == 0, done.stderr
        cured = python(env, USES_KERAS)
        assert cured.returncode == 0 and ERROR not in cured.stderr, cured.stderr
        status, report = examine(env)
        assert (status, report["verdict"], report["findings"]) == (0, "healthy", [])
    finally:
        shutil.rmtree(env, ignore_errors=True)
    assert examine(original)[1]["verdict"] == "raises"


@pytest.mark.parametrize("kind", ["recorded", "real"])
@pytest.mark.parametrize("name", HEALTHY)
def test_healthy(name, kind, tmp_path):
    env = environment(kind, name, tmp_path)
    status, report = examine(env)
    assert (status, report["verdict"], report["findings"], report["warnings"]) == (0, "healthy", [], [])
    assert report["commands"] == []
    if kind == "real":
        used = python(env, USES_KERAS + HEALTHY[name])
        assert used.returncode == 0, used.stderr
