"""The part of a report that tells the requests apart by name, and its lines in a text."""

from __future__ import annotations

from stressdash.metrics.window import RunTotals
from stressdash.report.figures import bounded
from stressdash.report.latency import latency_report
from stressdash.report.run_json import NamedReport, RunReport
from stressdash.text import count, duration_us, escape, percent, rate

__all__ = ["named_lines", "named_reports", "named_rows"]

COLUMNS = ("req/s", "ok/s", "fail", "avg", "p50", "p99")
NAME_CELLS = 30


def named_reports(totals: RunTotals, *, open_loop: bool) -> tuple[NamedReport, ...]:
    """Each name of a run with several, in the order of the names."""
    measured_s = totals.measured_s
    reports = []
    for name, each in sorted(totals.by_request.items()):
        latency = sent = latency_report(each.latency, each.latency_timeouts)
        if open_loop:
            latency = latency_report(each.latency_intended, each.latency_intended_bounds)
        reports.append(
            NamedReport(
                name=name,
                completed=each.completed,
                failed=each.failed,
                responses=each.responses,
                requests_per_second=each.measured_responses / measured_s if measured_s else None,
                goodput_per_second=each.measured_completed / measured_s if measured_s else None,
                failed_share=each.failed_share,
                latency_us=latency,
                latency_raw_us=sent,
            )
        )
    return tuple(reports)


def named_rows(report: RunReport) -> list[tuple[str, ...]]:
    """Name (untrusted), number of requests, and the figures of `COLUMNS`, as text."""
    return [
        (
            each.name,
            count(each.completed + each.failed),
            rate(each.requests_per_second),
            rate(each.goodput_per_second),
            percent(each.failed_share),
            duration_us(each.latency_us.mean),
            *(bounded(each.latency_us, name) for name in ("p50", "p99")),
        )
        for each in report.by_request
    ]


def named_lines(report: RunReport, width: int) -> list[str]:
    """A table for the summary; empty for a plan of one name."""
    if not report.by_request:
        return []
    room = min(NAME_CELLS, width - 8 * (1 + len(COLUMNS)))
    header = ("Requests", "ended", *COLUMNS)
    rows = [(f"  {escape(name, room - 4)}", *cells) for name, *cells in named_rows(report)]
    return [f"{name:<{room}}" + "".join(f"{cell:>8}" for cell in cells) for name, *cells in (header, *rows)]
