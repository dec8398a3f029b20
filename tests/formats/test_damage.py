"""Files cut off or damaged at many points: a clear error or a sound reading, never a crash."""
import os
import pathlib
import random
import shutil
import subprocess

import pytest

from harness import binary
from .test_readers import made  # noqa: F401  (a fixture)

TOOL = pathlib.Path(os.environ.get("PUMICE_DUMP") or pathlib.Path(binary.pumice()).with_name("pumice_dump"))


def read(path):
    """(exit status, message). Fails when the reader crashed, or said nothing useful."""
    done = subprocess.run([TOOL, "--functions", path], capture_output=True, timeout=60)
    message = done.stderr.decode(errors="replace")
    assert done.returncode in (0, 2, 3, 4), f"exit {done.returncode}\n{message[-2000:]}"
    if done.returncode:
        assert message.startswith(("truncated", "malformed", "not_found", "unknown_format", "too_large",
                                   "unreadable", "usage", "unsupported")), message
        assert str(path).split("/")[-1] in message or "variables" in message or "model.ckpt" in message, message
    return done.returncode, message


def points(size, count):
    """Lengths to cut at: the ends, where headers and footers are, and evenly between."""
    near = {n for n in (0, 1, 2, 7, 8, 20, size - 1, size - 2, size - 8, size - 48, size - 60) if 0 <= n < size}
    return sorted(near | {size * i // count for i in range(count)})


@pytest.mark.parametrize("file", ["graph.pb", "graph.pbtxt"])
def test_truncated_graph(made, tmp_path, file):
    content = (made("graph_def") / file).read_bytes()
    target = tmp_path / file
    failed = 0
    for n in points(len(content), 60):
        target.write_bytes(content[:n])
        failed += read(target)[0] != 0
    assert failed > 40


@pytest.mark.parametrize("model,file,certain", [
    ("module", "saved_model.pb", False), ("module", "variables/variables.index", True),
    ("module", "variables/variables.data-00000-of-00001", True),
    ("v1_checkpoint", "model.ckpt-12.meta", False), ("v1_checkpoint", "model.ckpt-12.index", True),
    ("v1_checkpoint", "model.ckpt-12.data-00000-of-00001", True)])
def test_truncated_model(made, tmp_path, model, file, certain):
    """`certain`: no cut can go unnoticed."""
    folder = tmp_path / "model"
    shutil.copytree(made(model), folder)
    content = (folder / file).read_bytes()
    for n in points(len(content), 40):
        (folder / file).write_bytes(content[:n])
        status, message = read(folder)
        if certain:
            assert status == 3, (n, message)


@pytest.mark.parametrize("model,file", [
    ("graph_def", "graph.pb"), ("module", "saved_model.pb"), ("module", "variables/variables.index"),
    ("v1_checkpoint_partitioned", "model.ckpt-12.index")])
def test_flipped_bytes(made, tmp_path, model, file):
    folder = tmp_path / "model"
    shutil.copytree(made(model), folder)
    content = (folder / file).read_bytes()
    chance = random.Random(3)
    for _ in range(60):
        broken = bytearray(content)
        for _ in range(chance.choice([1, 1, 4])):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        (folder / file).write_bytes(broken)
        read(folder / file if model == "graph_def" else folder)


def test_missing_parts(made, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(made("module"), folder)
    data = folder / "variables/variables.data-00000-of-00001"
    data.rename(folder / "kept")
    status, message = read(folder)
    assert status == 3 and "data files are not all there" in message and data.name in message
    data.write_bytes((folder / "kept").read_bytes()[:10])
    status, message = read(folder)
    assert status == 3 and "weights file too short" in message and "10 bytes" in message
    shutil.rmtree(folder / "variables")
    assert read(folder)[0] == 0  # which variables have no value is told where one is needed


def test_wrong_inputs(made, tmp_path):
    status, message = read(tmp_path / "nothing")
    assert status == 3 and message.startswith("not_found")
    (tmp_path / "empty").mkdir()
    status, message = read(tmp_path / "empty")
    assert status == 3 and "the folder is empty" in message and "SavedModel" in message
    (tmp_path / "other").mkdir()
    (tmp_path / "other/readme.txt").write_text("hello")
    status, message = read(tmp_path / "other")
    assert status == 3 and "readme.txt" in message
    status, message = read(tmp_path / "other/readme.txt")
    assert status == 3 and message.startswith("unknown_format")
    (tmp_path / "void.pb").write_bytes(b"")
    assert "the file is empty" in read(tmp_path / "void.pb")[1]


def test_tags(made):
    done = subprocess.run([TOOL, "--tags", "serve,gpu", made("module_tags")], capture_output=True, text=True)
    assert done.returncode == 2
    assert "{serve}, {train}, {serve, tpu}" in done.stderr
