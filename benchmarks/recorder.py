"""What recording costs, and how an hour that was recorded opens, is sought in and plays."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.harness import median, spread
from stressdash.samples import Component, ComponentState, DatabaseStatus, PoolStatus, ServiceStatus, Window
from stressdash.session.replay import Replay
from stressdash.session.shelf import Shelf
from stressdash.snapshot import Interference, Snapshot
from stressdash.store.head import Status
from stressdash.store.recorder import Ending
from stressdash.tui.app import StressdashApp

TESTS = Path(__file__).parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "store")]

from store_factory import busy_windows, recorder  # noqa: E402  the tests' own runs
from window_factory import GRID_NS  # noqa: E402

HOUR = 36_000
"""Grid steps."""
POOL = 1_200
"""Distinct windows, which the hour repeats."""
PLAYED_S = 10.0
SPEED = 10.0
COMPONENTS = tuple(
    Component(name, "embedded", ComponentState.RUNNING, pid=1, cpu_seconds=1.5, rss_bytes=9**8)
    for name in ("service", "database", "apm")
)
STATUS = Status(
    COMPONENTS,
    ServiceStatus(pool=PoolStatus(800, 2, 400, 398, 2, 0, 17, 0.5, 3, 0, 0), requests=10**6),
    DatabaseStatus(max_connections=151, threads_connected=151, questions=10**7),
    Interference(0.98, 0.16, 0.04, 0.2, 0.4, 0.1, 0.0, 0.43, 0.3, 26.5),
)


def measure(rounds: int) -> Figure:
    """An hour of 2,500 requests a second, one commit for each step; then its replay."""
    with tempfile.TemporaryDirectory(prefix="stressdash-") as name:
        path, share = _record(Path(name))
        size_mb = path.stat().st_size / 1e6
        replays = [asyncio.run(_replay(path)) for _ in range(rounds)]
    opens, seeks, frames, costs = zip(*replays, strict=True)
    rows = (
        ("processor time of the writer, of one core", f"{share:.2%}", "–", "2 %"),
        ("size of the hour", f"{size_mb:.1f} MB", "–", "50 MB"),
        ("opening it, ms", f"{median(opens):.0f}", spread(opens), "1,000"),
        ("jumping to its end, ms", f"{median(seeks):.0f}", spread(seeks), "–"),
        (f"frames a second at {SPEED:.0f} times the speed", f"{median(frames):.1f}", spread(frames), "4"),
        ("processor time of that, of one core", f"{median(costs):.0f}%", spread(costs), "–"),
    )
    return Figure(
        "Recording and replay",
        "An hour of 2,500 requests a second, a third of them failing, with what stack and machine tell twice"
        " a second; then its replay in a dashboard of 200x50.",
        ("", "measured", "runs", "goal"),
        rows,
    )


def _hour() -> Iterator[Window]:
    pool = list(busy_windows(POOL))
    origin_ns = pool[0].start_ns
    for step in range(HOUR):
        window = pool[step % POOL]
        moved_ns = origin_ns + step * GRID_NS - window.start_ns
        faults = tuple(
            replace(fault, first_ns=fault.first_ns + moved_ns, last_ns=fault.last_ns + moved_ns, exemplars=())
            for fault in window.faults
        )
        yield replace(window, start_ns=window.start_ns + moved_ns, faults=faults, exemplars=())


def _record(folder: Path) -> tuple[Path, float]:
    """The hour's file, and the writer's share of a core had it taken an hour."""
    made = recorder(folder, duration_s=HOUR / 10)
    for step, window in enumerate(_hour(), start=1):
        if step % 5 == 0:
            made.add_status(step * 100, STATUS)
        made.add_window(window)
        while made.steps < step - 1:
            time.sleep(0.0002)
    made.close(Ending(None, "a benchmark has no report"))
    return made.path, made.cpu_s / (HOUR / 10)


class _Counting(Replay):
    """Counts the pictures that are drawn of it."""

    drawn = 0

    def snapshot(self, span_s: float | None = 60.0) -> Snapshot:
        self.drawn += span_s != 0.0  # without series, a picture is only asked for its state
        return super().snapshot(span_s)


async def _replay(path: Path) -> tuple[float, float, float, float]:
    """Milliseconds to open and to jump to the end, frames a second, and per cent of a core."""
    began = time.perf_counter()
    replay = _Counting(path, speed=SPEED)
    await replay.open()
    replay.snapshot()
    opened_ms = 1e3 * (time.perf_counter() - began)
    began = time.perf_counter()
    await replay.seek(float("inf"))
    sought_ms = 1e3 * (time.perf_counter() - began)
    await replay.seek(1_000.0)
    await replay.resume()
    app = StressdashApp(replay, Shelf(path.parent.parent))
    async with app.run_test(size=(200, 50)) as pilot:
        await pilot.pause(1.0)
        drawn, cpu_s, began = replay.drawn, time.process_time(), time.perf_counter()
        await pilot.pause(PLAYED_S)
        passed_s = time.perf_counter() - began
        frames, cost = (replay.drawn - drawn) / passed_s, 100 * (time.process_time() - cpu_s) / passed_s
    await replay.close()
    return opened_ms, sought_ms, frames, cost
