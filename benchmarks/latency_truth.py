"""Latency truth: what the engine reports against what the server itself stamped."""

from __future__ import annotations

import json
import subprocess
import tempfile
from array import array
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.generators import stressdash
from benchmarks.harness import LOAD_CORE, median, serve, started

DELAYS = {
    "fixed 5 ms": "fixed:5000",
    "bimodal, 2 ms and 5 % of 50 ms": "bimodal:2000:50000:0.05",
    "heavy tail (Pareto 1.5 from 2 ms)": "pareto:2000:1.5:800000",
}
QUANTILES = {
    "p50": (0.5, 0.01, 200),
    "p90": (0.9, 0.01, 200),
    "p99": (0.99, 0.01, 200),
    "p999": (0.999, 0.02, 1000),
}
"""Quantile, allowed share, allowed microseconds: the larger of the two is allowed."""
CONNECTIONS, SECONDS = 8, 15.0


def measure(rounds: int) -> Figure:
    """Median over the rounds of the engine's percentile less the server's, by delay and quantile."""
    rows = []
    for name, delay in DELAYS.items():
        pairs = [_once(delay) for _ in range(max(1, rounds // 2))]
        for quantile, (_, share, floor_us) in QUANTILES.items():
            truth = median([true[quantile] for true, _ in pairs])
            off = median([seen[quantile] - true[quantile] for true, seen in pairs])
            allowed = max(share * truth, floor_us)
            rows.append(
                (
                    f"{name}, {quantile}",
                    f"{truth:,.0f}",
                    f"{off:+,.0f}",
                    f"{allowed:,.0f}",
                    _word(off, allowed),
                )
            )
    return Figure(
        "Latency truth",
        f"Percentiles in microseconds with {CONNECTIONS} connections: what the server stamped between the"
        " last byte of a request and the write of its answer, and how much more the engine reported. The"
        " difference holds the loopback, both wake-ups and the width of the histogram's buckets.",
        ("delay", "server", "engine", "allowed", ""),
        tuple(rows),
    )


def _once(delay: str) -> tuple[dict[str, int], dict[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth"
        with serve(delay, truth) as server:
            words = [*stressdash(server.url, CONNECTIONS)[:-1], str(SECONDS)]
            with started(words, LOAD_CORE, stdout=subprocess.PIPE) as process:
                assert process.stdout
                seen = json.loads(process.stdout.read())["latency_us"]
        stamps = array("I", truth.read_bytes())
    ordered = sorted(stamps)
    return {name: ordered[int(q[0] * len(ordered))] for name, q in QUANTILES.items()}, seen


def _word(off: float, allowed: float) -> str:
    return "within" if abs(off) <= allowed else "MISSED"
