"""How soon things happen: help, first frame, ready stack, a moved slider, an error in the list."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path

import psutil

from benchmarks.engine import plan
from benchmarks.figure import Figure
from benchmarks.harness import Server, Unavailable, median, serve, spread, wait_until
from benchmarks.terminal import terminal
from stressdash.load.fleet import Fleet
from stressdash.scenario import find_scenario
from stressdash.session import Session, make_session
from stressdash.settings import Settings

FEW, MORE = 100, 400
WATCHED_S, LOOK_S, SCREEN_TICK_MS = 12.0, 0.025, 250


def measure(rounds: int) -> Figure:
    """Milliseconds from cause to effect, each several times."""
    _compile()
    with serve("fixed:20000") as server:
        sliders = [asyncio.run(_slider_ms(server)) for _ in range(rounds)]
    starts = [_start_ms() for _ in range(rounds)]
    p95 = at_the_screen_ms(asyncio.run(error_delays_ms()), 0.95)
    rows = (
        _row("`stressdash --help`", [_help_ms() for _ in range(rounds)], "200"),
        _row("command to first frame", [first for first, _ in starts], "1,500"),
        _row("command to embedded stack ready", [ready for _, ready in starts], "4,000"),
        _row("connections 100 to 400, 95 % of the new ones open", sliders, "300"),
        ("error at the service to its line in the list, p95", f"{p95:,.0f}", "–", "1,500"),
    )
    return Figure(
        "Reaction",
        "Milliseconds, medians but for the last row. There, in act 1, it is the time from when the client had"
        " counted so many failures until APM's count in the list had reached the same number, plus a whole"
        f" tick of the screen ({SCREEN_TICK_MS} ms).",
        ("", "ms", "runs", "goal"),
        rows,
    )


def _row(name: str, values: list[float], goal: str) -> tuple[str, str, str, str]:
    return (name, f"{median(values):,.0f}", spread(values), goal)


def _compile() -> None:
    """Leave the bytecode that `pip install` leaves; else every start compiles where none may be written."""
    root = Path(__file__).parents[1]
    subprocess.run([sys.executable, "-m", "compileall", "-q", "stressdash", "service"], cwd=root, check=True)


def _help_ms() -> float:
    began = time.perf_counter()
    program = Path(sys.executable).with_name("stressdash")
    subprocess.run([program, "--help"], stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - began) * 1e3


def _start_ms() -> tuple[float, float]:
    """From the command to the first frame, and to the ready stack, on a fresh state folder."""
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        began = time.perf_counter()
        with terminal(["--stack", "embedded"], Path(folder) / "s") as shown:
            shown.wait_for("stressdash")
            first = time.perf_counter() - began
            shown.wait_for("READY")
            return first * 1e3, (time.perf_counter() - began) * 1e3


async def _slider_ms(server: Server) -> float:
    """From the command to the fleet until the server holds 95 % of the added connections."""
    fleet = Fleet(plan(server.url, FEW, 60.0), on_window=lambda _: None)
    await fleet.start()
    holder = psutil.Process(server.pid)
    idle = await asyncio.to_thread(_settled, holder)
    began = time.perf_counter()
    await fleet.set_connections(MORE)
    wanted = idle + 0.95 * (MORE - FEW)
    await asyncio.to_thread(wait_until, lambda: holder.num_fds() >= wanted, 10)
    took = time.perf_counter() - began
    await fleet.stop("abort")
    return took * 1e3


def _settled(holder: psutil.Process) -> int:
    """Number of open descriptors once all of the few connections are open."""
    wait_until(lambda: holder.num_fds() >= FEW, 10)
    time.sleep(0.5)
    return holder.num_fds()


def at_the_screen_ms(delays: list[float], share: float) -> float:
    """A percentile of sorted delays, plus a whole tick of the screen."""
    return delays[int(share * len(delays))] + SCREEN_TICK_MS


async def error_delays_ms(connections: int = 400, elasticsearch: str | None = None) -> list[float]:
    """Sorted delays of APM's count behind the client's, for the error of act 1.

    Args:
        connections: of the load.
        elasticsearch: what is asked instead of the intake, which hands its events on to it.
    """
    with tempfile.TemporaryDirectory(prefix="sd-") as folder:
        scenario = find_scenario("act1")
        settings = Settings(
            stack="embedded",
            state=Path(folder),
            scenario="act1",
            connections=connections,
            duration_s=WATCHED_S + 5,
            elasticsearch=elasticsearch,
            forward=elasticsearch,
            knobs={name: str(value) for name, value in scenario.knobs.items()},
        )
        session = make_session(settings, scenario)
        try:
            await session.open()
            await session.start_load()
            seen = [await _look(session) for _ in range(round(WATCHED_S / LOOK_S))]
        finally:
            await session.close()
    failed = [count for _, count, _ in seen]
    delays = [
        max(0.0, at_s - seen[min(bisect_left(failed, told), len(seen) - 1)][0]) * 1e3
        for at_s, _, told in seen
        if told
    ]
    if not delays:
        raise Unavailable("act 1 brought no error into the list")
    return sorted(delays)


async def _look(session: Session) -> tuple[float, int, int]:
    """When, and how often client and APM have counted Error 1040 until then."""
    await asyncio.sleep(LOOK_S)
    rows = [row for row in session.snapshot().errors if "1040" in row.title]
    client = sum(row.client_count or 0 for row in rows)
    return time.monotonic(), client, sum(row.apm_count or 0 for row in rows)
