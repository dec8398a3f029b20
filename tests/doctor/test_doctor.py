"""pumice doctor: each fault by name, nothing in healthy environments, warnings for broken trees, and its speed."""
import json
import os
import pathlib
import resource
import shlex
import shutil
import subprocess
import tempfile

import pytest

from doctor import trees
from harness import binary

NIGHTLY = "2.13.0.dev2023050207"


def examine(env=None, status=None):
    outcome = binary.run("doctor", "--json", *(["--python-env", env] if env else []))
    assert outcome.status in ((0, 5) if status is None else (status,)), outcome.text()
    return json.loads(outcome.stdout)["environment"]


def problems(report):
    return [f["kind"] for f in report["findings"] if f["severity"] == "problem"]


def tf213(site):
    trees.install(site, "tensorflow", "2.13.1", trees.tensorflow("2.13.1"), ["keras (<2.14,>=2.13.1)"])


def overlay(site):
    tf213(site)
    trees.install(site, "keras", "2.12.0", trees.keras("2.12.0"))
    trees.install(site, "keras-nightly", NIGHTLY, trees.keras(NIGHTLY))


def test_the_error_of_the_title(tmp_path):
    overlay(trees.make(tmp_path / "env"))
    report = examine(tmp_path / "env", 5)
    assert report["verdict"] == "raises" and report["assertion"]["present"]
    assert problems(report) == ["shared_files", "two_layouts", "keras_version"]
    assert [shlex.split(c)[-4:] for c in report["commands"]] == [
        ["uninstall", "-y", "keras", "keras-nightly"], ["-m", "pip", "install", "keras<2.14,>=2.13.1"]]
    text = binary.run("doctor", "--python-env", tmp_path / "env").stdout
    assert "raises \"Duplicate registrations for type 'experimentalOptimizer'\"" in text
    assert "keras-nightly's keras/__init__.py" in text


@pytest.mark.parametrize("tf, keras, fits", [
    ("2.13.1", "2.12.0", False), ("2.13.1", "2.13.1", True), ("2.15.1", "3.0.5", False), ("2.21.0", "2.15.0", False),
    ("2.21.0", "3.0.0", False), ("2.16.1", "3.0.0", True)])
def test_pairs(tf, keras, fits, tmp_path):
    site = trees.make(tmp_path)
    wants = {"2.21.0": ["keras>=3.12.0"]}.get(tf, [])
    trees.install(site, "tensorflow-cpu", tf, trees.tensorflow(tf), wants)
    trees.install(site, "keras", keras, trees.keras(keras))
    assert problems(examine(tmp_path, 0 if fits else 5)) == ([] if fits else ["keras_version"])


def test_tf_keras_of_another_minor_version(tmp_path):
    site = trees.make(tmp_path)
    trees.install(site, "tensorflow", "2.21.0", trees.tensorflow("2.21.0"), ["keras>=3.12.0"])
    trees.install(site, "keras", "3.15.1", trees.keras("3.15.1"))
    trees.install(site, "tf_keras", "2.16.0", trees.tf_keras("2.16.0"))
    report = examine(tmp_path, 5)
    assert problems(report) == ["tf_keras_version"]
    assert report["commands"][0].endswith("install 'tf_keras==2.21.*'")


def test_a_second_copy_on_pythonpath(tmp_path, monkeypatch):
    site = trees.make(tmp_path / "env")
    tf213(site)
    trees.install(site, "keras", "2.13.1", trees.keras("2.13.1"))
    (tmp_path / "earlier").mkdir()
    trees.install(tmp_path / "earlier", "keras", "2.13.1", trees.keras("2.13.1"))
    monkeypatch.setenv("PYTHONPATH", f"/elsewhere:{tmp_path / 'earlier'}")
    report = examine(tmp_path / "env", 5)
    assert report["verdict"] == "raises" and problems(report) == ["second_copy"]
    assert report["commands"] == ["export PYTHONPATH=/elsewhere"]


def test_a_changed_file(tmp_path):
    site = trees.make(tmp_path)
    tf213(site)
    trees.install(site, "keras", "2.13.1", trees.keras("2.13.1"))
    path = site / "keras/__init__.py"
    path.write_text(path.read_text().replace("2.13.1", "2.13.9"))  # of the same size
    report = examine(tmp_path, 5)
    assert problems(report) == ["changed_files"] and report["findings"][0]["files"] == ["keras/__init__.py"]


@pytest.mark.parametrize("how", ["VIRTUAL_ENV", "CONDA_PREFIX", "pyvenv.cfg", "PYENV_VERSION", ".python-version", "version"])
def test_the_active_environment(how, tmp_path, monkeypatch):
    home = tmp_path / "pyenv"
    env = home / "versions/3.11.7"
    trees.make(env)
    monkeypatch.setenv("PATH", str(home / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(home))
    for folder in (home / "shims", env / "bin"):  # whoever starts one of these is found out
        folder.mkdir()
        for name in ("python", "python3", "pip", "pyenv"):
            (folder / name).write_text(f"#!/bin/sh\n: >{tmp_path}/started\n")
            (folder / name).chmod(0o755)
    (tmp_path / "work/below").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work/below")
    if how in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.setenv(how, str(env))
    elif how == "pyvenv.cfg":
        monkeypatch.setenv("PATH", str(env / "bin"))
    elif how == "PYENV_VERSION":
        monkeypatch.setenv(how, "3.11")
    else:
        (tmp_path / "work/.python-version" if how == ".python-version" else home / "version").write_text("3.11.7\n")
    report = examine(status=0)
    assert report["prefix"] == str(env) and report["found_by"].endswith(how)
    assert not (tmp_path / "started").exists()


def test_broken_trees_are_warnings(tmp_path):
    site = trees.make(tmp_path)
    overlay(site)
    info = site / f"keras_nightly-{NIGHTLY}.dist-info"
    (info / "METADATA").unlink()
    with open(info / "RECORD", "a") as record:
        record.write('"keras/never closed,sha256=x,1\nkeras/a.py,sha256=x,many\n"keras/quo""ted,a.py",,\n')
    (site / "loop.dist-info").symlink_to("loop.dist-info")
    (site / "binary-1.0.dist-info").mkdir()
    (site / "binary-1.0.dist-info/RECORD").write_bytes(os.urandom(10000))
    (site / "keras/cycle").symlink_to("..")
    report = examine(tmp_path, 5)
    assert report["verdict"] == "raises" and len(report["warnings"]) >= 2


def test_what_may_not_be_read_is_a_warning():
    # Root may read everything: as root, doctor runs as nobody, from a folder that nobody reaches.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        shutil.copy(binary.pumice(), f"{folder}/pumice")
        site = trees.make(f"{folder}/env")
        overlay(site)
        info = site / f"keras_nightly-{NIGHTLY}.dist-info"
        (info / "METADATA").chmod(0)
        closed = site / "closed-1.0.dist-info"
        closed.mkdir(mode=0)
        meta = pathlib.Path(folder) / "env/conda-meta"
        meta.mkdir(mode=0)

        def run():
            done = subprocess.run([f"{folder}/pumice", "doctor", "--json", "--python-env", f"{folder}/env"], cwd="/",
                                  capture_output=True, text=True, user=65534 if os.geteuid() == 0 else None)
            return done.returncode, done.stdout, done.stderr

        status, out, _ = run()
        report = json.loads(out)["environment"]
        assert status == 5 and report["verdict"] == "raises"
        assert sorted(next(p for p in (info, closed, meta) if str(p) in w).name for w in report["warnings"]) == [
            closed.name, "conda-meta", info.name]
        site.chmod(0)  # nothing is left to be told from
        status, out, err = run()
        assert (status, out) == (3, "") and "none of its package folders can be read" in err, err
        (pathlib.Path(folder) / "env/lib").chmod(0)
        status, out, err = run()
        assert (status, out) == (3, "") and err.startswith("pumice: "), err
        for path in (site, pathlib.Path(folder) / "env/lib"):
            path.chmod(0o755)


def test_a_record_of_100_mb(tmp_path):
    site = trees.make(tmp_path)
    overlay(site)
    with open(site / "keras-2.12.0.dist-info/RECORD", "r+b") as record:
        record.truncate(100 << 20)
    report = examine(tmp_path, 5)
    assert "RECORD" in report["warnings"][0] and "two_layouts" in problems(report)


def test_variables_that_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "gone"))
    trees.make(tmp_path / "conda")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    report = examine(status=0)
    assert report["found_by"] == "CONDA_PREFIX" and "VIRTUAL_ENV" in report["warnings"][0]


def test_no_environment(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        outcome = binary.run("doctor", "--python-env", path)
        assert outcome.status == 3 and outcome.stderr.startswith("pumice: "), outcome.text()


def test_300_packages_take_under_100_ms(tmp_path):
    site = trees.make(tmp_path)
    trees.three_hundred(site)
    assert examine(tmp_path, 0)["packages"] == 300
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(5):
        examine(tmp_path, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: the machine may be busy with other tests. bench/doctor_speed.py measures the release binary.
    assert (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / 5 < 0.1
