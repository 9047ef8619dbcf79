"""Latency truth: what the engine reports against what the server itself stamped, with wrk's report beside."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from array import array
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.generators import GENERATORS, stressdash
from benchmarks.harness import LOAD_CORE, Server, Unavailable, interleaved, median, serve, started

DELAYS = {
    "fixed 5 ms": "fixed:5000",
    "bimodal, 2 ms and 5 % of 50 ms": "bimodal:2000:50000:0.05",
    "heavy tail (Pareto 1.5 from 2 ms)": "pareto:2000:1.5:800000",
}
ALLOWED = {0.5: (0.01, 200), 0.9: (0.01, 200), 0.99: (0.01, 200), 0.999: (0.02, 1000)}
"""By quantile: allowed share, and allowed microseconds; the larger of the two is allowed."""
CONNECTIONS, SECONDS = 8, 15
KEYS = {0.5: "p50", 0.9: "p90", 0.99: "p99", 0.999: "p999"}
WRK_LINE = re.compile(r"^\s+(\d+)%\s+([\d.]+)(us|ms|s)$", re.MULTILINE)
UNITS_US = {"us": 1, "ms": 1e3, "s": 1e6}
OURS, WRK = "stressdash", "wrk"

Percentiles = dict[float, float]


def measure(rounds: int) -> Figure:
    """How much more than the server's own percentiles each generator reports, medians over the rounds."""
    rows: list[tuple[str, ...]] = []
    for name, delay in DELAYS.items():
        generators = {OURS: partial(_pair, delay, _ours), WRK: partial(_pair, delay, _wrk)}
        found = interleaved(generators, rounds)
        rows += [_row(name, quantile, found) for quantile in ALLOWED]
    return Figure(
        "Latency truth",
        f"Percentiles in microseconds with {CONNECTIONS} connections: what the server stamped between the"
        " last byte of a request and the write of its answer, and how much more each generator reported. The"
        " difference holds the loopback, the generator's wake-up by the kernel and its own doing.",
        ("delay", "server", "stressdash", "wrk", "allowed", ""),
        tuple(rows),
        ("wrk tells no p99.9, and adds samples of its own after slow answers: compare at the fixed delay.",),
    )


def _row(
    name: str, quantile: float, found: dict[str, list[tuple[Percentiles, Percentiles]]]
) -> tuple[str, ...]:
    differences = {
        generator: [seen[quantile] - true[quantile] for true, seen in pairs if quantile in seen]
        for generator, pairs in found.items()
    }
    excess = {generator: median(known) for generator, known in differences.items() if known}
    if OURS not in excess:
        raise Unavailable(f"too few answers for {KEYS[quantile]} in {SECONDS} s; is the machine idle?")
    truth = median([true[quantile] for true, _ in found[OURS]])
    share, floor_us = ALLOWED[quantile]
    allowed = max(share * truth, floor_us)
    beside = f"{excess[WRK]:+,.0f}" if WRK in excess else "–"
    word = "within" if abs(excess[OURS]) <= allowed else "MISSED"
    return (
        f"{name}, {KEYS[quantile]}",
        f"{truth:,.0f}",
        f"{excess[OURS]:+,.0f}",
        beside,
        f"{allowed:,.0f}",
        word,
    )


def _pair(delay: str, report: Callable[[Server], Percentiles]) -> tuple[Percentiles, Percentiles]:
    """Percentiles by the server and by a generator, of one run."""
    with tempfile.TemporaryDirectory() as folder:
        truth = Path(folder) / "truth"
        with serve(delay, truth) as server:
            seen = report(server)
        stamps = sorted(array("I", truth.read_bytes()))
    return {quantile: stamps[int(quantile * len(stamps))] for quantile in ALLOWED}, seen


def _ours(server: Server) -> Percentiles:
    words = [*stressdash(server.url, CONNECTIONS)[:-1], str(SECONDS)]
    told = json.loads(_output(words))["latency_us"]
    return {quantile: told[key] for quantile, key in KEYS.items() if told[key] is not None}


def _wrk(server: Server) -> Percentiles:
    words = GENERATORS[0].command(server.url, CONNECTIONS)
    words[words.index(next(word for word in words if word.startswith("-d")))] = f"-d{SECONDS}s"
    lines = WRK_LINE.findall(_output([*words, "--latency"]))
    return {int(percent) / 100: float(figure) * UNITS_US[unit] for percent, figure, unit in lines}


def _output(words: list[str]) -> str:
    with started(words, LOAD_CORE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        return process.stdout.read().decode()
