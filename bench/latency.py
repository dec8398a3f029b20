#!/usr/bin/env python3
"""Inference time on LiteRT, one thread: pumice's model against TFLiteConverter's, in paired runs in one process."""
import statistics
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import measure
from models import cache

MODELS = ["ssd300-k3_export-b1", "ssd300-tfk_save-bN", "fpn320-module-bN", "fpn320-tfk_save-b1"]
PAIRS, SLOWER = 25, 1.03  # 3 %: two runs of one and the same model differ by as much


def timed_pairs(ours, theirs, inputs):
    """Seconds of each run, in pairs whose order alternates. With one thread a run's CPU time is its latency on a
    quiet machine, and stays so on a busy one."""
    runners = []
    with np.load(inputs) as file:
        feed = {name: file[name] for name in file.files}
    for path in (ours, theirs):
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        runner = interpreter.get_signature_runner("serving_default")
        runner(**feed)  # resizes, allocates, warms up
        runners.append((interpreter, runner))
    times = ([], [])
    for pair in range(PAIRS):
        for side in ((0, 1), (1, 0))[pair % 2]:
            begin = time.process_time()
            runners[side][1](**feed)
            times[side].append(time.process_time() - begin)
    return times


def main():
    held, rows, document = True, [], {}
    for model in cache.get_all(MODELS):
        name, ours = model.about["name"], measure.OUT / "latency.tflite"
        measure.run([measure.pumice(), "convert", model.source, "-o", ours, "--quiet", *model.flags()])
        times = timed_pairs(ours, model.official, model.folder / "feed0.npz")
        a, b = (statistics.median(t) for t in times)
        ratio = statistics.median(x / y for x, y in zip(*times))
        document[name] = {"pumice_ms": a * 1e3, "TFLiteConverter_ms": b * 1e3, "paired_ratio": ratio}
        rows.append([name, f"{a * 1e3:.1f}", f"{b * 1e3:.1f}", f"{ratio:.3f}"])
        held &= ratio <= SLOWER
    measure.table(f"Inference, one thread, {PAIRS} pairs", ["", "pumice ms", "TFLiteConverter ms", "ratio"], rows)
    measure.save("latency", document)
    return measure.verdict(f"no slower than TFLiteConverter's models (at most {SLOWER})", held)


if __name__ == "__main__":
    sys.exit(not main())
