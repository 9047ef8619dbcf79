"""What came of an experiment: each value against the first, as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stressdash import wire
from stressdash.metrics.compare import LEVEL
from stressdash.report.compare_text import comparison_text, comparison_verdict, verdict_line
from stressdash.report.comparison import REGRESSED, TOO_FEW, Compared, Limit, compare_reports
from stressdash.report.markdown import markdown_text
from stressdash.report.run_json import RunReport
from stressdash.text import duration_us, escape, percent, rate

__all__ = ["Experiment", "judge_experiment", "trial_header", "trial_row"]

SCHEMA: Final = "stressdash.experiment/1"
VOID: Final = 5
INTERRUPTED: Final = 130
LABEL: Final = 28


@dataclass(frozen=True, slots=True)
class Experiment:
    """Interleaved runs of several values, and each value compared with the first."""

    labels: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]
    """Run ids of each value, in the order of their repeats."""
    compared: tuple[Compared, ...]
    void: tuple[str, ...]
    """Runs left out with their pairs, each with the reason."""
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0, or of an interruption, a regression, void runs only, or too few repeats."""
        if self.interrupted:
            return INTERRUPTED
        if not self.compared:
            return VOID
        codes = {compared.exit_code for compared in self.compared}
        return next((code for code in (REGRESSED, TOO_FEW) if code in codes), 0)

    def text(self, *, markdown: bool = False) -> str:
        """A verdict for each value, and the tables behind it."""
        shown = markdown_text if markdown else escape
        parts = []
        for compared in self.compared:
            title = f"{shown(compared.names[1])} against {shown(compared.names[0])}"
            parts.append(f"## {title}" if markdown else f"--- {title}")
            parts.append(comparison_text(compared, markdown=markdown).rstrip())
            parts.append(verdict_line(compared, markdown=markdown))
        parts += [f"left out: {shown(words, 400)}" for words in self.void]
        if self.interrupted:
            parts.append("interrupted before its end")
        return "\n\n".join(parts) + "\n"

    def json(self) -> str:
        """All of it for programs."""
        told = {
            "schema": SCHEMA,
            **wire.to_builtins(self),
            "verdicts": [comparison_verdict(compared) for compared in self.compared],
            "exit_code": self.exit_code,
        }
        return json.dumps(told, indent=2) + "\n"


def judge_experiment(
    labels: Sequence[str],
    runs: Sequence[Sequence[RunReport]],
    *,
    limits: Sequence[Limit] = (),
    interrupted: bool = False,
) -> Experiment:
    """Compare every value with the first; run i of each value belongs to round i.

    A round in which a run was void is left out of the comparison. The chance of a false alarm is shared
    among the comparisons.

    Raises:
        UsageError: the runs cannot be compared at all.
    """
    compared, void = [], []
    level = LEVEL / max(1, len(labels) - 1)
    for number in range(1, len(labels)):
        rounds = [pair for pair in zip(runs[0], runs[number], strict=False) if not _void(pair)]
        if rounds:
            before, after = zip(*rounds, strict=True)
            names = (labels[0], labels[number])
            compared.append(
                compare_reports(before, after, paired=True, limits=limits, names=names, level=level)
            )
    for label, reports in zip(labels, runs, strict=True):
        void += [
            f"{label}, run {report.run_id}: {'; '.join(report.verdict.reasons)}"
            for report in reports
            if _void([report])
        ]
    return Experiment(
        labels=tuple(labels),
        runs=tuple(tuple(report.run_id for report in reports) for reports in runs),
        compared=tuple(compared),
        void=tuple(void),
        interrupted=interrupted,
    )


def _void(reports: Sequence[RunReport]) -> bool:
    return any(report.verdict.status in {"void", "interrupted"} for report in reports)


def trial_header() -> str:
    """Names of the columns of `trial_row`."""
    return f"{'':<{LABEL}}{'req/s':>10}{'ok/s':>10}{'p50':>10}{'p99':>10}{'failed':>9}  verdict"


def trial_row(label: str, report: RunReport) -> str:
    """One run as a line of the live table."""
    latency = report.latency_us
    return (
        f"{escape(label, LABEL - 1):<{LABEL}}{rate(report.requests_per_second):>10}"
        f"{rate(report.goodput_per_second):>10}{duration_us(latency.p50):>10}{duration_us(latency.p99):>10}"
        f"{percent(report.failed_share):>9}  {report.outcome}"
    )
