#!/usr/bin/env python3
"""pumice doctor, warm: on 300 packages, and on the real environments that are there. Each takes under 100 ms."""
import pathlib
import sys
import tempfile

import measure
from doctor import trees
from harness import binary

LARGEST_MS = 100
REAL = {".cache/venv (TensorFlow 2.21)": "venv", "TensorFlow 2.15": "doctor/tf-2.15",
        "TensorFlow 2.13, Keras overlaid": "doctor/tf-2.13-overlaid"}


def main():
    rows, document = [], {}

    def examine(name, env):
        command = [measure.pumice(), "doctor", "--python-env", env, "--json"]
        cost = measure.several(command, 11, statuses=(0, 5))
        document[name] = {"wall_ms": cost.wall_s * 1e3, "cpu_ms": cost.cpu_s * 1e3, "peak_mib": cost.peak_mib}
        rows.append([name, f"{cost.wall_s * 1e3:.1f}", f"{cost.cpu_s * 1e3:.1f}", f"{cost.peak_mib:.1f}"])

    with tempfile.TemporaryDirectory() as folder:
        trees.three_hundred(trees.make(pathlib.Path(folder) / "env"))
        examine("300 packages", pathlib.Path(folder) / "env")
    for name, place in REAL.items():
        if (binary.CACHE / place / "pumice-stamp").exists():
            examine(name, binary.CACHE / place)
        else:
            print(f"  skipped: {name}: not in .cache (scripts/make-doctor-envs)")
    measure.table("pumice doctor (median of 11, warm)", ["environment", "wall ms", "CPU ms", "peak MiB"], rows)
    measure.save("doctor", document)
    worst = max(entry["wall_ms"] for entry in document.values())
    return measure.verdict(f"doctor: under {LARGEST_MS} ms ({worst:.1f})", worst < LARGEST_MS)


if __name__ == "__main__":
    sys.exit(not main())
