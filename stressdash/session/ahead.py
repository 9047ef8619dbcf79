"""What lies before a run, and what it leaves out: its shape over all of its time, warm-up, steadiness."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from stressdash.course import Course, PlanAhead, PlannedStage
from stressdash.load.shape import Stage, parse_shape
from stressdash.text import clock

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["course", "plan_ahead"]


def plan_ahead(session: Session) -> PlanAhead | None:
    """The shape of the run that goes on, or of the next one; None where there is none."""
    run = session.run if session.loading else None
    stages = run.plan.stages if run is not None else _stages(session.settings.stages)
    if not stages:
        return None
    of = run.plan.shapes if run is not None else "connections" if session.settings.rate is None else "rate"
    planned, begins_s = [], 0.0
    for stage in stages:
        ends_s = begins_s + stage.seconds
        planned.append(PlannedStage(stage.label, begins_s, ends_s, stage.start, stage.end))
        begins_s = ends_s
    return PlanAhead(
        of=of,
        stages=tuple(planned),
        at_s=run.totals.measured_s if run is not None else None,
        is_followed=run is None or run.fleet.follows_shape,
    )


@lru_cache(maxsize=4)
def _stages(text: str | None) -> tuple[Stage, ...]:
    return parse_shape(text) if text else ()


def course(session: Session) -> Course | None:
    """What of the run counts, and whether it is steady; None before the first run."""
    run = session.run
    if run is None or run.started_s is None:
        return None
    results, started_s = run.results, run.started_s
    counts = results.counts_from_ns is not None
    left_out = None
    if results.left_out_s:
        left_out = (started_s, run.counts_from_s if counts else session.clock.now_s())
    steady = results.steady
    if not counts:
        words = f"warm-up, {clock(round(results.warm_up.seconds - results.left_out_s))} left"
    elif steady.from_s is not None:
        words = f"steady from {clock(round(steady.from_s, 1))}"
    elif session.loading:
        words = f"not steady yet: {steady.reason.removeprefix('never reached: ')}"
    else:
        words = f"steady state {steady.reason}"
    return Course(left_out=left_out, is_steady=steady.from_s is not None, words=words)
