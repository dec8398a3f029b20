#!/usr/bin/env python3
"""A 300 MB model of convolutions: conversion against `cp` of the same bytes, and the memory beside the files' pages."""
import os
import subprocess
import sys
import time

import measure
from models import cache

TIMES_CP, ANONYMOUS_MIB, RUNS = 3.0, 64, 5


def anonymous_peak(command):
    """The largest anonymous memory of a running process, in MiB, looked at every half millisecond."""
    child = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    peak = 0
    path = f"/proc/{child.pid}/status"
    while child.poll() is None:
        try:
            with open(path) as file:
                for line in file:
                    if line.startswith("RssAnon:"):
                        peak = max(peak, int(line.split()[1]))
        except OSError:
            break
        time.sleep(0.0005)
    child.wait()
    return peak / 1024


def bytes_of(source):
    """The files that hold the model's bytes."""
    if source.is_file():
        return [source]
    return sorted(source.glob("variables/variables.data-*"))


def main():
    measure.OUT.mkdir(parents=True, exist_ok=True)
    held, rows, document = True, [], {}
    target, copy = measure.OUT / "large.tflite", measure.OUT / "copy"
    for model in cache.get_all(["conv300mb-saved", "conv300mb-frozen"]):
        data, = bytes_of(model.source)
        convert = [measure.pumice(), "convert", model.source, "-o", target, "--quiet", *model.flags()]
        cp = ["cp", "--reflink=never", data, copy]
        ours, plain = [], []
        for i in range(RUNS + 1):  # the first of each warms the cache; then in turns, both onto a new file
            for command, into, path in ((convert, ours, target), (cp, plain, copy)):
                path.unlink(missing_ok=True)
                os.sync()
                cost = measure.run(command)
                if i:
                    into.append(cost)
        target.unlink()
        a, b = measure.median(ours), measure.median(plain)
        anonymous = anonymous_peak(convert)
        name = model.about["name"]
        document[name] = {
            "bytes": data.stat().st_size, "pumice_wall_s": a.wall_s, "cp_wall_s": b.wall_s,
            "times_cp": a.wall_s / b.wall_s, "pumice_cpu_s": a.cpu_s, "anonymous_mib": anonymous}
        rows.append([name, f"{data.stat().st_size / 1e6:.0f}", f"{a.wall_s:.3f}", f"{b.wall_s:.3f}",
                     f"{a.wall_s / b.wall_s:.2f}", f"{anonymous:.1f}"])
    for path in (target, copy):
        path.unlink(missing_ok=True)
    measure.table(f"Conversion against a copy (median of {RUNS}, warm cache)",
                  ["", "MB", "pumice s", "cp s", "times cp", "anonymous MiB"], rows)
    for name, found in document.items():
        held &= measure.verdict(
            f"{name}: at most {TIMES_CP:g} times cp and {ANONYMOUS_MIB} MiB of anonymous memory",
            found["times_cp"] <= TIMES_CP and found["anonymous_mib"] <= ANONYMOUS_MIB)
    measure.save("copy_speed", document)
    return held


if __name__ == "__main__":
    sys.exit(not main())
