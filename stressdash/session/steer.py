"""Steering of the load while it runs: each change is what the next run starts with, and leaves a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stressdash.errors import UsageError
from stressdash.load.plan import MAX_RATE, MIN_RATE

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["steer_connections", "steer_duration", "steer_rate"]


async def steer_connections(session: Session, connections: int) -> None:
    """Hold so many connections.

    Raises:
        UsageError: fewer than one.
    """
    if connections < 1:
        raise UsageError("load needs at least 1 connection")
    before, session.connections = session.connections, connections
    run = await session.steerable()
    if run is None or before == connections:
        return
    run.connections = connections
    session.mark(f"conns {before:,}→{connections:,}", "steer")
    await run.fleet.set_connections(connections)


async def steer_rate(session: Session, rate: float | None) -> None:
    """Let so many requests come due per second, or close the loop with None.

    Raises:
        UsageError: a rate that cannot be kept.
    """
    if rate is not None and not MIN_RATE <= rate <= MAX_RATE:
        raise UsageError(f"a rate of {rate:g}/s cannot be kept; give {MIN_RATE:g} to {MAX_RATE:,.0f}")
    session.rate = rate
    run = await session.steerable()
    if run is None or run.rate == rate:
        return
    before, run.rate = run.rate, rate
    session.mark(_rate_words(before, rate), "steer")
    await run.fleet.set_rate(rate)


def _rate_words(before: float | None, rate: float | None) -> str:
    if rate is None:
        return "closed loop"
    return f"open loop {rate:,g}/s" if before is None else f"rate {before:,g}→{rate:,g}/s"


async def steer_duration(session: Session, seconds: float | None) -> None:
    """Move the end of the run; None runs until stopped.

    Raises:
        UsageError: no time at all.
    """
    if seconds is not None and seconds <= 0:
        raise UsageError("a duration must be longer than nothing")
    session.duration_s = seconds
    if (run := await session.steerable()) is not None:
        run.duration_s = seconds
        await run.fleet.set_duration(seconds)
