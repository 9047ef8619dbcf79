"""A run as text: what `stressdash run` prints, laid out so that a user of wrk reads it at once.

Plain lines without colour, at most `width` cells wide. Everything from outside goes through `text.escape`.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final

from stressdash.metrics.verdict import NOT_JUDGED
from stressdash.report.course_summary import course_lines
from stressdash.report.figures import bounded, figure_rows
from stressdash.report.named import named_lines
from stressdash.report.run_json import AuditReport, FaultReport, LatencyReport, RunReport, TransferReport
from stressdash.report.throughput import throughput_chart
from stressdash.text import DASH, byte_size, clock, clock_words, count, duration_us, escape, percent, rate

__all__ = ["summary"]

SCRIPT_LINES: Final = 200
FAULTS: Final = 10
"""Most faults listed; the rest are counted in one line."""

ASCII: Final = str.maketrans({DASH: "-", "\N{HORIZONTAL ELLIPSIS}": "~", "\N{MIDDLE DOT}": "|"})


def summary(report: RunReport, *, width: int = 80, ascii_only: bool = False, with_chart: bool = False) -> str:
    """The summary as lines of at most `width` cells (72 at least), each ended by a newline.

    With a chart of the throughput where there is room for one and more than ASCII to draw it with.
    """
    width = max(72, width)
    blocks = [
        _head(report),
        _table(report),
        _latency(report),
        course_lines(report),
        named_lines(report, width),
        throughput_chart(report, width) if with_chart and not ascii_only else [],
        _totals(report),
        _script(report, width),
        _errors(report, width),
        _apm_only(report),
        _audit(report.audit),
        _machine(report, width),
        _warnings(report, width),
        _verdict(report, width),
    ]
    lines = "\n\n".join("\n".join(_fit(line, width) for line in block) for block in blocks if block)
    if ascii_only:
        lines = lines.translate(ASCII).encode("ascii", "replace").decode("ascii")
    return lines + "\n"


def _head(report: RunReport) -> list[str]:
    what = " \N{MIDDLE DOT} ".join(
        escape(part, 40)
        for part in (report.scenario, report.backend, f"{report.machine.cores} cores", f"run {report.run_id}")
        if part
    )
    asked = report.plan.get("rate")
    open_loop = report.latency_basis == "intended" and isinstance(asked, int | float)
    load = f"{asked:,.6g}/s on " if open_loop else ""
    load += f"{count(report.connections)} connections for {_seconds(report)}"
    return [what, load, escape(report.target, 400)]


def _table(report: RunReport) -> list[str]:
    """Client and APM in the same columns, so that they can be compared at a glance."""
    apm = report.apm
    rows = [("", "req/s", "ok/s", "fail", "avg", "p50", "p99"), *figure_rows(report)]
    lines = [f"{name:<8}" + "".join(f"{cell:>10}" for cell in cells) for name, *cells in rows]
    if apm.source:
        sampling = "" if apm.sampling is None else f", sampled {percent(apm.sampling)}"
        dropped = "" if not apm.dropped else f", {count(apm.dropped)} events dropped"
        lines.append(f"        apm is {escape(apm.source, 40)}{sampling}{dropped}")
        if apm.clock is not None and apm.clock.corrected_us:
            lines.append(f"        {clock_words(apm.clock)}")
    return lines


def _latency(report: RunReport) -> list[str]:
    lines = _distribution("Latency from the first byte sent", report.latency_raw_us)
    if report.latency_corrected_us is not None:
        lines += _distribution("Latency from the intended start", report.latency_corrected_us)
    if report.send_lag_us is not None:
        lines += _distribution("Send lag, from due to first byte sent", report.send_lag_us)
    return lines


def _distribution(title: str, latency: LatencyReport) -> list[str]:
    figures = (("avg", duration_us(latency.mean)), ("stdev", duration_us(latency.stdev)))
    names = {"p50": "50%", "p75": "75%", "p90": "90%", "p99": "99%", "p999": "99.9%", "max": "max"}
    cells = [*figures, *((shown, bounded(latency, name)) for name, shown in names.items())]
    width = 9
    return [
        title,
        "".join(f"{name:>{width}}" for name, _ in cells),
        "".join(f"{value:>{width}}" for _, value in cells),
    ]


def _totals(report: RunReport) -> list[str]:
    requests, transfer, errors = report.requests, report.transfer, report.socket_errors
    failed_statuses = sum(number for status, number in report.statuses.items() if int(status) >= 400)
    books = ("scheduled", "completed", "failed", "in_flight_at_stop")
    lines = [
        f"{count(sum(report.statuses.values()))} responses in {_seconds(report)}, {_moved(transfer)}",
        "Requests: " + _listed(requests, books),
    ]
    if any((errors.connect, errors.read, errors.write, errors.timeout)):
        lines.append("Socket errors: " + _listed(errors, ("connect", "read", "write", "timeout")))
    if failed_statuses:
        lines.append(f"Responses with status 400 and above: {count(failed_statuses)}")
    lines.append(f"Requests/sec: {rate(report.requests_per_second)}")
    lines.append(f"Goodput/sec:  {rate(report.goodput_per_second)}")
    lines.append(f"Transfer/sec: {byte_size(transfer.received_bytes_per_second)}")
    return lines


def _seconds(report: RunReport) -> str:
    return clock(round(report.duration_s, 2))


def _moved(transfer: TransferReport) -> str:
    return f"{byte_size(transfer.received_bytes)} read, {byte_size(transfer.sent_bytes)} written"


def _listed(record: object, names: Sequence[str]) -> str:
    """`scheduled 17,744, failed 90`: counts of a record by name."""
    return ", ".join(f"{name.replace('_', ' ')} {count(getattr(record, name))}" for name in names)


def _script(report: RunReport, width: int) -> list[str]:
    """What a script has printed, line by line; the summary is no terminal for it."""
    lines = report.script_output.rstrip("\n").splitlines()
    if not lines:
        return []
    hidden = [f"  and {len(lines) - SCRIPT_LINES} more lines"] if len(lines) > SCRIPT_LINES else []
    return [
        "Script",
        *(f"  {escape(line.expandtabs(), width - 2)}" for line in lines[:SCRIPT_LINES]),
        *hidden,
    ]


def _errors(report: RunReport, width: int) -> list[str]:
    if not report.faults:
        return []
    room = width - 36
    lines = [f"{'Errors':<{room}}{'client':>9}{'share':>7}  APM group, share"]
    for fault in report.faults[:FAULTS]:
        what = _pad(f"  {_name(fault)}", room)
        lines.append(f"{what}{count(fault.count):>9}{percent(fault.share):>7}  {_joined(fault)}")
    if hidden := report.faults[FAULTS:]:
        lines.append(
            f"  and {len(hidden)} more kinds, {count(sum(fault.count for fault in hidden))} requests"
        )
    if explained := report.faults_explained:
        interval = f"{percent(explained.low)} to {percent(explained.high)}"
        lines.append(f"  {percent(explained.share)} of them explained by APM (95 %: {interval})")
    return lines


def _name(fault: FaultReport) -> str:
    return escape(" ".join(part for part in (fault.category, fault.code, fault.message) if part), 200)


def _joined(fault: FaultReport) -> str:
    if fault.apm_group is None:
        return escape(fault.note, 60)
    return f"{escape(fault.apm_group, 8)} {percent(fault.joined_share)}"


def _apm_only(report: RunReport) -> list[str]:
    groups = report.apm.error_groups
    if not groups:
        return []
    lines = ["APM error groups"]
    for group in groups[:FAULTS]:
        what = escape(f"{group.type}: {group.message}", 200)
        lines.append(f"  {count(group.count):>8}  {escape(group.key, 8)}  {what}")
    if hidden := groups[FAULTS:]:
        lines.append(f"  and {len(hidden)} more groups, {count(sum(group.count for group in hidden))} errors")
    return lines


def _audit(audit: AuditReport) -> list[str]:
    if audit.acknowledged is None:
        return []
    names = ("acknowledged", "stored", "lost", "orphaned", "dropped", "rejected", "duplicates")
    return ["Audit     " + _listed(audit, names[:4]), "          " + _listed(audit, names[4:])]


def _machine(report: RunReport, width: int) -> list[str]:
    seen, generator = report.interference, report.generator
    groups = ("generator", "dashboard", "apm", "service", "database", "steal")
    lines = [
        "Machine   " + ", ".join(f"{name} {percent(getattr(seen, name))}" for name in groups[:3]),
        "          " + ", ".join(f"{name} {percent(getattr(seen, name))}" for name in groups[3:]),
        f"          interference {percent(seen.share)} of the busy CPU",
    ]
    cpu = f"{_us(seen.generator_cpu_us_per_request)} CPU per request"
    lines.append(f"Generator {cpu}, {percent(generator.core_share_max)} of its core")
    if generator.unread_p50_us is not None:
        unread = f"{duration_us(generator.unread_p50_us)} (p50), {duration_us(generator.unread_p99_us)} (p99)"
        lines.append(f"          answers unread for {unread}: its own queue")
    if little := report.little:
        explained = f"throughput x latency explains {little.explained:.1f}"
        lines.append(f"Little    {little.held:.1f} connections held, {explained}")
    if report.knobs:
        knobs = (f"{name}={DASH if value is None else value}" for name, value in report.knobs.items())
        lines += _wrapped("Knobs     ", escape(", ".join(knobs), 2000), width)
    return lines


def _us(value: float | None) -> str:
    return DASH if value is None else f"{value:.1f}us"


def _warnings(report: RunReport, width: int) -> list[str]:
    mixed = ["figures are mixed: load was steered or a knob turned while it was measured"]
    warnings = [*(mixed if report.segments_mixed else []), *report.warnings]
    return [line for warning in warnings for line in _wrapped("Warning   ", escape(warning, 1000), width)]


def _verdict(report: RunReport, width: int) -> list[str]:
    why = ": it had no thresholds to hold" if report.outcome == NOT_JUDGED else ""
    lines = [f"Verdict   {report.outcome.upper()}{why}"]
    for reason in report.verdict.reasons:
        lines += _wrapped("          ", escape(reason, 1000), width)
    return lines


def _wrapped(prefix: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=prefix, subsequent_indent=" " * len(prefix))


def _pad(line: str, width: int) -> str:
    line = _fit(line, width - 1)
    return line + " " * (width - _cells(line))


def _fit(line: str, width: int) -> str:
    """The line, cut to `width` cells with an ellipsis where it is longer."""
    if _cells(line) <= width:
        return line.rstrip()
    kept: list[str] = []
    room = width - 1
    for char in line:
        room -= _cells(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "\N{HORIZONTAL ELLIPSIS}"


def _cells(text: Iterable[str] | Sequence[str]) -> int:
    """Terminal cells: two for wide East Asian characters, none for combining marks."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
