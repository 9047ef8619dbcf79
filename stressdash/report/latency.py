"""Latency histograms as the report tells them: figures, the split by outcome and phase, the spectrum."""

from __future__ import annotations

from typing import Final

from stressdash.metrics.histogram import Histogram
from stressdash.metrics.window import RunTotals
from stressdash.report.latency_json import LatencyReport, LatencySplit, SpectrumPoint

__all__ = ["QUANTILES", "latency_report", "latency_split", "spectrum"]

QUANTILES: Final = {"p50": 0.50, "p75": 0.75, "p90": 0.90, "p99": 0.99, "p999": 0.999}
HALVINGS: Final = 24
"""The spectrum ends where one request in 2^24 lies beyond."""
PER_HALVING: Final = 4


def latency_report(histogram: Histogram, bounds: Histogram) -> LatencyReport:
    """Figures of a histogram; `bounds` is the part of it that are lower bounds."""
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


def latency_split(totals: RunTotals) -> LatencySplit:
    """Where the time of requests went, by outcome and by phase."""
    none = Histogram()
    completed = totals.latency.without(totals.latency_failed)
    return LatencySplit(
        completed=latency_report(completed, none),
        failed=latency_report(totals.latency_failed, totals.latency_timeouts),
        connect=latency_report(totals.connect, none),
        tls=latency_report(totals.tls, none),
        first_byte=latency_report(totals.first_byte, none),
    )


def spectrum(histogram: Histogram) -> tuple[SpectrumPoint, ...]:
    """Latency by quantile, evenly spaced by 'one request in so many', as far as samples tell."""
    quantiles = [1 - 2 ** (-step / PER_HALVING) for step in range(HALVINGS * PER_HALVING + 1)]
    return tuple(
        SpectrumPoint(q, value)
        for q in quantiles
        if histogram.total and (value := histogram.percentile(q)) is not None
    )
