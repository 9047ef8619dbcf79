"""The APM views: asks the source for what one tab shows, over the run that is on the screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError, UsageError
from stressdash.samples import Exemplar, ProcessMetric
from stressdash.samples.apm_page import ApmPage, TraceView
from stressdash.session.detail import sent_us
from stressdash.session.elsewhere import Place
from stressdash.session.guard import BEYOND_MS

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["SUBJECT", "apm_page", "apm_place", "trace_view"]

SUBJECT: Final = "apm/"
"""What stands for a tab of the APM views where else an error row's id stands: `apm/TAB/NAME`."""
LONGEST_MS: Final = 6 * 3600 * 1000
PROCESS_MS: Final = 10_000
PROCESS_STEP_MS: Final = 1_000
SAMPLES: Final = 20
FAULTS: Final = 200
"""Faults whose exemplars are searched for a trace, the most frequent first."""


async def apm_page(session: Session, tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage:
    """One tab of the present run, or of the last one; before any run of all since the session began.

    Args:
        session: whose source is asked.
        tab: one of `APM_TABS`.
        name: transactions of this name only; None: of all.
        band: samples of transactions that took [low, high) microseconds; a high end of None has no limit.

    Raises:
        SourceError: there is no source, or it did not answer.
    """
    source = _source(session)
    start_ms, end_ms = _range(session)
    if tab == "services":
        recent = await source.process_metrics(
            max(start_ms, end_ms - PROCESS_MS) // PROCESS_STEP_MS * PROCESS_STEP_MS, end_ms, PROCESS_STEP_MS
        )
        return ApmPage(
            tab,
            start_ms,
            end_ms,
            services=await source.overview(start_ms, end_ms),
            breakdown=await source.breakdown(start_ms, end_ms),
            process=_newest(recent),
            clock=session.skew.offset,
        )
    if tab == "transactions":
        return ApmPage(tab, start_ms, end_ms, transactions=await source.transactions(start_ms, end_ms))
    if tab == "dependencies":
        return ApmPage(tab, start_ms, end_ms, dependencies=await source.dependencies(start_ms, end_ms))
    low_us, high_us = band
    return ApmPage(
        tab,
        start_ms,
        end_ms,
        name,
        distribution=await source.latency_distribution(start_ms, end_ms, name),
        samples=await source.transaction_samples(start_ms, end_ms, name, low_us, high_us, SAMPLES),
    )


async def trace_view(session: Session, trace_id: str) -> TraceView:
    """A trace, with what the client remembers of the request that began it.

    Raises:
        SourceError: there is no source, or it did not answer.
    """
    trace = await _source(session).trace(trace_id)
    exemplar = _exemplar(session, trace_id)
    return TraceView(trace, exemplar, sent_us(session, exemplar) if exemplar is not None else None)


async def apm_place(session: Session, subject: str) -> Place:
    """What is looked at: an error row's group, or a tab; by the service's clock, as APM has it.

    Raises:
        UsageError: the row is not in the list any more, or did not join with a group of APM.
    """
    start_ms, end_ms = (at_ms + round(session.skew.correction_us / 1e3) for at_ms in _range(session))
    scope = session.scope
    if scope.service is None:
        scope = replace(scope, service=await _only_service(session))
    if subject.startswith(SUBJECT):
        tab, _, name = subject.removeprefix(SUBJECT).partition("/")
        return Place(start_ms, end_ms, scope, tab=tab, name=name or None)
    group = session.errors.row(subject).apm_group
    if group is None:
        raise UsageError("this error did not join with a group of APM; there is nothing to ask there")
    return Place(start_ms, end_ms, scope, group)


async def _only_service(session: Session) -> str | None:
    """The service's name when there is only one."""
    names = await _source(session).services()
    return names[0] if len(names) == 1 else None


def _source(session: Session) -> ApmSource:
    if session.source is None:
        raise SourceError("there is no APM source: give --elasticsearch, or use a stack that has one")
    return session.source


def _range(session: Session) -> tuple[int, int]:
    now_ms = session.clock.wall_ms()
    run, apm = session.run, session.apm
    start_ms = apm.from_ms if apm is not None else now_ms - 1
    if run is not None and run.ended_s is not None:
        ended_ms = session.clock.origin_wall_ms + int(run.ended_s * 1e3) + BEYOND_MS
        now_ms = max(ended_ms, start_ms + 1)
    return max(start_ms, now_ms - LONGEST_MS), max(now_ms, start_ms + 1)


def _newest(metrics: tuple[ProcessMetric, ...]) -> ProcessMetric | None:
    known = [metric for metric in metrics if metric.cpu_share is not None or metric.rss_bytes is not None]
    return known[-1] if known else None


def _exemplar(session: Session, trace_id: str) -> Exemplar | None:
    if session.run is None:
        return None
    faults = session.run.faults.top(FAULTS)
    return next((one for fault in faults for one in fault.exemplars if one.trace_id == trace_id), None)
