"""What the supervisor does next: parts as they are wanted and as they are, in; actions, out. Pure.

Parts come in the order in which they start; they stop in the opposite order, each only after those behind it.
A part that ended by itself stays down: whoever looks decides, nothing is restarted silently. Two deadlines
bound everything: to become ready, and to stop. Past either one the part is killed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from stressdash.samples import ComponentState

__all__ = ["Action", "Deed", "Part", "next_deadline", "plan"]

DOWN = (ComponentState.ABSENT, ComponentState.STOPPED, ComponentState.FAILED)
UP = (ComponentState.STARTING, ComponentState.RUNNING)


class Deed(StrEnum):
    """What can be done to a part."""

    START = "start"
    STOP = "stop"
    KILL = "kill"


@dataclass(frozen=True, slots=True)
class Action:
    """Do this to that part now."""

    deed: Deed
    name: str


@dataclass(frozen=True, slots=True)
class Part:
    """One component: whether it is wanted, what it is, and until when its present state may last."""

    name: str
    wanted: bool
    state: ComponentState
    deadline_s: float | None = None
    """On the clock of `plan`; None: its state may last."""


def plan(parts: Sequence[Part], now_s: float) -> tuple[Action, ...]:
    """What is due now. Doing it changes the parts' states, so that the same plan is not made twice."""
    actions: list[Action] = []
    blocked = False
    for part in reversed(parts):
        overdue = part.deadline_s is not None and now_s >= part.deadline_s
        if overdue and part.state in (ComponentState.STARTING, ComponentState.STOPPING):
            actions.append(Action(Deed.KILL, part.name))
        elif not part.wanted and part.state in UP and not blocked:
            actions.append(Action(Deed.STOP, part.name))
        blocked = blocked or (not part.wanted and part.state not in DOWN)
    starts = [part for part in parts if part.wanted and part.state in DOWN[:2]]
    return (*actions, *(Action(Deed.START, part.name) for part in starts))


def next_deadline(parts: Sequence[Part]) -> float | None:
    """When `plan` should be asked again although nothing has happened."""
    return min((part.deadline_s for part in parts if part.deadline_s is not None), default=None)
