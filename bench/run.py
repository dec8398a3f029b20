#!/usr/bin/env python3
"""Runs every benchmark, or those named: bench/run.py [compare_tflite_converter] [copy_speed] [linear] [latency] [detector_latency] [doctor_speed].

The tables go to standard output, the figures to build/bench/*.json; the exit status is 1 where a claim does not hold.
"""
import pathlib
import subprocess
import sys

ALL = ["compare_tflite_converter", "copy_speed", "linear", "latency", "detector_latency", "doctor_speed"]


def main(names):
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"bench: unknown: {', '.join(unknown)} (known: {', '.join(ALL)})")
    # Each in a process of its own: what it starts shows at least the memory of the process that measures.
    folder = pathlib.Path(__file__).parent
    return not any([subprocess.run([sys.executable, folder / f"{name}.py"]).returncode for name in names or ALL])


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
