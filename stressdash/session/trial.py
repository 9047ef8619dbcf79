"""One run out of a series: the setting turned, the table emptied, the stack at rest, then the load."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stressdash.errors import EngineError, KnobRejected, StressdashError
from stressdash.report.run_json import RunReport
from stressdash.snapshot import RunState
from stressdash.stack.ends import database_end

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["CONNECTIONS", "Setting", "run_again", "run_trial"]

CONNECTIONS: Final = "connections"
"""Turned like a knob, though it belongs to the load."""
QUIET: Final = 0.05
"""Share of the machine that the stack may use and still count as at rest."""
REST_S: Final = 10.0
"""How long it may take to come to rest."""
LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Setting:
    """What one trial has that others have not."""

    knobs: Mapping[str, str] = field(default_factory=dict)
    connections: int | None = None

    @property
    def label(self) -> str:
        """For instance `max_open=50`."""
        words = [f"{name}={value}" for name, value in self.knobs.items()]
        return ", ".join([*words, *([f"{self.connections} connections"] if self.connections else [])])


async def run_trial(
    session: Session, setting: Setting, tell: Callable[[str], None] = lambda _: None
) -> RunReport:
    """Prepare and see through one run; `tell` hears what is being done.

    Raises:
        KnobRejected: a knob did not take its value.
        EngineError: the run ended without a result.
        StressdashError: the stack or the target cannot be used.
    """
    tell("preparing")
    await apply_setting(session, setting)
    await empty_table(session)
    if not await come_to_rest(session):
        tell(f"the stack is still busy after {REST_S:g} s")
    await session.start_load()
    report = await session.finished()
    if report is None:
        raise EngineError(session.notice or "the run ended without a result")
    return report


async def run_again(session: Session, knobs: Mapping[str, str]) -> None:
    """End the run that goes on, turn knobs, and start the next run as one of a series.

    What was turned before and waits for a restart of its component gets it, so that the run shows the change.

    Raises:
        StressdashError: a knob does not take its value, or the load cannot start.
    """
    if session.loading:
        await session.stop_load()
        await session.finished()
    if session.state is not RunState.STARTING:
        session.notice = "the next run starts as soon as the stack is at rest"
        try:
            await apply_setting(session, Setting({**await _waiting(session), **knobs}))
            await empty_table(session)
            await come_to_rest(session)
        finally:
            session.notice = ""
    await session.start_load()


async def _waiting(session: Session) -> dict[str, str]:
    """Values that components take at their next start."""
    return {
        knob.name: knob.desired
        for knob in await session.stack.knobs()
        if knob.applies == "restart" and knob.desired is not None and knob.actual not in (None, knob.desired)
    }


async def apply_setting(session: Session, setting: Setting) -> None:
    """Turn what the setting names.

    Raises:
        KnobRejected: a component took another value.
    """
    for name, value in setting.knobs.items():
        knob = await session.set_knob(name, value)
        if knob.applies == "restart" and knob.actual != knob.desired:
            await session.component_action(knob.component, "restart")
            knob = next(one for one in await session.stack.knobs() if one.name == name)
        if knob.actual is not None and knob.desired is not None and knob.actual != knob.desired:
            raise KnobRejected(f"{name} should be {knob.desired} and is {knob.actual}")
    if setting.connections is not None:
        await session.set_connections(setting.connections)


async def empty_table(session: Session) -> None:
    """Let every run begin on an empty table; that of a system that is not ours stays as it is."""
    dsn = session.stack.addresses().database_dsn
    if dsn is None or session.stack.name == "external":
        return
    database = database_end(dsn)
    try:
        await database.clear()
    finally:
        await database.close()


async def come_to_rest(session: Session) -> bool:
    """Wait until the service has nothing in flight and the stack uses next to no CPU; whether it did."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(REST_S):
            while not await _is_at_rest(session):  # noqa: ASYNC110 the stack sends no events
                await asyncio.sleep(LOOK_S)
            return True
    return False


async def _is_at_rest(session: Session) -> bool:
    try:
        status = await session.stack.service_status()
    except StressdashError:
        return False
    if status is not None and status.in_flight:
        return False
    used = session.processors.recent()
    return sum(share or 0.0 for share in (used.service, used.database, used.apm)) <= QUIET
