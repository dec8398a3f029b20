"""Measures whole processes: CPU time, wall time, and peak resident memory, as the kernel's wait4 reports them."""
import dataclasses
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
OUT = ROOT / "build/bench"


def pumice():
    return os.environ.get("PUMICE_BINARY") or str(ROOT / "build/release/pumice")


@dataclasses.dataclass
class Cost:
    cpu_s: float  # user and system, of the process and the children that it waited for
    wall_s: float
    # Resident set, mapped pages included. Linux starts a child's peak with its parent's size, some 20 MiB
    # here: a smaller figure than that cannot show, so that ratios err to the official converter's favour.
    peak_mib: float


def run(command, output=None, statuses=(0,), **options):
    """Runs a command to its end; raises where its exit status is none of `statuses`. One process: nothing is left out. `output` is the file that it
    writes, removed first: replacing one costs the writer the file system's flush of the new one."""
    if output:
        pathlib.Path(output).unlink(missing_ok=True)
    options.setdefault("stdout", subprocess.DEVNULL)
    log = OUT / "stderr.log"
    OUT.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as errors:
        begin = time.perf_counter()
        child = subprocess.Popen([str(part) for part in command], stderr=errors, **options)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begin
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in statuses:
        raise RuntimeError(f"{command} ended with {child.returncode}:\n{log.read_text(errors='replace')[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def median(costs):
    return Cost(*(statistics.median(getattr(c, f.name) for c in costs) for f in dataclasses.fields(Cost)))


def several(command, runs, warm_up=True, output=None, statuses=(0,)):
    if warm_up:
        run(command, output, statuses)
    return median([run(command, output, statuses) for _ in range(runs)])


def table(title, columns, rows):
    widths = [max(len(str(row[i])) for row in [columns, *rows]) for i in range(len(columns))]
    print(f"\n{title}")
    for row in [columns, *rows]:
        print("  " + "  ".join(str(v).ljust(w) if i == 0 else str(v).rjust(w)
                               for i, (v, w) in enumerate(zip(row, widths))))
    sys.stdout.flush()


def save(name, document):
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def verdict(claim, held):
    """One claim's line; returns whether it held."""
    print(f"  {'holds' if held else 'DOES NOT HOLD'}: {claim}")
    return held
