"""`stressdash compare`: reports of two settings held against each other, as text, Markdown or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from stressdash import wire
from stressdash.errors import BadInput, UsageError
from stressdash.metrics.compare import Change, Comparison, Judgement, Metric, compare, regressed
from stressdash.report.run_json import LatencyReport, RunReport, load
from stressdash.text import byte_size, duration_us, escape, percent, rate

__all__ = ["REGRESSED", "TOO_FEW", "Compared", "compare_reports", "parse_limit", "read_reports"]

TOO_FEW: Final = 6
"""Exit code where there are too few repeats to decide anything."""
REGRESSED: Final = 4
SEED: Final = 20_191_218
"""Relabellings are drawn, so the same reports always give the same answer."""

LATENCIES: Final = ("mean", "p50", "p75", "p90", "p99", "p999")
METRICS: Final = (
    Metric("rate", "req/s", "req/s", higher_is_better=True),
    Metric("goodput", "goodput/s", "req/s", higher_is_better=True),
    *(Metric(name, f"latency {name}", "us", higher_is_better=False) for name in LATENCIES),
    Metric("failed", "failed share", "share", higher_is_better=False, ratio=False),
    Metric("cpu", "generator CPU/request", "us", higher_is_better=False),
)
FORMATS: Final = {"req/s": rate, "us": duration_us, "share": percent, "bytes": byte_size}


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison, what differs besides, and what speaks against comparing at all."""

    comparison: Comparison
    knobs: Mapping[str, tuple[str, str]]
    """Knobs that differ, with both values."""
    groups_new: tuple[str, ...]
    groups_gone: tuple[str, ...]
    objections: tuple[str, ...]
    regressions: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0, or `REGRESSED`, or `TOO_FEW`."""
        if self.regressions:
            return REGRESSED
        return 0 if self.comparison.enough else TOO_FEW

    def text(self, *, markdown: bool = False) -> str:
        """A table and sentences."""
        rows = [_row(change) for change in self.comparison.changes]
        head = ("metric", "before", "after", "change", "95 % interval", "")
        lines = _markdown(head, rows) if markdown else _columns(head, rows)
        before, after = self.comparison.repeats
        paired = ", in pairs" if self.comparison.paired else ""
        bullet = "- " if markdown else ""
        lines = [f"{before} runs before, {after} after{paired}", "", *lines, ""]
        lines += [f"{bullet}knob {name}: {a} -> {b}" for name, (a, b) in self.knobs.items()]
        lines += [f"{bullet}new error: {escape(text, 90)}" for text in self.groups_new]
        lines += [f"{bullet}gone: {escape(text, 90)}" for text in self.groups_gone]
        lines += [f"{bullet}beware: {text}" for text in self.objections]
        lines += [f"{bullet}regression: {text}" for text in self.regressions]
        if not self.comparison.enough:
            lines.append(f"{bullet}too few repeats to decide; six pairs, or four runs on each side, can")
        return "\n".join(lines).rstrip() + "\n"

    def json(self) -> str:
        """All of it for programs."""
        told = {"schema": "stressdash.compare/1", **wire.to_builtins(self), "enough": self.comparison.enough}
        return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def read_reports(names: str) -> tuple[RunReport, ...]:
    """Reports of one setting, from a comma-separated list of JSON files.

    Raises:
        BadInput: one cannot be read, or is no report.
    """
    reports = []
    for name in names.split(","):
        try:
            reports.append(load(Path(name).read_bytes()))
        except OSError as error:
            raise BadInput(f"cannot read report {name!r}: {error.strerror}") from error
        except BadInput as error:
            raise BadInput(f"{name}: {error}") from error
    return tuple(reports)


def parse_limit(text: str) -> tuple[str, float]:
    """Metric and allowed worsening of `p99:5%`; of a share it is absolute.

    Raises:
        UsageError: no such metric, or no percentage.
    """
    match = re.fullmatch(r"(\w+):(\d+(?:\.\d+)?)%", text.strip())
    keys = [metric.key for metric in METRICS]
    if match is None or match[1] not in keys:
        raise UsageError(
            f"--fail-on-regression {text!r} is not of the form p99:5%; the metrics are {', '.join(keys)}"
        )
    return match[1], float(match[2]) / 100


def compare_reports(
    before: Sequence[RunReport],
    after: Sequence[RunReport],
    *,
    paired: bool,
    limits: Sequence[tuple[str, float]] = (),
) -> Compared:
    """Hold two settings against each other.

    Raises:
        UsageError: they cannot be compared at all: other latency bases, void runs, pairs that do not match.
    """
    _refuse(before, after, paired=paired)
    comparison = compare(
        [_values(report) for report in before],
        [_values(report) for report in after],
        METRICS,
        paired=paired,
        random=Random(SEED),
    )
    by_key = {change.metric.key: change for change in comparison.changes}
    known, found = _groups(before), _groups(after)
    return Compared(
        comparison=comparison,
        knobs=_differing(before[-1].knobs, after[-1].knobs),
        groups_new=tuple(sorted(found - known)),
        groups_gone=tuple(sorted(known - found)),
        objections=_objections(before, after),
        regressions=tuple(
            f"{key} got worse by more than {limit:.3g} with its whole interval"
            for key, limit in limits
            if regressed(by_key[key], limit)
        ),
    )


def _refuse(before: Sequence[RunReport], after: Sequence[RunReport], *, paired: bool) -> None:
    everything = (*before, *after)
    if len({report.latency_basis for report in everything}) > 1:
        raise UsageError(
            "these runs count latency from different moments (latency_basis); they do not compare"
        )
    if void := [report.run_id for report in everything if report.verdict.status == "void"]:
        raise UsageError(f"void runs cannot be compared: {', '.join(void)}")
    if paired and len(before) != len(after):
        raise UsageError("pairs need as many runs after as before")


def _objections(before: Sequence[RunReport], after: Sequence[RunReport]) -> tuple[str, ...]:
    everything = (*before, *after)
    told = []
    if any(report.segments_mixed for report in everything):
        told.append("figures of some runs are mixed: load or knobs changed while they ran")
    plans = {json.dumps(dict(report.plan), sort_keys=True) for report in everything}
    if len(plans) > 1:
        told.append("the runs had different plans")
    if len({report.machine for report in everything}) > 1:
        told.append("the runs were made on different machines")
    if any(report.verdict.status == "interrupted" for report in everything):
        told.append("some runs were interrupted")
    return tuple(told)


def _values(report: RunReport) -> dict[str, float | None]:
    latency: LatencyReport = report.latency_us
    return {
        "rate": report.requests_per_second,
        "goodput": report.goodput_per_second,
        **{name: getattr(latency, name) for name in LATENCIES},
        "failed": report.failed_share,
        "cpu": report.interference.generator_cpu_us_per_request,
    }


def _groups(reports: Sequence[RunReport]) -> set[str]:
    return {f"{group.type}: {group.message}" for report in reports for group in report.apm.error_groups}


def _differing(a: Mapping[str, object], b: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    return {name: (str(a.get(name)), str(b.get(name))) for name in names}


def _row(change: Change) -> tuple[str, ...]:
    shown = FORMATS[change.metric.unit]

    def signed(value: float | None) -> str:
        return "unknown" if value is None else f"{value:+.1%}"

    known = change.judgement in {Judgement.BETTER, Judgement.WORSE, Judgement.NO_DIFFERENCE}
    interval = f"{signed(change.low)} to {signed(change.high)}" if known else ""
    detectable = f", {change.detectable:.0%} would be found" if change.detectable is not None else ""
    told = str(change.judgement) + (detectable if change.judgement is Judgement.NO_DIFFERENCE else "")
    return (
        change.metric.label,
        shown(change.before),
        shown(change.after),
        signed(change.change) if change.change is not None else "",
        interval,
        told,
    )


def _columns(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in (head, *rows)]  # fmt: skip


def _markdown(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]
