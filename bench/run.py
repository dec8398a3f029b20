#!/usr/bin/env python3
"""Runs every benchmark, or those named: bench/run.py [compare_tflite_converter] [copy_speed] [linear] [latency] [detector_latency] [doctor_speed].

The tables go to standard output, the figures to build/bench/*.json; the exit status is 1 where a claim does not hold.
"""
import importlib
import sys

ALL = ["compare_tflite_converter", "copy_speed", "linear", "latency", "detector_latency", "doctor_speed"]


def main(names):
    unknown = [name for name in names if name not in ALL]
    if unknown:
        sys.exit(f"bench: unknown: {', '.join(unknown)} (known: {', '.join(ALL)})")
    results = {name: importlib.import_module(name).main() for name in names or ALL}
    return all(results.values())


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1:]))
