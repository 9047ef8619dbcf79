"""Thresholds and stop rules while the run goes on: the first that may end the run, and is met, ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from stressdash.errors import StressdashError, UsageError
from stressdash.load.plan import Plan
from stressdash.metrics.measures import apm_measures, client_measures
from stressdash.metrics.thresholds import Outcome, Threshold, evaluate
from stressdash.samples import ApmSeries
from stressdash.session.run import LiveRun
from stressdash.text import clock

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["BEYOND_MS", "apm_over", "check_names", "guard_run", "outcomes"]

EVERY_S: Final = 0.25
BEYOND_MS: Final = 1_000
"""How far after its end a run's last requests may stand in APM: clocks are known to milliseconds only."""


async def guard_run(session: Session, run: LiveRun) -> None:
    """Watch what may end the run, until it has ended; stop it when a threshold is broken or a rule met."""
    watched = [threshold for threshold in session.thresholds if threshold.abort_on_fail]
    asks_apm = any(threshold.of_apm for threshold in watched)
    while (watched or session.settings.stop_when) and run.ended_s is None and not run.stopping:
        await asyncio.sleep(EVERY_S)
        series = await apm_over(session, run, session.clock.now_s()) if asks_apm else None
        measured_s = run.totals.measured_s
        due = [threshold for threshold in watched if threshold.delay_s <= measured_s]
        broken = [outcome for outcome in outcomes(run, due, series) if outcome.broken]
        if broken and not run.stopping:
            run.ended_by = f"ended after {clock(round(measured_s, 1))}: {broken[0].sentence}"
            await session.stop_load()
        elif (met := run.stopwatch.fired()) is not None and not run.stopping:
            run.ended_by = met
            await session.stop_load()


def names_of(plan: Plan) -> frozenset[str]:
    """Names of a plan's requests; empty when a script makes them, as it has them in its own hands."""
    return frozenset(request.name for request in plan.requests if plan.script is None)


def check_names(thresholds: Iterable[Threshold], plan: Plan) -> None:
    """Refuse thresholds of requests that the plan does not have.

    Raises:
        UsageError: with the names it has.
    """
    names = names_of(plan)
    for threshold in thresholds:
        if names and threshold.name and threshold.name not in names:
            listed = ", ".join(sorted(names))
            raise UsageError(
                f"threshold {threshold.text!r}: there is neither a metric nor a request {threshold.name!r}; "
                f"the requests are {listed}"
            )


def outcomes(run: LiveRun, thresholds: Iterable[Threshold], series: ApmSeries | None) -> tuple[Outcome, ...]:
    """What has come of thresholds so far; `series` is the run as APM saw it, None when it cannot tell."""
    totals = run.results.totals
    measures = client_measures(totals, names_of(run.plan))
    if series is not None:
        measures |= apm_measures(series, totals.measured_s)
    return tuple(evaluate(threshold, measures) for threshold in thresholds)


async def apm_over(session: Session, run: LiveRun, end_s: float) -> ApmSeries | None:
    """The run as APM saw it from its start to `end_s` on the axis; None when it cannot tell."""
    if session.apm is None:
        return None
    origin_ms = session.clock.origin_wall_ms
    try:
        return await session.apm.over(
            origin_ms + int(run.counts_from_s * 1e3), origin_ms + int(end_s * 1e3) + BEYOND_MS
        )
    except StressdashError:
        return None
