"""The knee as text or JSON: of pairs from a file, or of levels that were run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stressdash import wire
from stressdash.charts.plotext_view import XyLine, draw_xy_plot
from stressdash.errors import BadInput
from stressdash.metrics.knee import DEFINITION, Estimate, Finding, Knee, find_knee, parse_points
from stressdash.metrics.levels import Level, LevelRun, best_level, level_points
from stressdash.metrics.thresholds import Threshold
from stressdash.report.run_json import RunReport
from stressdash.text import duration_us, escape, percent, rate

__all__ = ["LevelsFound", "find_level_knee", "knee_of_csv", "level_run"]

SCHEMA: Final = "stressdash.knee/1"
LIMITS: Final = {
    "contention": "contention: requests wait for something that only one can have (sigma)",
    "coherency": "coherency: work is spent on keeping others in step, and grows with their number (kappa)",
    "none": "nothing that can be told from none: throughput grows with concurrency",
}
SIZE: Final = (80, 20)
SAMPLES: Final = 120
"""Points of the drawn curve."""
UNMET: Final = 4
VOID: Final = 5
INTERRUPTED: Final = 130


def knee_of_csv(file: str, *, as_json: bool) -> str:
    """Read pairs from a CSV file, fit the Universal Scalability Law, and tell what it says.

    Raises:
        BadInput: the file cannot be read, a line is no pair, or there is too little to fit.
    """
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInput(f"cannot read {file!r}: {reason}") from error
    knee = find_knee(parse_points(text, file))
    return _json(knee, {}) if as_json else _fit(knee) + "\n" + _plot(knee)


@dataclass(frozen=True, slots=True)
class LevelsFound:
    """Levels that were run, the law fitted to them, and the best level under the objective."""

    objective: tuple[str, ...]
    levels: tuple[Level, ...]
    best: Level | None
    knee: Knee | None
    problem: str
    """Why there is no fit."""
    interrupted: bool

    @property
    def exit_code(self) -> int:
        """0, or of an interruption, of void runs only, or of an objective that no level met."""
        if self.interrupted:
            return INTERRUPTED
        if not level_points(self.levels):
            return VOID
        return 0 if self.best is not None or not self.objective else UNMET

    def text(self) -> str:
        """Table, answer, fit and plot."""
        parts = ["\n".join(map(_level_line, self.levels)), self._answer()]
        if self.knee is not None:
            parts += [_fit(self.knee).rstrip(), _plot(self.knee).rstrip()]
        else:
            parts.append(f"no fit: {self.problem}")
        void = [run for level in self.levels for run in level.runs if run.void]
        if void:
            parts.append("\n".join(f"left out: run {run.run_id}, {'; '.join(run.void)}" for run in void))
        if self.interrupted:
            parts.append("interrupted before its end")
        return "\n\n".join(part for part in parts if part) + "\n"

    def json(self) -> str:
        """All of it for programs."""
        told = {
            "objective": self.objective,
            "best": None if self.best is None else {"connections": self.best.connections,
                                                    "throughput": self.best.throughput},
            "levels": [
                {"throughput": level.throughput, "held": level.held, **wire.to_builtins(level)}
                for level in self.levels
            ],
            "problem": self.problem,
            "exit_code": self.exit_code,
        }  # fmt: skip
        return _json(self.knee, told)

    def _answer(self) -> str:
        if not self.objective:
            return ""
        words = " and ".join(escape(text, 100) for text in self.objective)
        if self.best is None:
            return f"no level met {words}"
        found = f"highest goodput with {words}: {rate(self.best.throughput)} req/s"
        more = [level.connections for level in self.levels if level.held is False]
        above = min((level for level in more if level > self.best.connections), default=None)
        edge = "; no level above it was run" if self.best is self.levels[-1] else ""
        edge = f"; broken at {above:,}" if above is not None else edge
        return f"{found} at {self.best.connections:,} connections{edge}"


def level_run(report: RunReport) -> LevelRun:
    """What counts of a run; its thresholds are the objective."""
    answers = [None if one.value is None else one.held for one in report.thresholds]
    held = False if False in answers else (None if None in answers else True)
    void = report.verdict.reasons if report.verdict.status == "void" else ()
    return LevelRun(
        run_id=report.run_id,
        concurrency=report.little.held if report.little is not None else None,
        throughput=report.goodput_per_second,
        p99_us=report.latency_us.p99,
        failed_share=report.failed_share,
        held=held,
        void=void,
        steady=report.course.steady_reason,
    )


def find_level_knee(
    levels: Sequence[Level], objective: Sequence[Threshold], *, interrupted: bool = False
) -> LevelsFound:
    """Fit the law to levels that were run, and find the best of them."""
    knee, problem = None, ""
    try:
        knee = find_knee(level_points(levels))
    except BadInput as error:
        problem = str(error)
    words = tuple(threshold.text for threshold in objective)
    return LevelsFound(
        words, tuple(levels), best_level(levels) if words else None, knee, problem, interrupted
    )


def _level_line(level: Level) -> str:
    runs = [run for run in level.runs if not run.void]
    busy = [run.concurrency for run in runs if run.concurrency is not None]
    p99 = max((run.p99_us for run in runs if run.p99_us is not None), default=None)
    failed = max((run.failed_share for run in runs if run.failed_share is not None), default=None)
    said = {True: "met", False: "broken", None: "not known"}[level.held]
    average = f"{sum(busy) / len(busy):.1f}" if busy else "–"
    return (
        f"{level.connections:>7,} connections  {average:>8} busy  {rate(level.throughput):>8} ok/s  "
        f"worst p99 {duration_us(p99):>8}  failed {percent(failed):>6}  objective {said}"
    )


def _json(knee: Knee | None, more: dict[str, Any]) -> str:
    fit = wire.to_builtins(knee) if knee is not None else {"finding": None}
    return json.dumps({"schema": SCHEMA, "definition": DEFINITION, **fit, **more}, indent=2) + "\n"


def _fit(knee: Knee) -> str:
    lines = [
        f"{len(knee.points)} points; {DEFINITION}",
        f"  throughput at 1  {_estimate(knee.rate_of_one)}",
        f"  sigma            {_estimate(knee.sigma)}",
        f"  kappa            {_estimate(knee.kappa)}",
        f"  typical miss     {knee.misfit:.1%} of the mean throughput",
        f"finding: {knee.finding}",
    ]
    if knee.peak is not None:
        lines.append(
            f"  peak at {_estimate(knee.peak.concurrency)} connections, "
            f"{_estimate(knee.peak.throughput)} req/s"
        )
    lines.append(f"  what costs most: {LIMITS[knee.limit]}")
    return "\n".join(lines) + "\n"


def _estimate(estimate: Estimate) -> str:
    return f"{estimate.value:.4g} (95 %: {_bound(estimate.low)} to {_bound(estimate.high)})"


def _bound(value: float | None) -> str:
    return "open" if value is None else f"{value:.4g}"


def _plot(knee: Knee) -> str:
    """Points, the fitted curve, and its peak where one is claimed."""
    points = tuple((point.concurrency, point.throughput) for point in knee.points)
    most = max(x for x, _ in points)
    xs = [most * number / SAMPLES for number in range(1, SAMPLES + 1)]
    lines = [
        XyLine(tuple((x, max(0.0, knee.throughput(x))) for x in xs)),
        XyLine(points, marker="o", joined=False),
    ]
    legend = "o measured   line: the law"
    if knee.peak is not None and knee.finding is Finding.PEAK:
        lines.append(
            XyLine(((knee.peak.concurrency.value, knee.peak.throughput.value),), marker="X", joined=False)
        )
        legend += "   X its peak"
    step = float(f"{most / 5:.1g}")
    ticks = [(step * number, f"{step * number:g}") for number in range(int(most / step) + 1)]
    chart = draw_xy_plot(lines, size=SIZE, unit="req/s", x_ticks=ticks, x_label="connections busy")
    return "\n".join([legend, *(line.rstrip() for line in chart.splitlines())]) + "\n"
