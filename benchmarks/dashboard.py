"""What the open dashboard costs, how late its event loop runs, and whether the engine feels it."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.harness import Server, median, serve, spread
from benchmarks.terminal import Terminal, terminal

CONNECTIONS = 100
LIVELY, HALF = "fixed:50000", "fixed:10000"
"""Answers after 50 ms are 2,000 requests a second; after 10 ms, two cores are about half busy."""
WATCHED_S, WARM_S = 20.0, 5.0
EXPORTED = "*-run-*.json"
RUN = ["--connections", str(CONNECTIONS), "--duration", "15s", "--method", "POST", "--body", "{}"]


def measure(rounds: int) -> Figure:
    """CPU and lag at 200x50 with four charts; p99 of the engine with and without the dashboard."""
    pairs = max(3, rounds // 2)
    with serve(LIVELY) as server:
        watched = [_watched(server) for _ in range(pairs)]
    with serve(HALF) as server:
        compared = [(_headless_p99_us(server), _dashboard_p99_us(server)) for _ in range(pairs)]
    cores = [core for core, _ in watched]
    lags_ms = sorted(lag for _, lags in watched for lag in lags)
    p99_ms = lags_ms[int(0.99 * len(lags_ms))]
    ratios = [with_us / without_us for without_us, with_us in compared]
    rows = (
        ("processor time, of one core", f"{median(cores):.1%}", spread([100 * c for c in cores]), "15 %"),
        ("event loop lag p50", f"{statistics.median(lags_ms):.1f} ms", "–", "–"),
        ("event loop lag p99", f"{p99_ms:.1f} ms", "–", "25 ms"),
        ("engine p99, dashboard to headless", f"{median(ratios):.2f}", spread(ratios), "1.10"),
    )
    return Figure(
        "The dashboard",
        "In a terminal of 200x50 with four charts at 4 Hz and 2,000 requests a second against the C server.",
        ("", "measured", "runs", "goal"),
        rows,
    )


def _watched(server: Server) -> tuple[float, list[float]]:
    """Share of a core and loop lags in ms, over some seconds of load."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        lag_file = Path(folder) / "lags"
        os.environ["LAG_FILE"] = str(lag_file)
        flags = ["--target", server.url, *RUN, "--duration", "5m"]
        with terminal(flags, Path(folder) / "s", module="benchmarks.lagged") as shown:
            _start(shown)
            time.sleep(WARM_S)
            skipped = len(lag_file.read_text().splitlines())
            before = _cpu_s(shown)
            time.sleep(WATCHED_S)
            core = (_cpu_s(shown) - before) / WATCHED_S
            lines = lag_file.read_text().splitlines()[skipped:]
    return core, [lag for line in lines for lag in json.loads(line)]


def _start(shown: Terminal) -> None:
    shown.wait_for("READY")
    shown.keys("s")
    shown.wait_for("RUN ")


def _cpu_s(shown: Terminal) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in shown.dashboard)


def _headless_p99_us(server: Server) -> float:
    words = [sys.executable, "-m", "stressdash.cli", "run", server.url, *RUN, "--json", "-", "--quiet"]
    done = subprocess.run(words, capture_output=True, check=False)
    return float(json.loads(done.stdout)["latency_us"]["p99"])


def _dashboard_p99_us(server: Server) -> float:
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        state = Path(folder) / "s"
        with terminal(["--target", server.url, *RUN], state) as shown:
            _start(shown)
            shown.wait_for("DONE", 60)
            shown.keys("e")
            shown.wait_for(lambda _: bool(list(state.rglob(EXPORTED))), 10)
        (exported,) = state.rglob(EXPORTED)
        return float(json.loads(exported.read_text())["latency_us"]["p99"])
