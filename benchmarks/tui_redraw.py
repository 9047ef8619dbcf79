"""What drawing costs: CPU and event-loop lag of the dashboard over an invented session that moves.

    python benchmarks/tui_redraw.py [seconds]

Four charts of two to four series with 300 points and 200 error groups, all of it changing at 4 Hz, at 200x50,
without a terminal (the driver is Textual's headless one). CPU is the operating system's account of this
process, less what the invented session spends on its pictures; the lag contains that too.
"""

from __future__ import annotations

import asyncio
import math
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "tui"))

from tui_fakes import FakeSession
from tui_pictures import ROWS, make_snapshot

from stressdash.charts.plot import Area, draw_plot
from stressdash.snapshot import Series, Snapshot
from stressdash.tui.app import StressdashApp

SIZE = (200, 50)
POINTS = 300
GROUPS = 200
LAG_STEP_S = 0.01
PLOTS = 50


class MovingSession(FakeSession):
    """Every picture differs from the one before in every series and every error row."""

    spent_s = 0.0

    def snapshot(self, span_s: float | None = 60.0) -> Snapshot:  # noqa: ARG002 - all series are as long
        before = cpu_s()
        picture = self.next_picture()
        self.spent_s += cpu_s() - before
        return picture

    def next_picture(self) -> Snapshot:
        n = self.picture.sequence
        rows = tuple(
            replace(
                ROWS[index % 3], id=f"row-{index}", client_count=10 + n + index, last_s=self.picture.now_s
            )
            for index in range(GROUPS)
        )
        series = {
            name: tuple(moved(one, n) for one in group) for name, group in make_snapshot().series.items()
        }
        self.change(now_s=self.picture.now_s + 0.25, errors=rows, series=series)
        return self.picture


def moved(series: Series, n: int) -> Series:
    top = max(value for value in series.values if value is not None)
    values = tuple(top * (0.8 + 0.2 * math.sin((index + n) / 7)) for index in range(POINTS))
    return replace(series, values=values, step_s=0.2, start_s=67.0 + n * 0.25 - 60.0, provisional_from_s=None)


async def measure(seconds: float) -> tuple[float, list[float]]:
    """CPU share of one core, and how late the event loop was, in ms, every 10 ms."""
    session = MovingSession()
    app = StressdashApp(session)
    lags: list[float] = []
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(1.0)
        before, started = cpu_s() - session.spent_s, time.perf_counter()
        while time.perf_counter() - started < seconds:
            due = time.perf_counter() + LAG_STEP_S
            await asyncio.sleep(LAG_STEP_S)
            lags.append((time.perf_counter() - due) * 1e3)
        share = (cpu_s() - session.spent_s - before) / (time.perf_counter() - started)
    return share, sorted(lags)


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def plot_ms() -> float:
    """CPU of one plot of 300 points x 3 series at 120x20."""
    series = [moved(one, 3) for one in make_snapshot().series["latency"][:3]]
    area = Area(120, 20, series[0].start_s, series[0].start_s + 60)
    before = cpu_s()
    for _ in range(PLOTS):
        draw_plot(series, make_snapshot().marks, area)
    return (cpu_s() - before) / PLOTS * 1e3


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    share, lags = asyncio.run(measure(seconds))
    print(f"one plot, 300 x 3 at 120x20   {plot_ms():6.1f} ms CPU")
    print(f"four charts at 4 Hz, 200x50   {share:6.1%} of a core")
    print(f"event-loop lag p50 / p99      {lags[len(lags) // 2]:.1f} / {lags[len(lags) * 99 // 100]:.1f} ms")


if __name__ == "__main__":
    main()
