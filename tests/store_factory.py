"""Runs in a scratch folder: windows as an engine makes them, recorded as a session does it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from window_factory import GRID_NS, counts, exemplar, fault, window

from stressdash.samples import Window
from stressdash.store.claim import Claim
from stressdash.store.head import RunHead
from stressdash.store.recorder import Ending, Recorder
from stressdash.store.runs import RunFolder

__all__ = [
    "ORIGIN_NS",
    "REPORT",
    "busy_windows",
    "even_windows",
    "head",
    "latencies_of",
    "record",
    "recorder",
    "until",
]

ORIGIN_NS = 5_000_000_000_000
REPORT = {
    "verdict": {"status": "passed"},
    "thresholds": [{"text": "p(99)<200"}],
    "duration_s": 9.5,
    "connections": 50,
    "requests": {"scheduled": 100},
    "requests_per_second": 10.5,
    "goodput_per_second": 10.0,
    "failed_share": 0.05,
    "latency_us": {"p50": 1_000, "p99": None},
}

WAIT_S = 60.0
RUN_ID = "00c0ffee00c0ffee"


def head(run_id: str = RUN_ID, **given: Any) -> RunHead:
    """What is known at the start of a run of act1."""
    values: dict[str, Any] = {
        "run_id": run_id,
        "scenario": "act1",
        "target": "http://127.0.0.1:3000",
        "backend": "embedded",
        "started_ms": 1_700_000_000_000,
        "origin_ns": ORIGIN_NS,
        "stressdash": "0.1.0",
        "connections": 50,
        "duration_s": 10.0,
        "open_loop": False,
        "plan": {"connections": 50},
        "machine": {"cores": 2, "system": "Linux", "python": "3.11"},
    }
    return RunHead(**(values | given))


def recorder(state: Path, **given: Any) -> Recorder:
    """A recorder whose file lies in the runs of a state folder."""
    return Recorder(Claim.take(RunFolder(state).path), head(**given))


def record(state: Path, windows: Iterable[Window], ending: Ending | None = None, **given: Any) -> int:
    """Record windows to the end; the run's number."""
    made = recorder(state, **given)
    for each in windows:
        made.add_window(each)
    made.close(ending or Ending(None, "no report in this test"))
    return made.number


def busy_windows(steps: int, *, requests: int = 250, workers: int = 1, seed: int = 1) -> Iterator[Window]:
    """Windows of a service of which a third of the answers fail, log-normal around 20 ms."""
    random = Random(seed)
    number = 0
    for step in range(steps):
        for worker in range(workers):
            latencies = [int(random.lognormvariate(10, 0.6)) for _ in range(requests)]
            failed = requests // 3
            number += requests
            made = window(
                start_ns=ORIGIN_NS + step * GRID_NS,
                worker=worker,
                target_connections=50,
                open_connections=50,
                busy_connections=48,
                in_flight=48,
                scheduled=requests,
                sent=requests,
                completed=requests - failed,
                failed=failed,
                responses=requests,
                statuses={200: requests - failed, 500: failed},
                bytes_sent=200 * requests,
                bytes_received=300 * requests,
                latency=latencies,
                latency_failed=latencies[:failed],
                first_byte=[value - 30 for value in latencies],
                loop_lag=[int(random.expovariate(0.02)) for _ in range(60)],
                busy_ns=48 * GRID_NS,
                cpu_ns=GRID_NS // 3,
            )
            numbers = sorted(random.sample(range(number - requests, number), min(16, failed)))
            kind = fault(
                failed,
                first_ns=made.start_ns + 1,
                last_ns=made.start_ns + GRID_NS - 1,
                trace_ids=tuple(f"{RUN_ID}{worker:04x}{each + 1:012x}" for each in numbers),
                exemplars=(
                    replace(exemplar(made.start_ns + 1), head=b"HTTP/1.1 500\r\nSet-Cookie: s=1\r\n"),
                ),
            )
            slowest = exemplar(made.start_ns + 7, "slowest")
            yield replace(made, faults=(kind,), exemplars=(slowest,) if step % 10 == 0 else ())


def even_windows(steps: int, *, latency_us: int, requests: int = 100) -> Iterator[Window]:
    """Windows of a service that answers each request after the same time."""
    for step in range(steps):
        yield window(
            start_ns=ORIGIN_NS + step * GRID_NS,
            scheduled=requests,
            sent=requests,
            completed=requests,
            responses=requests,
            latency=[latency_us] * requests,
        )


def latencies_of(windows: Iterable[Window]) -> dict[int, int]:
    """All latencies of windows, by bucket."""
    total: dict[int, int] = counts([])
    for each in windows:
        for index, number in each.latency.items():
            total[index] = total.get(index, 0) + number
    return total


def until(condition: Callable[[], bool]) -> None:
    """Wait for the recorder's thread to get there."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)
