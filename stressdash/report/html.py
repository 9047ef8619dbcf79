"""A run as one HTML file: it opens offline, prints well, and carries its raw data.

What makes it safe is in `stressdash.report.page`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.report.compare_course import nines, quantile_name, spectrum_points
from stressdash.report.figures import bounded, figure_rows
from stressdash.report.markdown import threshold_figure
from stressdash.report.named import named_rows
from stressdash.report.page import page, section, table, text
from stressdash.report.run_json import RunReport, to_json
from stressdash.report.svg import Line, line_chart
from stressdash.samples import ErrorSample, Frame
from stressdash.text import DASH, byte_size, clock, count, duration_us, percent, short

__all__ = ["html_report"]

AT_LEAST: Final = "&ge;"


def html_report(report: RunReport, samples: Sequence[ErrorSample] = ()) -> str:
    """The page.

    Args:
        report: The run.
        samples: One APM error with its stack trace for each group that has one.
    """
    title = f"{report.scenario or 'run'} {report.run_id}"
    body = "\n".join(
        [
            _head(report),
            section("Client and service", _figures(report)),
            section("Over time", _charts(report)),
            section("Thresholds", _thresholds(report)),
            section("Latency", _latency(report) + _spectrum(report)),
            section("Requests by name", _named(report)),
            section("Errors", _faults(report)),
            section("APM error groups", _groups(report, samples)),
            section("What became of the requests", _audit(report)),
            section("The machine", _machine(report)),
            section("Setting", _setting(report)),
        ]
    )
    return page(title, body, to_json(report).decode(), "run")


def _head(report: RunReport) -> str:
    verdict = report.verdict
    notes = [*verdict.reasons, *report.warnings]
    if report.segments_mixed:
        notes.append("figures are mixed: load was steered or a knob turned while it was measured")
    listed = "".join(f"<li>{text(note)}</li>" for note in notes)
    load = f"{count(report.connections)} connections for {clock(round(report.duration_s, 2))}"
    return (
        f"<h1>{text(report.scenario or 'Run')} "
        f'<span class="{report.outcome.replace(" ", "-")}">{report.outcome}</span></h1>\n'
        f'<p class="soft">{text(report.started)} \N{MIDDLE DOT} {load} against {text(report.target)}</p>\n'
        + (f"<ul>{listed}</ul>" if listed else "")
    )


def _figures(report: RunReport) -> str:
    return table(("", "req/s", "ok/s", "failed", "mean", "p50", "p99"), figure_rows(report, AT_LEAST))


def _charts(report: RunReport) -> str:
    marks = [(mark.at_s, mark.label) for mark in report.marks]
    windows = report.windows
    if not windows:
        return ""

    def line(label: str, name: str) -> Line:
        return Line(label, tuple((window.t_s, getattr(window, name)) for window in windows))

    throughput = [line("req/s", "requests_per_second"), line("ok/s", "goodput_per_second")]
    latency = [line("p50", "p50_us"), line("p99", "p99_us")]
    connections = [line("open", "open"), line("busy", "busy")]
    return "\n".join(
        [
            line_chart("Throughput", throughput, short, marks),
            line_chart("Latency", latency, duration_us, marks),
            line_chart("Failed requests", [line("failed", "failed")], short, marks),
            line_chart("Connections", connections, short, marks),
        ]
    )


def _latency(report: RunReport) -> str:
    names = ("mean", "stdev", "p50", "p75", "p90", "p99", "p999", "max")
    bases = [("from the first byte sent", report.latency_raw_us)]
    if report.latency_corrected_us is not None:
        bases.append(("from the intended start", report.latency_corrected_us))
    if report.send_lag_us is not None:
        bases.append(("send lag, from due to first byte sent", report.send_lag_us))
    split = report.latency_split
    parts = [
        ("of completed requests", split.completed),
        ("of failed requests", split.failed),
        ("to connect", split.connect),
        ("TLS handshake", split.tls),
        ("to the first byte of the answer", split.first_byte),
    ]
    bases += [(name, latency) for name, latency in parts if latency.samples]
    rows = [(basis, *(bounded(latency, name, AT_LEAST) for name in names)) for basis, latency in bases]
    return table(("", *names), rows)


def _spectrum(report: RunReport) -> str:
    """Latency over the share of requests that are faster."""
    points = spectrum_points(report.spectrum)
    if not points:
        return ""
    marks = [(x, quantile_name(x)) for x in nines(points[-1][0])]
    return line_chart("Latency by percentile", [Line("latency", tuple(points))], duration_us, x_ticks=marks)


def _thresholds(report: RunReport) -> str:
    rows = [
        (text(one.text), "held" if one.held else "broken", text(threshold_figure(one)))
        for one in report.thresholds
    ]
    return table(("threshold", "", "figure"), rows, (1, 2)) if rows else ""


def _named(report: RunReport) -> str:
    rows = [(text(name, 120), *map(text, cells)) for name, *cells in named_rows(report)]
    return table(("name", "ended", "req/s", "ok/s", "failed", "mean", "p50", "p99"), rows) if rows else ""


def _faults(report: RunReport) -> str:
    rows = [
        (
            text(f"{fault.category} {fault.code}"),
            text(fault.message),
            count(fault.count),
            percent(fault.share),
            text(f"{fault.apm_group} {percent(fault.joined_share)}" if fault.apm_group else fault.note),
        )
        for fault in report.faults
    ]
    if not rows:
        return "<p>None.</p>"
    listing = table(("kind", "message", "count", "share", "APM group"), rows, (1, 4))
    if explained := report.faults_explained:
        interval = f"{percent(explained.low)} to {percent(explained.high)}"
        listing += f"<p>{percent(explained.share)} of them explained by APM (95 %: {interval}).</p>"
    return listing


def _groups(report: RunReport, samples: Sequence[ErrorSample]) -> str:
    by_group = {sample.group: sample for sample in samples}
    parts = []
    for group in report.apm.error_groups:
        name = f"{group.type}: {group.message}"
        parts.append(f"<h3>{text(name)}</h3>")
        parts.append(f'<p class="soft">{count(group.count)} times, culprit {text(group.culprit)}</p>')
        if sample := by_group.get(group.key):
            parts.append(f"<pre>{_stack(sample.frames)}</pre>")
    return "\n".join(parts)


def _stack(frames: Sequence[Frame]) -> str:
    """Frames with their source line, the raise site last."""
    lines = []
    for frame in frames:
        place = f"{frame.filename}:{DASH if frame.line is None else frame.line}"
        lines.append(text(f"{place}  in {frame.function}"))
        if frame.context:
            lines.append("    " + text(frame.context.strip()))
    return "\n".join(lines)


def _audit(report: RunReport) -> str:
    names = ("acknowledged", "stored", "lost", "orphaned", "dropped", "rejected", "duplicates")
    if report.audit.acknowledged is None:
        return ""
    return table(names, [[count(getattr(report.audit, name)) for name in names]])


def _machine(report: RunReport) -> str:
    seen, machine = report.interference, report.machine
    names = ("machine", "generator", "dashboard", "apm", "service", "database", "steal")
    shares = table(names, [[percent(getattr(seen, name)) for name in names]])
    memory = "" if machine.memory_bytes is None else f", {byte_size(machine.memory_bytes)}"
    where = text(f"{machine.system}, {machine.cores} cores{memory}, Python {machine.python}")
    return f"<p>{where}. Interference: {percent(seen.share)} of the busy CPU went into measuring.</p>{shares}"


def _setting(report: RunReport) -> str:
    values = [*report.knobs.items(), *report.plan.items()]
    rows = [(text(name), text(DASH if value is None else value)) for name, value in values]
    return table(("name", "value"), rows, (1,)) if rows else ""
