#!/usr/bin/env python3
"""Conversion time over the number of nodes, 1,000 to 100,000: it grows with them, not with a power of them."""
import math
import sys

import measure
from models import cache

SIZES = [1000, 3000, 10000, 30000, 100000]
# The exponent e of CPU time ~ nodes^e, from 10,000 to 100,000 (below, start-up hides the slope). The number of
# instructions is linear to 1 %; a graph of 100,000 nodes has outgrown the caches, which a smaller one fits in.
LARGEST_EXPONENT = 1.25


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
    exponent = math.log10(document[100000]["cpu_s"] / document[10000]["cpu_s"])
    measure.save("linear", {"sizes": document, "exponent": exponent})
    return measure.verdict(f"linear: the exponent is at most {LARGEST_EXPONENT} ({exponent:.2f})",
                           exponent <= LARGEST_EXPONENT)


if __name__ == "__main__":
    sys.exit(not main())
