"""Every file of the real models, cut at many points: a clear error, no crash, no output, bounded memory."""
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from harness import binary
from models import cache

MODELS = cache.CACHE / "models"
POINTS = 16
MIB = 1 << 20

# The model as a user names it, and the file of it that is cut.
HANDTRACK = "handtrack/ssd320fpnlite"
CASES = [
    ("pedestrian/frozen_inference_graph.pb", "pedestrian/frozen_inference_graph.pb"),
    ("hands/frozen_inference_graph.pb", "hands/frozen_inference_graph.pb"),
    (f"{HANDTRACK}/base/model.json", f"{HANDTRACK}/base/model.json"),
    (f"{HANDTRACK}/base/model.json", f"{HANDTRACK}/base/group1-shard1of3.bin"),
    (f"{HANDTRACK}/fp16/model.json", f"{HANDTRACK}/fp16/group1-shard1of2.bin"),
    (f"{HANDTRACK}/int8/model.json", f"{HANDTRACK}/int8/group1-shard1of1.bin"),
    ("handtrack/ssdlitemobilenetv2/tensorflowjs_model.pb", "handtrack/ssdlitemobilenetv2/tensorflowjs_model.pb"),
    ("handtrack/ssdlitemobilenetv2/tensorflowjs_model.pb", "handtrack/ssdlitemobilenetv2/weights_manifest.json"),
]


# A child's peak memory starts at that of the process it is forked from: a small one stands between.
LAUNCHER = """
import os, sys
child = os.fork()
if not child:
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024)
"""


def convert(source, target):
    """(exit status, standard error, peak resident bytes) of one conversion."""
    done = subprocess.run([sys.executable, "-S", "-E", "-c", LAUNCHER, binary.pumice(), "convert", source, "-o", target, "--quiet"],
                          capture_output=True, text=True, errors="replace")
    status, peak = map(int, done.stdout.split())
    return status, done.stderr, peak


@pytest.mark.parametrize("model,cut", CASES, ids=[f"{c.split('/')[0]}-{pathlib.Path(c).parent.name}-{pathlib.Path(c).name}" for _, c in CASES])
def test_truncated_real_file(model, cut, tmp_path):
    # Linked, not copied: only the cut file is new.
    folder = tmp_path / "model"
    shutil.copytree(MODELS / pathlib.Path(model).parent, folder, copy_function=os.link if same_device(tmp_path) else shutil.copy)
    source, victim = folder / pathlib.Path(model).name, folder / pathlib.Path(cut).name
    if not victim.exists():
        pytest.fail(f"{cut} is not there: {sorted(p.name for p in folder.iterdir())}")
    whole = victim.stat().st_size
    total = sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
    data = victim.read_bytes()
    target = tmp_path / "x.tflite"
    for point in sorted({0, 1, whole - 1, *(whole * i // POINTS for i in range(1, POINTS))}):
        victim.unlink()
        victim.write_bytes(data[:point])
        status, text, peak = convert(source, target)
        where = f"{cut} cut at {point} of {whole}"
        assert status in (2, 3, 4), f"{where}: exit {status}\n{text}"
        assert text.startswith("pumice: "), f"{where}\n{text}"
        assert not target.exists(), where
        assert peak <= 32 * MIB + 2 * total, f"{where}: {peak / MIB:.0f} MiB"


def same_device(path):
    return os.stat(path).st_dev == os.stat(MODELS).st_dev
