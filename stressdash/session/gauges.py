"""What is asked of stack, APM, machine and the owner of the load, twice a second."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

from stressdash.snapshot import Interference

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["poll_apm", "poll_owner", "poll_processors", "poll_status"]

TRACES_PER_TICK: Final = 1_600
"""Failed requests whose error groups are asked for at once."""


async def poll_status(session: Session) -> None:
    """Pool and database, as they tell of themselves."""
    await session.watch.poll_status()
    draw_status(session, session.clock.now_s())


def draw_status(session: Session, now_s: float) -> None:
    """Put what components use, and what service and database told last, on the charts."""
    timeline = session.timeline
    if (service := session.watch.service) is not None and service.pool is not None:
        timeline.add_gauge("pool.open", now_s, service.pool.open)
        timeline.add_gauge("pool.in_use", now_s, service.pool.in_use)
        timeline.add_gauge("pool.waiting", now_s, service.pool.waiting)
    session.watch.usage.add(now_s, session.watch.components)
    session.database_meter.add(now_s, session.watch.database)
    if (database := session.watch.database) is not None and database.threads_connected is not None:
        timeline.add_gauge("database.threads", now_s, database.threads_connected)


async def poll_processors(session: Session) -> None:
    """Who uses the machine."""
    pids = session.run.fleet.worker_pids if session.run is not None else ()
    interference = session.processors.sample(session.watch.components, pids)
    draw_processors(session, session.clock.now_s(), interference)


def draw_processors(session: Session, now_s: float, interference: Interference) -> None:
    """Put the shares of the machine on the charts."""
    for name in ("machine", "generator", "service", "database", "apm", "dashboard"):
        if (share := getattr(interference, name)) is not None:
            session.timeline.add_gauge(f"cpu.{name}", now_s, 100 * share)


async def poll_apm(session: Session) -> None:
    """What the service saw, which error groups the failed requests belong to, and how its clock goes."""
    assert session.apm is not None
    run = session.run
    traces = run.failed_traces(TRACES_PER_TICK) if run is not None else ()
    session.apm.go_by(session.skew.correction_us)
    await asyncio.gather(session.apm.poll(traces), session.skew.poll(run))


async def poll_owner(session: Session) -> None:
    """Show the others our load, or look at theirs until it is ours."""
    ownership, before = session.ownership, session.ownership.sentence
    if not ownership.claim():
        ownership.look()
        await session.following.tick()
        return
    if before:
        session.following.let_go()
        session.mark("the load is ours", "run")
    if session.loading or session.state is not ownership.shown_state:
        ownership.show(session.snapshot(0.0), os.getpid(), session.recording.number)
