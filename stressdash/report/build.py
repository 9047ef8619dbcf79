"""Builds a `RunReport` out of the folds of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from stressdash import __version__
from stressdash.metrics.histogram import Histogram
from stressdash.metrics.series import Timeline
from stressdash.metrics.thresholds import Outcome
from stressdash.metrics.verdict import Verdict
from stressdash.metrics.window import RunTotals
from stressdash.report.course import CourseFacts, course_report
from stressdash.report.course_json import CourseReport
from stressdash.report.latency import latency_report, latency_split, spectrum
from stressdash.report.latency_json import NO_LATENCY
from stressdash.report.named import named_reports
from stressdash.report.run_json import (
    SCHEMA,
    ApmLatency,
    ApmReport,
    AuditReport,
    Bounds,
    ErrorGroupReport,
    FaultReport,
    GeneratorReport,
    LittleReport,
    Machine,
    RequestsReport,
    RunReport,
    Scalar,
    SocketErrors,
    ThresholdReport,
    TransferReport,
    WindowRow,
)
from stressdash.samples import ApmSeries, ClockOffset, ErrorGroup, Knob
from stressdash.snapshot import ErrorRow, Interference, Mark
from stressdash.store.audit import Audit

__all__ = ["RunFacts", "apm_report", "build_report", "knob_values", "window_rows"]

ROWS: Final = 600
"""Most rows of `windows`."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything that is known at the end of a run."""

    run_id: str
    scenario: str
    """Name, or empty."""
    target: str
    """URL without credentials."""
    backend: str
    """Name of the stack's backend."""
    backend_reason: str = field(default="", kw_only=True)
    """What spoke for it, where it was not named."""
    started: datetime
    """Aware."""
    machine: Machine
    verdict: Verdict
    connections: int
    """Target connections at the end."""
    totals: RunTotals
    """Fold of all windows."""
    by_category: Mapping[str, int]
    """From `FaultTable.by_category`."""
    errors: Sequence[ErrorRow]
    """From `metrics.join.join`."""
    interference: Interference
    """Over the whole run."""
    basis: str = "sent"
    """What latency counts from: `sent`, `intended`, or `mixed` when the loop was switched."""
    books: RunTotals | None = None
    """Totals of the whole run where `totals` leaves a warm-up out."""
    course: CourseFacts | None = None
    plan: Mapping[str, Scalar] = field(default_factory=dict)
    """What was asked for, as plain values."""
    warnings: Sequence[str] = ()
    """Sentences that stand beside the verdict."""
    explained: tuple[float, float, float] | None = None
    """From `metrics.join.explained_share`."""
    apm: ApmReport | None = None
    """From `apm_report`; None when APM was off."""
    audit: Audit | None = None
    """None when nothing could be audited."""
    knobs: Sequence[Knob] = ()
    """As read back."""
    marks: Sequence[Mark] = ()
    """On the axis of the run."""
    windows: Sequence[WindowRow] = ()
    """From `window_rows`."""
    script_output: str = ""
    """What a wrk script has printed; untrusted."""
    outcomes: Sequence[Outcome] = ()
    """What came of the thresholds."""


def build_report(facts: RunFacts) -> RunReport:
    """The report of a run: its facts under the names that scripts know."""
    totals = facts.totals
    little = totals.little
    sent = latency_report(totals.latency, totals.latency_timeouts)
    intended = latency_report(totals.latency_intended, totals.latency_intended_bounds)
    books = facts.books or totals
    opened = facts.basis != "sent"
    told = {"sent": totals.latency, "intended": totals.latency_intended}.get(facts.basis, Histogram())
    return RunReport(
        schema=SCHEMA,
        stressdash=__version__,
        run_id=facts.run_id,
        scenario=facts.scenario,
        target=facts.target,
        backend=facts.backend,
        backend_reason=facts.backend_reason,
        started=_utc(facts.started),
        machine=facts.machine,
        verdict=facts.verdict,
        warnings=tuple(facts.warnings),
        duration_s=round(totals.measured_s, 6),
        connections=facts.connections,
        plan=dict(facts.plan),
        requests=RequestsReport(books.scheduled, books.sent, books.completed, books.failed, books.in_flight),
        requests_per_second=totals.requests_per_s,
        goodput_per_second=totals.goodput_per_s,
        failed_share=totals.failed_share,
        latency_basis=facts.basis,
        latency_us={"sent": sent, "intended": intended}.get(facts.basis, NO_LATENCY),
        latency_corrected_us=intended if opened else None,
        latency_raw_us=sent,
        latency_split=latency_split(totals),
        spectrum=spectrum(told),
        segments_mixed=totals.mixed,
        statuses={str(status): number for status, number in totals.statuses.items()},
        socket_errors=_socket_errors(facts.by_category),
        faults=_faults(facts.errors, facts.by_category.get("other", 0), books.completed + books.failed),
        faults_explained=Bounds(*facts.explained) if facts.explained else None,
        transfer=_transfer(totals),
        apm=facts.apm or ApmReport(),
        audit=_audit(facts.audit),
        interference=facts.interference,
        generator=_generator(totals),
        little=LittleReport(little.held, little.explained, little.gap) if little else None,
        knobs=knob_values(facts.knobs),
        marks=tuple(facts.marks),
        windows=tuple(facts.windows),
        thresholds=tuple(map(_threshold, facts.outcomes)),
        script_output=facts.script_output,
        by_request=named_reports(totals, open_loop=facts.basis == "intended"),
        send_lag_us=latency_report(totals.send_lag, Histogram()) if opened else None,
        course=_course(facts),
    )


def _course(facts: RunFacts) -> CourseReport:
    if facts.course is None:
        return CourseReport()
    return course_report(facts.course, facts.connections, facts.basis)


def apm_report(
    source: str,
    series: ApmSeries | None,
    groups: Sequence[ErrorGroup],
    *,
    measured_s: float,
    dropped: int | None = None,
    complete: bool | None = None,
    clock: ClockOffset | None = None,
) -> ApmReport:
    """What APM answered for the time of the run; `series` is None when it could not answer."""
    listed = tuple(
        ErrorGroupReport(group.key, group.type, group.message, group.culprit, group.count, group.stack_depth)
        for group in groups
    )
    if series is None:
        return ApmReport(source=source, error_groups=listed, dropped=dropped, complete=complete, clock=clock)
    return ApmReport(
        source=source,
        sampling=series.sampling,
        transactions=series.transactions,
        throughput=series.transactions / measured_s if measured_s else None,
        failed_share=series.failed / series.transactions if series.transactions else None,
        latency_us=ApmLatency(series.mean_us, series.p50_us, series.p95_us, series.p99_us),
        error_groups=listed,
        dropped=dropped,
        complete=complete,
        clock=clock,
    )


def window_rows(timeline: Timeline, start_s: float, end_s: float) -> tuple[WindowRow, ...]:
    """One row a second between two moments of the axis; longer steps where those would be over 600 rows."""
    step_s = max(1.0, -(-(end_s - start_s) // ROWS))
    keys = ("rate", "goodput", "failures", "p50", "p99", "open", "busy", "in_flight")
    columns = [
        timeline.series(f"client.{key}", start_s, end_s, step_s, origin_s=start_s).values for key in keys
    ]
    return tuple(WindowRow(number * step_s, *row) for number, row in enumerate(zip(*columns, strict=True)))


def knob_values(knobs: Sequence[Knob]) -> dict[str, Scalar]:
    """Knobs by name, with the value read back from the component; numbers as numbers."""
    return {knob.name: _number(knob) for knob in knobs}


def _number(knob: Knob) -> Scalar:
    if knob.actual is None or knob.kind == "choice":
        return knob.actual
    try:
        return int(knob.actual) if knob.kind == "int" else float(knob.actual)
    except ValueError:
        return knob.actual


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _faults(errors: Sequence[ErrorRow], other: int, ended: int) -> tuple[FaultReport, ...]:
    rows = [
        FaultReport(
            category=row.category,
            code=row.code,
            message=row.title,
            count=row.client_count,
            share=row.client_count / ended if ended else None,
            apm_group=row.apm_group,
            joined_share=row.joined_share,
            note=row.note,
        )
        for row in errors
        if row.client_count is not None
    ]
    if other:
        note = "kinds of failure beyond the number kept apart"
        rows.append(FaultReport("other", "", "", other, other / ended if ended else None, None, None, note))
    return tuple(rows)


def _socket_errors(by_category: Mapping[str, int]) -> SocketErrors:
    def total(*categories: str) -> int:
        return sum(by_category.get(category, 0) for category in categories)

    return SocketErrors(
        connect=total("dns", "connect", "tls"),
        read=total("read", "protocol"),
        write=total("write"),
        timeout=total("timeout"),
    )


def _transfer(totals: RunTotals) -> TransferReport:
    measured_s = totals.measured_s
    per_second = totals.bytes_received / measured_s if measured_s else None
    return TransferReport(
        totals.bytes_sent, totals.bytes_received, per_second, totals.connects, totals.reconnects
    )


def _audit(audit: Audit | None) -> AuditReport:
    if audit is None:
        return AuditReport()
    return AuditReport(
        audit.acknowledged,
        audit.stored,
        audit.lost,
        audit.orphaned,
        audit.dropped,
        audit.rejected,
        audit.duplicates,
        audit.net,
    )


def _generator(totals: RunTotals) -> GeneratorReport:
    return GeneratorReport(
        workers=totals.workers,
        core_share_max=totals.core_share_max,
        saturated_windows=totals.saturated_share,
        send_lag_p99_us=totals.send_lag.percentile(0.99),
        loop_lag_p99_us=totals.loop_lag.percentile(0.99),
        unread_p50_us=totals.unread.percentile(0.5),
        unread_p99_us=totals.unread.percentile(0.99),
        unread_share=totals.unread_share,
        unread_samples=totals.unread.total,
    )


def _threshold(outcome: Outcome) -> ThresholdReport:
    reading = outcome.reading
    return ThresholdReport(
        outcome.threshold.text, outcome.held, reading.value, reading.at_least, outcome.sentence
    )
