#!/usr/bin/env python3
"""Conversion time over the number of nodes, 1,000 to 100,000: it grows with them, not with a power of them."""
import math
import statistics
import sys

import measure
from models import cache

SIZES = [1000, 3000, 10000, 30000, 100000]
# Of CPU time without the start-up ~ nodes^exponent, fitted to all sizes. The number of instructions is linear to 1 %;
# the rest is memory: a graph of 30,000 nodes has outgrown the caches that one of 10,000 fits in.
LARGEST_EXPONENT = 1.25


def exponent_of(sizes, seconds):
    """The slope of the least-squares line through log(seconds) over log(sizes)."""
    return statistics.linear_regression([math.log(n) for n in sizes], [math.log(s) for s in seconds]).slope


def main():
    rows, document = [], {}
    for size, model in zip(SIZES, cache.get_all([f"chain-{n}" for n in SIZES])):
        cost = measure.several(
            [measure.pumice(), "convert", model.source, "-o", measure.OUT / "chain.tflite", "--quiet",
             *model.flags()], 3, output=measure.OUT / "chain.tflite")
        document[size] = {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_mib": cost.peak_mib,
                          "us_per_node": cost.cpu_s / size * 1e6}
        rows.append([size, f"{cost.cpu_s:.3f}", f"{cost.wall_s:.3f}", f"{cost.peak_mib:.1f}",
                     f"{cost.cpu_s / size * 1e6:.2f}"])
    measure.table("Conversion over the number of nodes (median of 3)",
                  ["nodes", "CPU s", "wall s", "peak MiB", "CPU us/node"], rows)
    start_up = measure.several([measure.pumice(), "--version"], 9).cpu_s
    seconds = {n: document[n]["cpu_s"] - start_up for n in SIZES}
    exponent = exponent_of(SIZES, seconds.values())
    last = exponent_of([10000, 100000], [seconds[10000], seconds[100000]])
    print(f"start-up {start_up * 1e3:.1f} ms; from 10,000 to 100,000 alone, where the caches end: exponent {last:.2f}")
    measure.save("linear", {"sizes": document, "start_up_s": start_up, "exponent": exponent,
                            "exponent_from_10000": last})
    return measure.verdict(f"linear: from 1,000 to 100,000 nodes the exponent is at most {LARGEST_EXPONENT} ({exponent:.2f})",
                           exponent <= LARGEST_EXPONENT)


if __name__ == "__main__":
    sys.exit(not main())
