"""Builds a `RunReport` out of the folds of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from stressdash import __version__
from stressdash.metrics.histogram import Histogram
from stressdash.metrics.series import Timeline
from stressdash.metrics.verdict import Verdict
from stressdash.metrics.window import RunTotals
from stressdash.report.run_json import (
    SCHEMA,
    ApmLatency,
    ApmReport,
    AuditReport,
    Bounds,
    ErrorGroupReport,
    FaultReport,
    GeneratorReport,
    LatencyReport,
    LittleReport,
    Machine,
    RequestsReport,
    RunReport,
    Scalar,
    SocketErrors,
    TransferReport,
    WindowRow,
)
from stressdash.samples import ApmSeries, ErrorGroup, Knob
from stressdash.snapshot import ErrorRow, Interference, Mark
from stressdash.store.audit import Audit

__all__ = ["apm_report", "build_report", "knob_values", "window_rows"]

ROWS: Final = 600
"""Most rows of `windows`."""

QUANTILES: Final = {"p50": 0.50, "p75": 0.75, "p90": 0.90, "p99": 0.99, "p999": 0.999}


def build_report(
    *,
    run_id: str,
    scenario: str,
    target: str,
    backend: str,
    started: datetime,
    machine: Machine,
    verdict: Verdict,
    connections: int,
    totals: RunTotals,
    by_category: Mapping[str, int],
    errors: Sequence[ErrorRow],
    interference: Interference,
    open_loop: bool = False,
    plan: Mapping[str, Scalar] | None = None,
    warnings: Sequence[str] = (),
    explained: tuple[float, float, float] | None = None,
    apm: ApmReport | None = None,
    audit: Audit | None = None,
    knobs: Sequence[Knob] = (),
    marks: Sequence[Mark] = (),
    windows: Sequence[WindowRow] = (),
) -> RunReport:
    """A report of everything that is known at the end of a run.

    Args:
        run_id: Of the run.
        scenario: Name of the scenario, or empty.
        target: URL without credentials.
        backend: Name of the stack's backend.
        started: Aware time of the start.
        machine: Where it ran.
        verdict: From `metrics.verdict.judge`.
        connections: Target connections at the end.
        totals: Fold of all windows.
        by_category: From `FaultTable.by_category`.
        errors: From `metrics.join.join`.
        interference: Over the whole run.
        open_loop: Whether latency counts from the intended start.
        plan: What was asked for, as plain values.
        warnings: Sentences that stand beside the verdict.
        explained: From `metrics.join.explained_share`.
        apm: From `apm_report`; None when APM was off.
        audit: None when nothing could be audited.
        knobs: As read back.
        marks: On the axis of the run.
        windows: From `window_rows`.
    """
    ended = totals.completed + totals.failed
    sent_latency = _latency(totals.latency, totals.latency_timeouts)
    intended = _latency(totals.latency_intended, totals.latency_intended_bounds)
    little = totals.little
    return RunReport(
        schema=SCHEMA,
        stressdash=__version__,
        run_id=run_id,
        scenario=scenario,
        target=target,
        backend=backend,
        started=_utc(started),
        machine=machine,
        verdict=verdict,
        warnings=tuple(warnings),
        duration_s=round(totals.measured_s, 6),
        connections=connections,
        plan=dict(plan or {}),
        requests=RequestsReport(
            totals.scheduled, totals.sent, totals.completed, totals.failed, totals.in_flight
        ),
        requests_per_second=totals.requests_per_s,
        goodput_per_second=totals.goodput_per_s,
        failed_share=totals.failed_share,
        latency_basis="intended" if open_loop else "sent",
        latency_us=intended if open_loop else sent_latency,
        latency_corrected_us=intended if open_loop else None,
        latency_raw_us=sent_latency,
        segments_mixed=totals.mixed,
        statuses={str(status): number for status, number in totals.statuses.items()},
        socket_errors=_socket_errors(by_category),
        faults=_faults(errors, by_category.get("other", 0), ended),
        faults_explained=Bounds(*explained) if explained else None,
        transfer=_transfer(totals),
        apm=apm or ApmReport(),
        audit=_audit(audit),
        interference=interference,
        generator=_generator(totals),
        little=LittleReport(little.held, little.explained, little.gap) if little else None,
        knobs=knob_values(knobs),
        marks=tuple(marks),
        windows=tuple(windows),
    )


def apm_report(
    source: str,
    series: ApmSeries | None,
    groups: Sequence[ErrorGroup],
    *,
    measured_s: float,
    dropped: int | None = None,
    complete: bool | None = None,
) -> ApmReport:
    """What APM answered for the time of the run; `series` is None when it could not answer."""
    listed = tuple(
        ErrorGroupReport(group.key, group.type, group.message, group.culprit, group.count, group.stack_depth)
        for group in groups
    )
    if series is None:
        return ApmReport(source=source, error_groups=listed, dropped=dropped, complete=complete)
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


def _latency(histogram: Histogram, bounds: Histogram) -> LatencyReport:
    percentiles = {name: histogram.percentile(q) for name, q in QUANTILES.items()}
    reached = [
        name
        for name, q in QUANTILES.items()
        if percentiles[name] is not None and histogram.reaches_bound(q, bounds)
    ]
    if histogram.total and histogram.reaches_bound(1.0, bounds):
        reached.append("max")
    return LatencyReport(
        mean=histogram.mean,
        stdev=histogram.stdev,
        max=histogram.maximum,
        **percentiles,
        at_least=tuple(reached),
        samples=histogram.total,
    )


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
    return TransferReport(totals.bytes_sent, totals.bytes_received, per_second)


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
    )
