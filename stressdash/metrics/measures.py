"""What thresholds are held against: the figures of a run, each with what is known of its certainty."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from stressdash.metrics.histogram import BEYOND, Histogram
from stressdash.metrics.window import RunTotals
from stressdash.samples import ApmSeries

__all__ = [
    "Counter",
    "Known",
    "Measure",
    "Rate",
    "Reading",
    "Trend",
    "apm_measures",
    "client_measures",
]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a measure says; `why` tells why it does not."""

    value: float | None
    at_least: bool = False
    """Whether the true figure may be larger."""
    why: str = ""
    at_most: float | None = None
    """Then, what it cannot pass; None where there is no such limit."""


class Measure(Protocol):
    """Something that thresholds can be held against."""

    def read(self, aggregation: str, q: float | None) -> Reading:
        """The figure; `q` is given for `p`."""
        ...


@dataclass(frozen=True, slots=True)
class Trend:
    """Durations; `bounds` is the part of them that are lower bounds."""

    histogram: Histogram
    bounds: Histogram

    def read(self, aggregation: str, q: float | None) -> Reading:
        """Microseconds, or their number."""
        histogram = self.histogram
        if aggregation == "count":
            return Reading(histogram.total)
        if not histogram.total:
            return Reading(None, why="nothing was measured")
        if aggregation in {"p", "med"}:
            q = 0.5 if q is None else q
            return self._percentile(q)
        bounded = bool(self.bounds.total)
        if aggregation == "avg":
            return Reading(histogram.mean, bounded)
        if aggregation == "max":
            return Reading(histogram.maximum, histogram.reaches_bound(1.0, self.bounds))
        return Reading(histogram.minimum)

    def _percentile(self, q: float) -> Reading:
        histogram = self.histogram
        # p(100) is the maximum; no number of samples lies beyond it.
        if q < 1 and not histogram.knows(q):
            needed = math.ceil(BEYOND / (1 - q) - 1e-6)
            return Reading(None, why=f"it takes {needed:,} samples, there were {histogram.total:,}")
        return Reading(
            histogram.percentile_unchecked(q),
            histogram.reaches_bound(q, self.bounds),
            at_most=histogram.percentile_at_most(q, self.bounds),
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of all were so."""

    hits: float
    total: float

    def read(self, aggregation: str, q: float | None) -> Reading:  # noqa: ARG002 - part of the interface
        """Share of all (0 to 1), or their number."""
        if aggregation == "count":
            return Reading(self.hits)
        return Reading(self.hits / self.total) if self.total else Reading(None, why="nothing was measured")


@dataclass(frozen=True, slots=True)
class Counter:
    """How many in how many seconds."""

    number: float
    seconds: float

    def read(self, aggregation: str, q: float | None) -> Reading:  # noqa: ARG002 - part of the interface
        """Their number, or how many per second."""
        if aggregation == "count":
            return Reading(self.number)
        return (
            Reading(self.number / self.seconds) if self.seconds else Reading(None, why="no time was measured")
        )


@dataclass(frozen=True, slots=True)
class Known:
    """A few figures that another system computed, in microseconds."""

    mean: float | None
    percentiles: Mapping[float, float | None]

    def read(self, aggregation: str, q: float | None) -> Reading:
        """The figure, where the other system told it."""
        value = self.mean if aggregation == "avg" else self.percentiles.get(0.5 if q is None else q)
        told = ", ".join(f"p({100 * each:g})" for each in self.percentiles)
        return Reading(value, why="" if value is not None else f"APM tells only avg, {told}, if anything")


def client_measures(totals: RunTotals, names: Collection[str] = ()) -> dict[tuple[str, str], Measure]:
    """What the client's totals can be held to, over all requests and by name of the request.

    `names` are those of the plan; where it is one, all requests are its.
    """
    none = Histogram()
    ended = totals.completed + totals.failed
    measured_s = totals.measured_s
    measures: dict[tuple[str, str], Measure] = {
        ("latency", ""): Trend(totals.latency, totals.latency_timeouts),
        ("corrected", ""): Trend(totals.latency_intended, totals.latency_intended_bounds),
        ("connect", ""): Trend(totals.connect, none),
        ("tls", ""): Trend(totals.tls, none),
        ("first_byte", ""): Trend(totals.first_byte, none),
        ("failed", ""): Rate(totals.failed, ended),
        ("requests", ""): Counter((totals.requests_per_s or 0) * measured_s, measured_s),
        ("goodput", ""): Counter((totals.goodput_per_s or 0) * measured_s, measured_s),
    }
    if len(names) == 1:
        measures |= {(metric, name): measure for (metric, _), measure in measures.items() for name in names}
    for name, each in totals.by_request.items():
        measures |= {
            ("latency", name): Trend(each.latency, each.latency_timeouts),
            ("corrected", name): Trend(each.latency_intended, each.latency_intended_bounds),
            ("failed", name): Rate(each.failed, each.completed + each.failed),
            ("requests", name): Counter(each.measured_responses, measured_s),
            ("goodput", name): Counter(each.measured_completed, measured_s),
        }
    return measures


def apm_measures(series: ApmSeries, seconds: float) -> dict[tuple[str, str], Measure]:
    """What the service's own view of the run can be held to; `seconds` is what it covers."""
    percentiles = {0.5: series.p50_us, 0.95: series.p95_us, 0.99: series.p99_us}
    return {
        ("apm.latency", ""): Known(series.mean_us, percentiles),
        ("apm.failed", ""): Rate(series.failed, series.transactions),
        ("apm.requests", ""): Counter(series.transactions, seconds),
    }
