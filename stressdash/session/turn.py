"""Turning knobs and acting on components, with the marks and segments that this leaves in a run."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from stressdash.errors import StressdashError
from stressdash.samples import Knob
from stressdash.stack.turns import turn_knobs

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["act", "turn_knob", "turn_settings"]


async def turn_settings(session: Session) -> None:
    """Turn the knobs that flags and scenario name."""
    await turn_knobs(session.stack, session.settings.knobs)
    session.watch.knobs = await session.stack.knobs()


async def turn_knob(session: Session, name: str, value: str) -> Knob:
    """Turn a knob; under load it starts a new segment, and whatever it changes leaves a mark."""
    before = {knob.name: knob for knob in session.watch.knobs}.get(name)
    knob = await session.stack.set_knob(name, value)
    if (run := await session.steerable()) is not None:
        await run.fleet.new_segment()
    was = before.actual if before is not None else None
    if knob.actual != was:
        session.mark(f"{name} {was}→{knob.actual}", "knob")
    elif knob.applies == "restart" and knob.desired != was:
        session.mark(f"{name} {was}→{knob.desired} at its restart", "knob")
    with contextlib.suppress(StressdashError):
        session.watch.knobs = await session.stack.knobs()
    return knob


async def act(session: Session, component: str, action: str) -> None:
    """One of the stack's `ACTIONS` on a component."""
    session.mark(f"{action} {component}", "component")
    await session.stack.action(component, action)
    await session.watch.poll_components(expected=component)
