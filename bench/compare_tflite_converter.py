#!/usr/bin/env python3
"""pumice against TensorFlow's converter on the same SavedModel, SSD MobileNetV2 300: whole processes, in one run."""
import dataclasses
import sys

import measure
from models import cache

CPU_RATIO, MEMORY_RATIO = 200, 20
MODELS = ["ssd300-k3_export-b1", "ssd300-tfk_save-bN", "ssd300-tf1_saved-b1"]
# What a user writes, and nothing more.
OFFICIAL = """
import sys
import tensorflow as tf
converter = tf.lite.TFLiteConverter.from_saved_model(sys.argv[1])
open(sys.argv[2], "wb").write(converter.convert())
"""


def main():
    measure.OUT.mkdir(parents=True, exist_ok=True)
    held, rows, document = True, [], {}
    for model in cache.get_all(MODELS):
        name = model.about["name"]
        out, official = measure.OUT / "ours.tflite", measure.OUT / "theirs.tflite"
        ours = measure.several(
            [measure.pumice(), "convert", model.source, "-o", out, "--quiet", "--signature", "serving_default"], 5,
            output=out)
        theirs = measure.run([sys.executable, "-c", OFFICIAL, model.source, official], official)
        for side, cost in (("pumice", ours), ("TFLiteConverter", theirs)):
            rows.append([f"{name}: {side}", f"{cost.cpu_s:.3f}", f"{cost.wall_s:.3f}", f"{cost.peak_mib:.1f}"])
        ratio = measure.Cost(*(getattr(theirs, f) / getattr(ours, f) for f in ("cpu_s", "wall_s", "peak_mib")))
        rows.append(["  ratio", f"{ratio.cpu_s:.0f}x", f"{ratio.wall_s:.0f}x", f"{ratio.peak_mib:.1f}x"])
        document[name] = {side: dataclasses.asdict(cost) for side, cost in
                          (("pumice", ours), ("TFLiteConverter", theirs), ("ratio", ratio))}
    measure.table("Conversion of a SavedModel (pumice: median of 5)", ["", "CPU s", "wall s", "peak MiB"], rows)
    for name, found in document.items():
        held &= measure.verdict(
            f"{name}: at least {CPU_RATIO} times less CPU ({found['ratio']['cpu_s']:.0f}) and {MEMORY_RATIO} "
            f"times less memory ({found['ratio']['peak_mib']:.1f})",
            found["ratio"]["cpu_s"] >= CPU_RATIO and found["ratio"]["peak_mib"] >= MEMORY_RATIO)
    measure.save("compare_tflite_converter", document)
    return held


if __name__ == "__main__":
    sys.exit(not main())
