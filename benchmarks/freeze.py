"""The freeze table: a server that stands still for half of a run, seen closed and open, raw and corrected."""

from __future__ import annotations

import asyncio
import os
import signal
import time

from benchmarks.figure import Figure
from benchmarks.harness import serve
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan, Request
from stressdash.metrics.histogram import Histogram
from stressdash.metrics.window import RunTotals
from stressdash.text import duration_us

SECONDS, RATE = 8.0, 200.0
FROZEN_S = SECONDS / 2
PLACES = {"start": 0.0, "middle": SECONDS / 4, "end": SECONDS / 2}
QUANTILES = (0.5, 0.75, 0.99)


def measure(_rounds: int) -> Figure:
    """One run for each place and loop: the truth is the schedule, and needs no repeats."""
    rows = []
    for place, from_s in PLACES.items():
        for rate in (None, RATE):
            totals = asyncio.run(_run(rate, from_s))
            corrected = _cells(totals.latency_intended, totals.latency_intended_bounds)
            rows.append(
                (
                    f"{place}, {'closed' if rate is None else 'open'}",
                    *_cells(totals.latency, totals.latency_timeouts),
                    *(corrected if rate is not None else ["–"] * len(QUANTILES)),
                    f"{totals.in_flight:,}",
                )
            )
    return Figure(
        "A freeze",
        f"The server is stopped (SIGSTOP) for {FROZEN_S:g} s at the start, in the middle or at the end of"
        f" {SECONDS:g} s of load on one connection, closed or at {RATE:g} requests a second. By the schedule"
        f" half of the requests wait, evenly between 0 and {FROZEN_S:g} s: the true p75 is"
        f" {SECONDS / 4:g} s.",
        (
            *("freeze, loop", "raw p50", "raw p75", "raw p99"),
            *("corrected p50", "corrected p75", "corrected p99", "in flight at stop"),
        ),
        tuple(rows),
        ("≥: what was due and unfinished at the end counts with its age, as a lower bound.",),
    )


def _cells(histogram: Histogram, bounds: Histogram) -> list[str]:
    """Percentiles as text, with a sign where they are lower bounds."""
    return [
        ("≥ " if histogram.reaches_bound(q, bounds) else "") + duration_us(histogram.percentile_unchecked(q))
        for q in QUANTILES
    ]


async def _run(rate: float | None, from_s: float) -> RunTotals:
    totals = RunTotals()
    with serve() as server:
        plan = Plan(
            url=server.url,
            requests=(Request("get", method="GET"),),
            connections=1,
            duration_s=SECONDS,
            rate=rate,
            stop="abort",
        )
        fleet = Fleet(plan, on_window=totals.add)
        if not from_s:
            os.kill(server.pid, signal.SIGSTOP)
        try:
            await fleet.start()
            if from_s:
                await _at(fleet.started_ns, from_s)
                os.kill(server.pid, signal.SIGSTOP)
            await _at(fleet.started_ns, from_s + FROZEN_S)
            if from_s + FROZEN_S < SECONDS:
                os.kill(server.pid, signal.SIGCONT)
            await fleet.wait()
        finally:
            os.kill(server.pid, signal.SIGCONT)
            await fleet.close()
    return totals


async def _at(started_ns: int, after_s: float) -> None:
    await asyncio.sleep(max(0.0, after_s - (time.monotonic_ns() - started_ns) / 1e9))
