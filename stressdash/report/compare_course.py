"""What two settings look like over time and over the distribution: medians over the runs of each side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from stressdash.report.run_json import RunReport, SpectrumPoint, WindowRow

__all__ = ["Course", "Points", "courses", "nines", "quantile_name", "spectra", "spectrum_points"]

Points = tuple[tuple[float, float | None], ...]
FEWEST: Final = 3

READ: Final[tuple[tuple[str, str, Callable[[WindowRow], float | None]], ...]] = (
    ("Throughput", "req/s", lambda row: row.requests_per_second),
    ("Goodput", "req/s", lambda row: row.goodput_per_second),
    ("Latency p99", "us", lambda row: row.p99_us),
)


@dataclass(frozen=True, slots=True)
class Course:
    """One figure of both sides over the same axis."""

    title: str
    unit: str
    before: Points
    after: Points

    @property
    def length_s(self) -> float:
        """Right end of the axis."""
        return max((x for x, _ in (*self.before, *self.after)), default=0.0)


def courses(before: Sequence[RunReport], after: Sequence[RunReport]) -> tuple[Course, ...]:
    """Figures by second of the run that any second tells; none for runs too short to have a course."""
    if min(len(report.windows) for report in (*before, *after)) < FEWEST:
        return ()
    found = (Course(title, unit, _course(before, read), _course(after, read)) for title, unit, read in READ)
    return tuple(course for course in found if course.before or course.after)


def _course(reports: Sequence[RunReport], read: Callable[[WindowRow], float | None]) -> Points:
    by_second: dict[float, list[float]] = {}
    for report in reports:
        for row in report.windows:
            if (value := read(row)) is not None:
                by_second.setdefault(row.t_s, []).append(value)
    return tuple((at, median(found)) for at, found in sorted(by_second.items()))


def spectra(before: Sequence[RunReport], after: Sequence[RunReport]) -> Course | None:
    """Latency by nines: 1 is the 90th percentile, 2 the 99th; None for reports that do not have it."""
    sides = [_spectrum(reports) for reports in (before, after)]
    if not all(sides):
        return None
    return Course("Latency by percentile", "us", *sides)


def _spectrum(reports: Sequence[RunReport]) -> Points:
    """As far as every run tells it."""
    by_quantile: dict[float, list[int]] = {}
    for report in reports:
        for point in report.spectrum:
            by_quantile.setdefault(point.q, []).append(point.us)
    return tuple(
        (-math.log10(1 - q), median(found))
        for q, found in sorted(by_quantile.items())
        if len(found) == len(reports)
    )


def spectrum_points(spectrum: Sequence[SpectrumPoint]) -> list[tuple[float, float]]:
    """A run's spectrum by nines."""
    return [(-math.log10(1 - point.q), float(point.us)) for point in spectrum]


def nines(longest: float) -> list[float]:
    """Where the axis of `spectra` is labelled."""
    return [-math.log10(1 - q) for q in (0.0, 0.5)] + [float(n) for n in range(1, int(longest) + 1)]


def quantile_name(x: float) -> str:
    """For instance `99%` at 2."""
    return f"{100 * (1 - 10**-x):.6g}%"
