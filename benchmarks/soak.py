"""Ten minutes of act 3 in the dashboard: memory, processor time, books, and what is left behind.

python -m benchmarks.soak [--minutes 10] [--connections 100]

Watches every process of the dashboard and its stack from outside, every five seconds; then exports the run,
quits, and looks for anything that still runs. Exits 1 when one of the limits is broken.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil

from benchmarks.__main__ import DOCUMENTED
from benchmarks.figure import Figure, keep, machine, write_document
from benchmarks.harness import Unavailable, wait_until
from benchmarks.terminal import marked, terminal

EVERY_S = 5.0
SETTLE = 0.2
"""Share of the samples at the start that does not count for the slopes: pools and caches fill."""
DASHBOARD_MB_PER_MIN = 1.0
EXPORTED = "*-act3-*.json"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=100)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        state = Path(folder) / "s"
        run = [f"--duration={words.minutes}m", f"--connections={words.connections}"]
        with terminal(["--stack", "embedded", "--scenario", "act3", *run], state) as shown:
            shown.wait_for("READY")
            shown.keys("s")
            shown.wait_for("RUN ")
            memory = _watch(state, words.minutes * 60)
            shown.wait_for("DONE", 60)
            shown.keys("e")
            shown.wait_for(lambda _: bool(list(state.rglob(EXPORTED))), 10)
            report = json.loads(next(state.rglob(EXPORTED)).read_text())
        left = _left_behind(state)
    slopes = {name: _slope_mb_per_min(samples) for name, samples in memory.items()}
    figure = _figure(memory, slopes, words.minutes)
    print(figure.plain())
    keep("soak", figure)
    write_document(DOCUMENTED)
    broken = _broken(report, slopes, left)
    print(*broken or ["every limit kept"], sep="\n")
    return 1 if broken else 0


def _figure(memory: dict[str, list[tuple[float, float]]], slopes: dict[str, float], minutes: float) -> Figure:
    goals = {"dashboard": f"{DASHBOARD_MB_PER_MIN:g} MB/min"}
    rows = tuple(
        (name, f"{samples[-1][1]:.1f} MB", f"{slopes[name]:+.2f} MB/min", goals.get(name, "–"))
        for name, samples in sorted(memory.items())
    )
    return Figure(
        "Memory over time",
        f"Act 3 in the dashboard for {minutes:g} minutes: resident memory of each process at the end, and how"
        f" it grew after the first {SETTLE:.0%}.",
        ("process", "memory", "slope", "goal"),
        rows,
        machine=machine(),
    )


def _watch(state: Path, seconds: float) -> dict[str, list[tuple[float, float]]]:
    """Memory in MB over time in s, by process."""
    memory: dict[str, list[tuple[float, float]]] = defaultdict(list)
    began = time.monotonic()
    while (at_s := time.monotonic() - began) < seconds - EVERY_S:
        sums: dict[str, float] = defaultdict(float)
        for process in marked(state):
            try:
                sums[_name(process)] += process.memory_info().rss / 1e6
            except psutil.NoSuchProcess:
                continue
        for name, megabytes in sums.items():
            memory[name].append((at_s, megabytes))
        time.sleep(EVERY_S)
    return memory


def _name(process: psutil.Process) -> str:
    """The part that a process plays, by its command line."""
    words = " ".join(process.cmdline())
    for part in ("load.worker", "supervisor", "embedded.mysql", "embedded.apm"):
        if part in words:
            return part
    return "service" if "-m service" in words else "dashboard"


def _slope_mb_per_min(samples: list[tuple[float, float]]) -> float:
    """Least squares over the settled part."""
    settled = samples[int(SETTLE * len(samples)) :]
    if len(settled) < 3:
        return 0.0
    line = statistics.linear_regression([at for at, _ in settled], [mb for _, mb in settled])
    return line.slope * 60


def _left_behind(state: Path) -> list[str]:
    """Command lines of what still runs five seconds after the dashboard was left."""
    try:
        wait_until(lambda: not marked(state), 5)
    except Unavailable:
        return [" ".join(process.cmdline()) for process in marked(state)]
    return []


def _broken(report: dict[str, Any], slopes: dict[str, float], left: list[str]) -> list[str]:
    requests, audit = report["requests"], report["audit"]
    accounted = requests["completed"] + requests["failed"] + requests["in_flight_at_stop"]
    checks = {
        "the books do not balance": requests["scheduled"] != accounted,
        "requests failed": requests["failed"] != 0,
        "acknowledged rows were lost": audit["lost"] != 0,
        "the dashboard grows": slopes["dashboard"] > DASHBOARD_MB_PER_MIN,
        f"left behind: {left}": bool(left),
    }
    return [sentence for sentence, holds in checks.items() if holds]


if __name__ == "__main__":
    sys.exit(main())
