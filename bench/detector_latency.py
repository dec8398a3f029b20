#!/usr/bin/env python3
"""Whole detectors on LiteRT, one thread: the tail in builtins and as the custom operator, against the graph cut at the raw
heads, all three in turn in one process, on a real picture."""
import statistics
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

import measure
from harness.real_models import MODELS

SOURCES = {
    "pedestrian": "pedestrian/frozen_inference_graph.pb",
    "handtrack": "handtrack/ssd320fpnlite/base/model.json",
}
VARIANTS = ["none", "builtin", "custom-op"]
ROUNDS, MOST = 31, 1.15  # the tail may cost 15 % of the cut graph


def picture():
    import tensorflow as tf
    return tf.io.decode_png((MODELS / "pictures/astronaut.png").read_bytes(), 3).numpy()[np.newaxis]


def timed(paths, image):
    """CPU seconds of each run, a list a variant; the order turns from round to round."""
    runners = []
    for path in paths:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        runner = interpreter.get_signature_runner()
        feed = {name: image for name in runner.get_input_details()}
        runner(**feed)  # resizes, allocates, warms up
        runners.append((interpreter, runner, feed))
    times = [[] for _ in runners]
    for turn in range(ROUNDS):
        for i in range(len(runners)):
            side = (turn + i) % len(runners)
            _, runner, feed = runners[side]
            begin = time.process_time()
            runner(**feed)
            times[side].append(time.process_time() - begin)
    return times


def main():
    held, rows, document, image = True, [], {}, picture()
    for name, source in SOURCES.items():
        paths = [measure.OUT / f"{name}-{variant}.tflite" for variant in VARIANTS]
        for path, variant in zip(paths, VARIANTS):
            measure.run([measure.pumice(), "convert", MODELS / source, "-o", path, "--quiet", "--postprocess", variant])
        times = timed(paths, image)
        medians = [statistics.median(t) for t in times]
        ratios = [statistics.median(x / y for x, y in zip(t, times[0])) for t in times]
        document[name] = {v: {"ms": m * 1e3, "ratio": r} for v, m, r in zip(VARIANTS, medians, ratios)}
        rows += [[name, v, f"{m * 1e3:.1f}", f"{r:.3f}"] for v, m, r in zip(VARIANTS, medians, ratios)]
        held &= max(ratios[1:]) <= MOST
    measure.table(f"Detectors, one thread, {ROUNDS} rounds", ["", "tail", "ms", "to the cut graph"], rows)
    measure.save("detector_latency", document)
    return measure.verdict(f"the tail costs at most {MOST - 1:.0%} of the cut graph", held)


if __name__ == "__main__":
    sys.exit(not main())
