"""What is asked of stack, APM, machine and the owner of the load, twice a second.

One task each, at its own pace; a source that fails is asked again with back-off, and nothing here is fatal.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from stressdash.errors import StressdashError
from stressdash.session.gauges import draw_processors, draw_status

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["poll_apm", "poll_owner", "poll_processors", "poll_status", "polling"]

TRACES_PER_TICK: Final = 1_600
"""Failed requests whose error groups are asked for at once."""


async def polling(every_s: float, poll: Callable[[], Awaitable[None]]) -> None:
    """Call `poll` for ever, slower while it fails."""
    pause = every_s
    while True:
        try:
            await poll()
            pause = every_s
        except StressdashError:
            pause = min(pause * 2, 5.0)
        await asyncio.sleep(pause)


async def poll_status(session: Session) -> None:
    """Pool and database, as they tell of themselves."""
    await session.watch.poll_status()
    draw_status(session, session.clock.now_s())


async def poll_processors(session: Session) -> None:
    """Who uses the machine."""
    pids = session.run.fleet.worker_pids if session.run is not None else ()
    interference = session.processors.sample(session.watch.components, pids)
    draw_processors(session, session.clock.now_s(), interference)


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
