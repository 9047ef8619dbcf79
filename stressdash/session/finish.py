"""What is done once load has stopped: wait for the service and for APM, audit the rows, build the report."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from stressdash.errors import StressdashError
from stressdash.load.fleet import LEAD_NS
from stressdash.metrics.verdict import Verdict, judge, unreached_reasons, void_reasons
from stressdash.report.build import RunFacts, apm_report, build_report, window_rows
from stressdash.report.course import CourseFacts
from stressdash.report.run_json import ApmReport, RunReport
from stressdash.samples import ApmSeries, ComponentState
from stressdash.session.apmwatch import dropped_events
from stressdash.session.guard import apm_over, outcomes
from stressdash.session.plan import plan_facts
from stressdash.session.processors import machine
from stressdash.session.run import LiveRun
from stressdash.session.scriptend import end_script
from stressdash.snapshot import Mark
from stressdash.stack.ends import database_end
from stressdash.store.audit import Audit, audit
from stressdash.text import plain_url

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["finish_run"]

CATCH_UP_S: Final = 5.0
"""How long APM may take to pass the time of the stop."""
IDLE_S: Final = 10.0
"""How long the service may take to finish what it has in flight."""


async def finish_run(session: Session, run: LiveRun) -> RunReport:
    """The report of a run that has ended. What cannot be learned any more stays unknown, with a warning."""
    warnings: list[str] = []
    stopped_ms = session.clock.wall_ms()
    with contextlib.suppress(StressdashError):
        await session.watch.poll_components()
    session.processors.end_run(session.watch.components)
    if session.apm is not None:
        complete = await session.apm.caught_up(
            stopped_ms, CATCH_UP_S, lambda: run.failed_traces(limit=10_000)
        )
        if session.apm.trouble:
            warnings.append(session.apm.trouble)
    else:
        complete = None
    audited = await _audit(session, run, warnings)
    session.errors.refresh(session.apm, session.watch.service)
    totals = run.results.totals
    started_s = run.started_s or 0.0
    ended_s = run.ended_s or session.clock.now_s()
    series = await apm_over(session, run, ended_s)
    session.outcomes = outcomes(run, session.thresholds, series)
    printed = await end_script(session, run)
    facts = RunFacts(
        run_id=f"{run.plan.run_id:016x}",
        scenario=session.settings.scenario,
        target=plain_url(run.plan.url),
        backend=session.stack.name,
        backend_reason=session.choice,
        started=datetime.fromtimestamp(_wall_ms(session, started_s) / 1e3, UTC),
        machine=machine(),
        verdict=_verdict(session, run),
        basis=run.basis,
        books=run.totals,
        course=CourseFacts(run.results, run.fleet.started_ns, session.settings.warm_up, run.ended_by),
        connections=run.connections_at_end,
        totals=totals,
        by_category=run.faults.by_category(),
        errors=session.errors.rows,
        interference=session.processors.over_run(
            totals.core_share_max, totals.completed + totals.failed, totals.cpu_ns / 1e9
        ),
        plan=plan_facts(run.plan),
        warnings=(
            *(*warnings, *run.warnings),
            *(*_component_warnings(session), *session.recording.warnings),
        ),
        explained=session.errors.explained,
        apm=_apm(session, series, totals.measured_s, complete),
        audit=audited,
        knobs=session.watch.knobs,
        marks=_marks(session.marks, started_s),
        windows=window_rows(session.timeline, started_s, started_s + max(1.0, ended_s - started_s)),
        outcomes=session.outcomes,
        script_output=printed,
    )
    return build_report(facts)


def _marks(marks: Iterable[Mark], started_s: float) -> list[Mark]:
    """Those of the run, from its start on: it is marked as its workers are told of it, a moment ahead."""
    told_s = started_s - LEAD_NS / 1e9
    return [replace(mark, at_s=max(0.0, mark.at_s - started_s)) for mark in marks if mark.at_s >= told_s]


def _verdict(session: Session, run: LiveRun) -> Verdict:
    void = (
        *_losses(session, run),
        *unreached_reasons(run.totals, run.faults),
        *void_reasons(run.results.totals, open_loop=run.basis != "sent"),
    )
    interrupted = run.fleet.interrupted and not run.ended_by
    return judge(void, _broken(session, run), interrupted=interrupted)


def _wall_ms(session: Session, axis_s: float) -> int:
    return session.clock.origin_wall_ms + int(axis_s * 1e3)


def _losses(session: Session, run: LiveRun) -> list[str]:
    """What died under the load: a run without all of its parts is no measurement of them."""
    dead = [c for c in session.watch.components if c.state is ComponentState.FAILED and c.name != "apm"]
    sentences = [component.detail or f"the {component.name} has failed" for component in dead]
    failure = [str(run.fleet.failure)] if run.fleet.failure is not None else []
    return list(dict.fromkeys([*failure, *map(str, run.fleet.deaths), *sentences]))


def _broken(session: Session, run: LiveRun) -> list[str]:
    """What was not held: first what ended the run, even if it held again afterwards."""
    told = [outcome.sentence for outcome in session.outcomes if not outcome.held]
    return [run.ended_by, *(words for words in told if words not in run.ended_by)] if run.ended_by else told


def _component_warnings(session: Session) -> list[str]:
    return [
        f"{component.name} is {component.state}"
        for component in session.watch.components
        if component.state not in (ComponentState.RUNNING, ComponentState.ABSENT)
    ]


def _apm(session: Session, series: ApmSeries | None, measured_s: float, complete: bool | None) -> ApmReport:
    apm = session.apm
    if apm is None:
        return ApmReport()
    return apm_report(
        apm.health.product if apm.health is not None else "unknown",
        series,
        apm.groups,
        measured_s=measured_s,
        dropped=dropped_events(apm.health, session.watch.service),
        complete=complete,
        clock=session.skew.offset,
    )


async def _audit(session: Session, run: LiveRun, warnings: list[str]) -> Audit | None:
    """Hold the stored rows against the ledger; None where one of them is not to be had."""
    dsn = session.stack.addresses().database_dsn
    ledger = run.fleet.ledger
    if dsn is None or ledger is None:
        return None
    if not await _idle(session):
        warnings.append("the service still has requests in flight: the audit may count them as dropped")
    database = database_end(dsn)
    try:
        stored = await database.stored(run.plan.run_tag)
    except StressdashError as error:
        warnings.append(f"no audit: {error}")
        return None
    finally:
        await database.close()
    return audit(ledger.codes(), stored)


async def _idle(session: Session) -> bool:
    """Whether the service has nothing in flight any more."""
    try:
        async with asyncio.timeout(IDLE_S):
            while True:
                status = await session.stack.service_status()
                if status is None or not status.in_flight:
                    return True
                await asyncio.sleep(0.1)
    except (TimeoutError, StressdashError):
        return False
