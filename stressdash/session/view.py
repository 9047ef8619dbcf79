"""Makes snapshots: the present state of a session as one immutable picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stressdash.metrics.figures import apm_figures, apm_series
from stressdash.report.run_json import NamedReport, RunReport
from stressdash.session.ahead import course, plan_ahead
from stressdash.snapshot import (
    ApmFigures,
    ClientFigures,
    Interference,
    RequestFigures,
    RunState,
    Series,
    Snapshot,
)
from stressdash.text import clock_words, percent, plain_url

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["take_snapshot"]

FIGURES_S: Final = 1.0
"""Seconds that the two rows of figures cover."""
POINTS: Final = 600
"""Points of a series at most."""
STEPS_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
SATURATED: Final = 0.9
CAP_BINDS: Final = 0.01
"""Share of due requests that wait for a connection, from which on that is told."""
ENOUGH_REQUESTS: Final = 1_000
"""From here on the start of the workers no longer tells in their cost of a request."""

NO_LOAD: Final = ClientFigures(
    window_s=FIGURES_S,
    requests_per_s=None,
    goodput_per_s=None,
    p50_us=None,
    p99_us=None,
    p99_is_bound=False,
    failed_share=None,
    in_flight=0,
    target_connections=0,
    open_connections=0,
    busy_connections=0,
)


def take_snapshot(session: Session, sequence: int, span_s: float | None) -> Snapshot:
    """One picture; its series reach back `span_s` seconds, or to the session's start."""
    now_s = session.clock.now_s()
    run, watch = session.run, session.watch
    plan = run.plan if run is not None else None
    client = _client(session)
    return Snapshot(
        sequence=sequence,
        now_s=now_s,
        state=session.state,
        notice=session.notice,
        scenario=session.settings.scenario,
        backend=session.stack.name,
        target=plain_url(session.settings.url or (plan.url if plan is not None else "")),
        cores=session.processors.cores,
        run_id=f"{plan.run_id:016x}" if plan is not None else "",
        run_number=run.number if run is not None else 0,
        run_started_s=run.started_s if run is not None else None,
        run_ended_s=run.ended_s if run is not None else None,
        elapsed_s=run.totals.measured_s if run is not None else 0.0,
        duration_s=session.duration_s,
        client=client,
        apm=_apm(session),
        interference=_interference(session),
        series=_charts(session, now_s, span_s),
        marks=tuple(session.marks),
        errors=session.errors.recent(session.apm, watch.service),
        components=watch.components,
        knobs=watch.knobs,
        service=watch.service,
        database=watch.database,
        totals=_totals(session),
        client_faults_explained=session.errors.explained,
        warnings=_warnings(session, client),
        lab=session.lab_book.lab,
        plan=plan_ahead(session),
        course=course(session),
        choice=session.choice,
        database_rates=session.database_meter.rates,
        usage=watch.usage.series(),
    )


def _client(session: Session) -> ClientFigures:
    run = session.run
    if run is not None and session.loading and run.recent.newest_ns:  # 0 before its first window
        return run.recent.figures(run.recent.newest_ns, FIGURES_S)
    idle = replace(NO_LOAD, target_connections=session.connections, target_rate=session.rate)
    report = _report(session)
    return _client_of_run(report, idle) if report is not None else idle


def _report(session: Session) -> RunReport | None:
    """Of the run whose figures stay on the screen."""
    return session.report if session.state is RunState.FINISHED else None


def _client_of_run(report: RunReport, idle: ClientFigures) -> ClientFigures:
    """A finished run's row covers all of it."""
    latency, corrected = report.latency_raw_us, report.latency_corrected_us
    lag, cap = report.send_lag_us, report.course.cap
    return replace(
        idle,
        window_s=report.duration_s,
        requests_per_s=report.requests_per_second,
        goodput_per_s=report.goodput_per_second,
        p50_us=latency.p50,
        p99_us=latency.p99,
        p99_is_bound="p99" in latency.at_least,
        failed_share=report.failed_share,
        corrected_p50_us=corrected.p50 if corrected else None,
        corrected_p99_us=corrected.p99 if corrected else None,
        corrected_is_bound=corrected is not None and "p99" in corrected.at_least,
        send_lag_p50_us=lag.p50 if lag else None,
        send_lag_p99_us=lag.p99 if lag else None,
        waited_share=cap.share if cap else None,
        by_request=tuple(map(_request_figures, report.by_request)),
    )


def _request_figures(each: NamedReport) -> RequestFigures:
    latency = each.latency_raw_us
    return RequestFigures(
        name=each.name,
        requests_per_s=each.requests_per_second,
        goodput_per_s=each.goodput_per_second,
        p50_us=latency.p50,
        p99_us=latency.p99,
        p99_is_bound="p99" in latency.at_least,
        failed_share=each.failed_share,
    )


def _interference(session: Session) -> Interference:
    run, processors = session.run, session.processors
    if run is None:
        return processors.recent()
    recent, ended = processors.recent(run.core_share), run.totals.completed + run.totals.failed
    if ended < ENOUGH_REQUESTS:
        return recent
    cost = processors.over_run(run.core_share, ended).generator_cpu_us_per_request
    return replace(recent, generator_cpu_us_per_request=cost)


def _apm(session: Session) -> ApmFigures:
    apm, service, report = session.apm, session.watch.service, _report(session)
    figures = apm_figures(
        apm.last_settled() if apm is not None else None,
        apm.health if apm is not None else None,
        window_s=FIGURES_S,
        now_ms=session.clock.wall_ms(),
        loaded=session.state is RunState.RUNNING,
        agent_dropped=service.agent_dropped if service is not None else None,
        enabled=service.apm_enabled if service is not None else None,
        clock=session.skew.offset,
    )
    if report is not None:
        figures = _apm_of_run(report, figures)
    return replace(figures, detail=apm.detail) if apm is not None and apm.detail else figures


def _apm_of_run(report: RunReport, figures: ApmFigures) -> ApmFigures:
    """A finished run's row covers all of it."""
    apm = report.apm
    return replace(
        figures,
        window_s=report.duration_s,
        requests_per_s=apm.throughput,
        p50_us=apm.latency_us.p50,
        p99_us=apm.latency_us.p99,
        failed_share=apm.failed_share,
        sampling=apm.sampling,
    )


def _charts(session: Session, now_s: float, span_s: float | None) -> Mapping[str, tuple[Series, ...]]:
    """Series up to now, or to the end of a finished run."""
    run = session.run
    if run is not None and run.ended_s is not None and session.state is RunState.FINISHED:
        now_s = run.ended_s
    reach_s = now_s if span_s is None else min(span_s, now_s)
    step_s = next((step for step in STEPS_S if reach_s / step <= POINTS), STEPS_S[-1])
    end_s = math.floor(now_s / step_s) * step_s
    start_s = max(0.0, end_s - reach_s)
    timeline = session.timeline

    def line(key: str, label: str = "", unit: str = "") -> Series:
        return timeline.series(key, start_s, end_s, step_s, label=label, unit=unit)

    chart = None
    if session.apm is not None:
        chart = session.apm.chart(session.clock.origin_wall_ms + int(start_s * 1e3))

    def apm(key: str) -> tuple[Series, ...]:
        return (apm_series(key, chart, session.clock.origin_wall_ms),) if chart is not None else ()

    failed = [line(f"client.failed.{category}") for category in timeline.categories(start_s, end_s)]
    opened = run is not None and run.basis != "sent"
    corrected = (line("client.corrected_p99"),) if opened else ()
    where: tuple[Series, ...] = ()
    if session.apm is not None:
        origin_ms = session.clock.origin_wall_ms
        where = session.apm.breakdowns.series(timeline, start_s, end_s, step_s, origin_ms)
    return {
        "rate": (line("client.rate"), *apm("apm.rate"), line("client.goodput")),
        "latency": (line("client.p50"), *apm("apm.p50"), line("client.p99"), *apm("apm.p99"), *corrected),
        "errors": (*failed, *apm("apm.failed")),
        "resources": (
            line("client.busy", "busy conns"),
            line("pool.in_use", "pool in use"),
            line("database.threads", "db threads"),
            line("cpu.machine", "cpu %"),
        ),
        "where": where,
    }


def _totals(session: Session) -> Mapping[str, int]:
    if session.run is None:
        return {}
    totals = session.run.totals
    return {name: getattr(totals, name) for name in ("scheduled", "sent", "completed", "failed", "in_flight")}


def _warnings(session: Session, client: ClientFigures) -> tuple[str, ...]:
    warnings = [text for text in (session.ownership.sentence, session.following.problem) if text]
    run, service = session.run, session.watch.service
    if session.loading and (client.waited_share or 0) >= CAP_BINDS:
        late, connections = percent(client.waited_share), f"{client.target_connections:,}"
        warnings.append(
            f"the connection cap binds: {late} of due requests wait for one of {connections} connections"
        )
    if run is not None and session.loading and (run.core_share or 0) > SATURATED:
        warnings.append(
            f"the generator is the bottleneck: a worker uses {percent(run.core_share)} of its core"
        )
    if run is not None and run.totals.mixed and session.state is not RunState.READY:
        warnings.append("figures are mixed: connections, rate or a knob changed during the run")
    if service is not None and service.apm_enabled is False:
        warnings.append("APM is off in the service: the server's view is empty")
    if (offset := session.skew.offset) is not None and offset.corrected_us:
        warnings.append(clock_words(offset))
    if session.apm is not None and (told := session.apm.trouble):
        warnings.append(told)
    if run is not None:
        warnings += run.warnings
    warnings += session.recording.warnings
    warnings += [
        f"{component.name} is {component.state}: {component.detail}" for component in session.watch.down()
    ]
    return tuple(warnings)
