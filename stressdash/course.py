"""How a run goes in time, as screens show it: the plan ahead, and what of the run counts."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Course", "PlanAhead", "PlannedStage"]


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage of the plan's shape: a line between two levels."""

    label: str
    """`ramp 0..400`."""
    start_s: float
    """Measured seconds since the start of the run."""
    end_s: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PlanAhead:
    """The shape of a run, over all of its time."""

    of: str
    """What the levels are: `connections` or `rate`."""
    stages: tuple[PlannedStage, ...]
    at_s: float | None
    """Where the present is, in measured seconds; None before the run."""
    is_followed: bool = True
    """False once somebody has steered by hand."""


@dataclass(frozen=True, slots=True)
class Course:
    """What of a run counts, and whether it is steady."""

    left_out: tuple[float, float] | None
    """The warm-up, on the axis; None when everything counts."""
    is_steady: bool
    words: str
    """`steady from 2.5s`, or why not."""
