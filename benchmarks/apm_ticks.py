"""The dashboard's tick: what it asks an APM source twice a second, and how long that takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.harness import Unavailable
from stressdash.apm.source import ApmSource
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.clock import Clock

TICKS, PAUSE_S, WARM = 100, 0.2, 3


@dataclass(frozen=True, slots=True)
class Ticks:
    """Times of ticks in milliseconds, in order of length."""

    ms: tuple[float, ...]
    first_ms: float
    """The tick that asked for everything since the run began, as after the choice of another service."""
    own_cpu_ms: float
    """Processor time of the dashboard's side for one tick."""
    transactions: int
    """In the moving window, at the last."""

    def at(self, share: float) -> float:
        return self.ms[min(int(share * len(self.ms)), len(self.ms) - 1)]


def clock_at(now_ms: int, since_ms: int) -> Clock:
    """A clock that says it is `now_ms`, of a session that opened at `since_ms`."""
    clock = Clock(wall_ns=lambda: since_ms * 1_000_000)
    clock.origin_ns -= (now_ms - since_ms) * 1_000_000
    return clock


async def ticks(
    make_source: Callable[[], ApmSource], clock: Clock, failed: Callable[[int], Iterable[str]]
) -> Ticks:
    """Ticks one after the other, over a run that began when the clock's session opened.

    Args:
        make_source: what is asked; it is closed.
        clock: what time it is for the session.
        failed: traces of the requests that the client has seen fail in the last second, by the time in ms.
    """
    source = make_source()
    watch = ApmWatch(source, clock, clock.origin_wall_ms)
    began = time.perf_counter()
    await watch.poll(())
    first_ms = 1000 * (time.perf_counter() - began)
    times, cpu_s = [], 0.0
    for tick in range(WARM + TICKS):
        await asyncio.sleep(PAUSE_S)
        traces = tuple(failed(clock.wall_ms()))
        began, cpu = time.perf_counter(), time.process_time()
        await watch.poll(traces)
        if tick >= WARM:
            times.append(1000 * (time.perf_counter() - began))
            cpu_s += time.process_time() - cpu
    await source.aclose()
    if not (watch.series and watch.series.transactions and watch.groups):
        raise Unavailable("the dashboard saw nothing in the window: this machine is too slow for the stream")
    return Ticks(
        ms=tuple(sorted(times)),
        first_ms=first_ms,
        own_cpu_ms=cpu_s / TICKS * 1000,
        transactions=round(watch.series.transactions),
    )


def tick_rows(name: str, found: Ticks, goal: str) -> list[tuple[str, str, str]]:
    """Two rows of a figure."""
    return [
        (
            f"{name}, p95 ({found.transactions:,} transactions in the window)",
            f"{found.at(0.95):.1f} ms",
            goal,
        ),
        (f"p50 / longest of {TICKS}", f"{found.at(0.5):.1f} / {found.ms[-1]:.1f} ms", "–"),
    ]
