"""A run as Markdown, for the summary pages of CI systems; what is untrusted is escaped twice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from stressdash.metrics.verdict import NOT_JUDGED, Status
from stressdash.report.figures import bounded
from stressdash.report.run_json import RunReport, ThresholdReport
from stressdash.text import clock, count, duration_us, escape, percent, rate

__all__ = ["markdown_table", "markdown_text", "run_markdown", "threshold_figure"]

SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>#|~!&@])")
SIGNS: Final = {
    str(Status.PASSED): "\N{WHITE HEAVY CHECK MARK}",
    str(Status.FAILED): "\N{CROSS MARK}",
    NOT_JUDGED: "\N{HEAVY MINUS SIGN}",
}
FAULTS: Final = 10


def run_markdown(report: RunReport) -> str:
    """The result: verdict, thresholds, figures and errors."""
    title = markdown_text(report.scenario or report.target, 100)
    run_id = markdown_text(report.run_id, 40)
    parts = [
        f"## {SIGNS.get(report.outcome, chr(0x26A0))} stressdash: {title} {report.outcome}",
        f"{count(report.connections)} connections for {clock(round(report.duration_s, 2))}, run {run_id}",
        "\n".join(f"- {markdown_text(reason)}" for reason in (*report.verdict.reasons, *report.warnings)),
        _thresholds(report.thresholds),
        _figures(report),
        _faults(report),
        _audit(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n\n"


def markdown_text(text: str, limit: int = 300) -> str:
    """Untrusted text as it is to be read, on one line."""
    return SPECIAL.sub(r"\\\1", escape(text, limit))


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; the first column is text, the others are figures. Cells are escaped already."""
    line = ("---", *("---:" for _ in head[1:]))
    return [f"| {' | '.join(row)} |" for row in (head, line, *rows)]


def _thresholds(thresholds: Sequence[ThresholdReport]) -> str:
    if not thresholds:
        return ""
    rows = [
        (markdown_text(one.text), "held" if one.held else "**broken**", markdown_text(threshold_figure(one)))
        for one in thresholds
    ]
    return "\n".join(markdown_table(("threshold", "", "figure"), rows))


def threshold_figure(threshold: ThresholdReport) -> str:
    """The figure alone, of a sentence that names the threshold first."""
    return threshold.sentence.removeprefix(f"threshold {threshold.text}: ")


def _figures(report: RunReport) -> str:
    latency, apm = report.latency_us, report.apm
    head = ("", "req/s", "ok/s", "failed", "mean", "p50", "p90", "p99", "p99.9")
    rows = [
        (
            "client",
            rate(report.requests_per_second),
            rate(report.goodput_per_second),
            percent(report.failed_share),
            *(bounded(latency, name) for name in ("mean", "p50", "p90", "p99", "p999")),
        )
    ]
    if apm.source:
        seen = apm.latency_us
        rows.append(
            (
                "APM",
                rate(apm.throughput),
                "",
                percent(apm.failed_share),
                *map(duration_us, (seen.mean, seen.p50)),
                "",
                duration_us(seen.p99),
                "",
            )
        )
    return "\n".join(markdown_table(head, rows))


def _faults(report: RunReport) -> str:
    if not report.faults:
        return ""
    rows = [
        (
            markdown_text(
                " ".join(part for part in (fault.category, fault.code, fault.message) if part), 120
            ),
            count(fault.count),
            percent(fault.share),
            markdown_text(fault.apm_group or fault.note, 60),
        )
        for fault in report.faults[:FAULTS]
    ]
    return "\n".join(markdown_table(("error", "count", "share", "APM group"), rows))


def _audit(report: RunReport) -> str:
    audit = report.audit
    if audit.lost is None:
        return ""
    return (
        f"Of {count(audit.acknowledged)} acknowledged rows {count(audit.lost)} are lost; "
        f"{count(audit.orphaned)} orphaned, {count(audit.dropped)} dropped, {count(audit.rejected)} rejected."
    )
