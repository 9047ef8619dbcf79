"""Latency figures as the JSON of a run tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["NO_LATENCY", "LatencyReport", "LatencySplit", "SpectrumPoint"]


@dataclass(frozen=True, slots=True)
class LatencyReport:
    """Microseconds; a percentile is None while fewer than ten samples lie beyond it."""

    mean: float | None
    stdev: float | None
    max: int | None
    p50: int | None
    p75: int | None
    p90: int | None
    p99: int | None
    p999: int | None
    at_least: tuple[str, ...] = ()
    """Names of the figures above that reach a timeout or another lower bound: read them with a >= sign."""
    samples: int = 0


NO_LATENCY: Final = LatencyReport(None, None, None, None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class LatencySplit:
    """The same from the first byte sent, by outcome; and how long phases took that a request may have."""

    completed: LatencyReport = NO_LATENCY
    failed: LatencyReport = NO_LATENCY
    connect: LatencyReport = NO_LATENCY
    tls: LatencyReport = NO_LATENCY
    first_byte: LatencyReport = NO_LATENCY


@dataclass(frozen=True, slots=True)
class SpectrumPoint:
    """One point of the latency distribution."""

    q: float
    us: int
