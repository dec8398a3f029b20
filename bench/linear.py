#!/usr/bin/env python3
"""Conversion time over the number of nodes, 1,000 to 100,000: a node of the largest costs what one of the smaller does."""
import sys

import measure
from models import cache

SIZES = [1000, 3000, 10000, 30000, 100000]
# Per node, the largest graph against the one of 10,000 nodes; below that, start-up hides the slope.
WORST = 1.6


def main():
    rows, document = [], {}
    for size, model in zip(SIZES, cache.get_all([f"chain-{n}" for n in SIZES])):
        cost = measure.several(
            [measure.pumice(), "convert", model.source, "-o", measure.OUT / "chain.tflite", "--quiet",
             *model.flags()], 3)
        document[size] = {"cpu_s": cost.cpu_s, "wall_s": cost.wall_s, "peak_mib": cost.peak_mib,
                          "us_per_node": cost.cpu_s / size * 1e6}
        rows.append([size, f"{cost.cpu_s:.3f}", f"{cost.wall_s:.3f}", f"{cost.peak_mib:.1f}",
                     f"{cost.cpu_s / size * 1e6:.2f}"])
    measure.table("Conversion over the number of nodes (median of 3)",
                  ["nodes", "CPU s", "wall s", "peak MiB", "CPU us/node"], rows)
    ratio = document[100000]["us_per_node"] / document[10000]["us_per_node"]
    measure.save("linear", {"sizes": document, "largest_against_10000": ratio})
    return measure.verdict(f"linear: a node of 100,000 costs at most {WORST} times one of 10,000 ({ratio:.2f})",
                           ratio <= WORST)


if __name__ == "__main__":
    sys.exit(not main())
