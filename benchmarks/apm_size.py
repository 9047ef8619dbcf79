"""A million transactions in the embedded intake, under an open dashboard: ticks, memory, what is taken in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.apm_agent import Agent, Told, streaming
from benchmarks.apm_events import SERVICE, Past, failed_traces
from benchmarks.apm_ticks import TICKS, Ticks, clock_at, tick_rows, ticks
from benchmarks.figure import Figure
from benchmarks.harness import LOAD_CORE, SERVER_CORE, Unavailable, tree_cpu_s, tree_rss_mb
from benchmarks.terminal import Terminal, terminal
from stressdash.apm.embedded import EmbeddedSource
from stressdash.samples import Scope
from stressdash.stack.folder import StateFolder

T = TypeVar("T")

CALLS = 1_000_000
BATCH = 500
STEADY, STEADY_S = 5_000, 30.0
"""Events a second that are to be sustained, and how long that is watched."""
MINUTE_MS = 60_000
BACK_MS = 2 * MINUTE_MS
"""Where in the past the window moves that is asked for: within the newest minutes of the million."""
VIEWS, LOOK_S = 4, 3.0
"""Tabs of the Errors screen beside the list, and how long each is looked at."""
WINDOW_S, WATCH_S = 16.0, 300.0
"""After so long the moving window holds nothing but the steady stream; which lasts no longer than this."""


@dataclass(frozen=True, slots=True)
class Intake:
    """The intake of a running stack."""

    url: str
    pid: int
    token: str

    def asked(self, question: Callable[[EmbeddedSource], Awaitable[T]]) -> T:
        """The answer to a question of one's own."""

        async def ask() -> T:
            source = self.source()
            try:
                return await question(source)
            finally:
                await source.aclose()

        return asyncio.run(ask())

    def source(self) -> EmbeddedSource:
        return EmbeddedSource(self.url, self.token, Scope(SERVICE))

    def ticks(self, now_ms: int, since_ms: int, failed: Callable[[int], Iterable[str]]) -> Ticks:
        return asyncio.run(ticks(self.source, clock_at(now_ms, since_ms), failed))


def measure(rounds: int) -> Figure:
    """One store, filled once; `rounds` scales nothing here."""
    del rounds
    with tempfile.TemporaryDirectory(prefix="sd-") as folder, intake(Path(folder) / "s") as found:
        os.sched_setaffinity(found.pid, {SERVER_CORE})
        with terminal(["--stack", "embedded"], Path(folder) / "s") as shown:
            shown.wait_for("READY")
            past, filled, fill_cpu_s = fill(found)
            steady, steady_cpu_s = sustain(found)
            look_around(shown)
            dashboard_mb = sum(peak_mb(process.pid) for process in shown.dashboard)
        missing = CALLS + steady.calls - found.asked(counted(past.began_ms))
        rows = [
            *taken(filled, fill_cpu_s, steady, steady_cpu_s),
            ("transactions that are not in the store", f"{missing:,}", "0"),
            ("the intake's memory", f"{tree_rss_mb(found.pid):.0f} MB", "–"),
            ("the dashboard's memory at most, with every view opened", f"{dashboard_mb:.0f} MB", "250 MB"),
            *asked(found, past),
        ]
    return Figure(
        "APM at a million transactions",
        f"{CALLS:,} transactions with a span each, one in 20 failed with an error in one of ten groups, sent"
        " to the embedded intake on one core while a dashboard shows them. A tick is all that the dashboard"
        " asks twice a second: series of the moving window, error groups of the run, health, the groups of"
        " what failed just now, and the breakdown of the last settled second.",
        ("", "measured", "goal"),
        tuple(rows),
    )


@contextlib.contextmanager
def intake(state: Path) -> Iterator[Intake]:
    """That of an embedded stack, which runs on when the dashboard is left."""
    told = json.loads(command(state, "up", "--stack", "embedded", "--json", "--quiet"))
    try:
        (apm,) = (one for one in told["components"] if one["name"] == "apm")
        yield Intake(next(iter(apm["endpoints"].values())), apm["pid"], StateFolder(state).secrets().apm)
    finally:
        command(state, "down")


def command(state: Path, *words: str) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", "stressdash.cli", *words, "--state", str(state)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise Unavailable(f"stressdash {words[0]}: {done.stderr.decode()[-300:]}")
    return done.stdout


def fill(found: Intake) -> tuple[Past, Told, float]:
    """Send everything, one request after the other; what became of it, and the intake's processor seconds."""
    past, cpu_s = Past(), tree_cpu_s(found.pid)
    with Agent(found.url, found.token) as agent:
        for first, times_us in past.batches(CALLS, BATCH):
            agent.send(first, times_us)
        return past, agent.told, tree_cpu_s(found.pid) - cpu_s


def sustain(found: Intake) -> tuple[Told, float]:
    """A steady rate; what became of it, and the intake's processor seconds."""
    cpu_s = tree_cpu_s(found.pid)
    with streaming(found.url, found.token, STEADY, STEADY_S, LOAD_CORE) as stream:
        return stream.ended(), tree_cpu_s(found.pid) - cpu_s


def counted(since_ms: int) -> Callable[[EmbeddedSource], Awaitable[int]]:
    """Asks, minute by minute, how many transactions the store holds."""

    async def ask(source: EmbeddedSource) -> int:
        now_ms = time.time_ns() // 1_000_000
        starts = range(since_ms, now_ms, MINUTE_MS)
        minutes = [await source.series(at_ms, at_ms + MINUTE_MS, MINUTE_MS) for at_ms in starts]
        return round(sum(minute.transactions for minute in minutes))

    return ask


def look_around(shown: Terminal) -> None:
    """Open every view of the Errors screen."""
    shown.keys("2")
    for _ in range(VIEWS):
        shown.keys("Right")
        time.sleep(LOOK_S)


def peak_mb(pid: int) -> float:
    """Resident memory of a process at its most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise Unavailable("the kernel does not tell how much memory a process had at most")


def taken(filled: Told, fill_cpu_s: float, steady: Told, steady_cpu_s: float) -> list[tuple[str, str, str]]:
    """What the intake took, as fast as it could and at the steady rate."""
    return [
        ("events a second, sent in one stream", f"{filled.events / filled.sending_s:,.0f}", "5,000"),
        ("processor time of an event", f"{fill_cpu_s / filled.events * 1e6:.0f} us", "–"),
        ("events that were refused", f"{filled.refused + steady.refused:,}", "0"),
        (
            f"at {STEADY:,} events/s for {STEADY_S:.0f} s: use of its core",
            f"{steady_cpu_s / STEADY_S:.0%}",
            "–",
        ),
        ("the same: slowest request / stream behind at worst", behind(steady), "–"),
    ]


def behind(steady: Told) -> str:
    return f"{1000 * steady.slowest_s:.0f} / {1000 * steady.behind_s:.0f} ms"


def asked(found: Intake, past: Past) -> list[tuple[str, str, str]]:
    """What a tick costs at rest and while events arrive at the steady rate, and a view over everything."""
    cpu_s = tree_cpu_s(found.pid)
    rest = found.ticks(past.ended_ms - BACK_MS, past.began_ms, failed_traces(past.calls_at))
    cpu_s = tree_cpu_s(found.pid) - cpu_s
    with streaming(found.url, found.token, STEADY, WATCH_S, LOAD_CORE) as stream:
        time.sleep(WINDOW_S)
        now_ms = time.time_ns() // 1_000_000
        busy = found.ticks(now_ms, past.began_ms, failed_traces(stream.calls_at))
        refused = stream.end().refused
    view_ms = found.asked(view(past))
    return [
        *tick_rows("tick", rest, "30 ms"),
        (
            "its processor time: intake / dashboard",
            f"{cpu_s / TICKS * 1000:.1f} / {rest.own_cpu_ms:.1f} ms",
            "–",
        ),
        *tick_rows(f"tick while {STEADY:,} events/s arrive", busy, "30 ms"),
        ("events that were refused meanwhile", f"{refused:,}", "0"),
        ("the tick after choosing a service: all of the run", f"{rest.first_ms:.0f} ms", "–"),
        ("transactions by name, all of the run", f"{view_ms:.0f} ms", "–"),
    ]


def view(past: Past) -> Callable[[EmbeddedSource], Awaitable[float]]:
    """Asks for transactions by name over everything; tells how many milliseconds it took."""

    async def ask(source: EmbeddedSource) -> float:
        began = time.perf_counter()
        await source.transactions(past.began_ms, past.ended_ms)
        return 1000 * (time.perf_counter() - began)

    return ask
