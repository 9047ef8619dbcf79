"""Rate accuracy: how near the open loop comes to the rate asked for, and how late its requests leave."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from typing import Any

from benchmarks.engine_profile import WORKER
from benchmarks.figure import Figure
from benchmarks.harness import (
    LOAD_CORE,
    START_S,
    Unavailable,
    interleaved,
    median,
    serve,
    spread,
    started,
    tree,
    wait_until,
)

RATES = {100: 8, 1_000: 16, 10_000: 64}
"""Requests a second, and connections to send them on."""
SECONDS = 20
ALLOWED_SHARE, ALLOWED_LAG_US = 0.001, 2_000


def measure(rounds: int) -> Figure:
    """Answers that the server counted against those that were due, and the send lag, at each rate."""
    runs = {f"{rate:,}/s": partial(_run, rate, connections) for rate, connections in RATES.items()}
    rows = []
    for name, found in interleaved(runs, rounds).items():
        off, lag_us = [one[0] for one in found], [one[1] for one in found]
        within = max(map(abs, off)) <= ALLOWED_SHARE and median(lag_us) < ALLOWED_LAG_US
        rows.append(
            (
                name,
                f"{median(off):+.4%}",
                f"{max(off, key=abs):+.4%}",
                f"{median(lag_us):,.0f} us",
                f"{spread(lag_us)} us",
                f"{median([one[2] for one in found]):.0%}",
                "within" if within else "MISSED",
            )
        )
    return Figure(
        "Rate accuracy",
        f"`--rate` for {SECONDS} s, uniform arrivals, worker and server on a core each. Off: how many more or"
        " fewer answers the server counted than were due. Send lag: from when a request was due to its first"
        f" byte. Allowed: {ALLOWED_SHARE:.1%} and a p99 of {ALLOWED_LAG_US / 1000:g} ms.",
        ("asked", "off", "worst run", "send lag p99", "runs", "engine, of its core", ""),
        tuple(rows),
    )


def let_go(pid: int) -> None:
    """Keep the load worker where it is, alone; the process that merges its windows may use any core."""
    wait_until(lambda: any(WORKER in one.cmdline() for one in tree(pid)[1:]), START_S)
    os.sched_setaffinity(pid, range(os.cpu_count() or 1))


def _run(rate: int, connections: int) -> tuple[float, float, float]:
    """Share that the server's count is off, send lag p99 in microseconds, share of the core."""
    with serve() as server:
        words = [sys.executable, "-m", "stressdash.cli", "run", server.url, "--no-record", "--json", "-"]
        words += ["--rate", str(rate), "--connections", str(connections), "--duration", f"{SECONDS}s"]
        with started([*words, "--workers", "1"], LOAD_CORE, stdout=subprocess.PIPE) as process:
            assert process.stdout
            let_go(process.pid)
            text = process.stdout.read()
        if not text:
            raise Unavailable("the run gave no result")
        told: dict[str, Any] = json.loads(text)
        due = rate * SECONDS
        lag_us, core = told["send_lag_us"]["p99"], told["generator"]["core_share_max"]
        return (server.answers - due) / due, lag_us, core
