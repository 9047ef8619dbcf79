"""The server's view, looked at closely: what the APM views show beyond series, error groups and traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "LATENCY_EDGES_US",
    "Dependency",
    "ErrorName",
    "FoundService",
    "LatencyBand",
    "LatencyDistribution",
    "Scope",
    "ServiceFigures",
    "TransactionGroup",
    "TransactionSample",
]

LATENCY_EDGES_US: Final = (0, *(round(10 ** (step / 10)) for step in range(20, 81)))
"""Lower edges of the bands of a latency distribution: ten to a decade from 100 us to 100 s, and all below."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose APM data are looked at; None stands for all."""

    service: str | None = None
    environment: str | None = None
    transaction_type: str = "request"
    """Series, transactions, latencies and breakdown are of transactions of this type."""


@dataclass(frozen=True, slots=True)
class FoundService:
    """A service that has sent something, with what it can be narrowed down to."""

    name: str
    environments: tuple[str, ...] = ()
    """In order; empty when the service names none."""
    transaction_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """One service in a range of time. Transactions are weighted by the sampling rate."""

    name: str
    transactions: float
    failed: float
    errors: int
    """Error documents, unweighted."""
    mean_us: float | None = None
    p95_us: float | None = None


@dataclass(frozen=True, slots=True)
class TransactionGroup:
    """Transactions of one name. Counts are weighted by the sampling rate."""

    name: str
    transactions: float
    failed: float
    total_us: float
    """Time that they took together, weighted: their share of it is their impact."""
    mean_us: float | None = None
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None


@dataclass(frozen=True, slots=True)
class LatencyBand:
    """Transactions with `low_us <= duration < high_us`, weighted."""

    low_us: int
    high_us: int | None
    """None in the last band, which has no end."""
    transactions: float
    failed: float


@dataclass(frozen=True, slots=True)
class LatencyDistribution:
    """Bands from the first to the last that has transactions, empty ones between them included."""

    bands: tuple[LatencyBand, ...] = ()
    transactions: float = 0.0
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None


@dataclass(frozen=True, slots=True)
class TransactionSample:
    """One transaction that can be opened as a trace."""

    trace_id: str
    transaction_id: str
    name: str
    at_ms: int
    duration_us: int
    outcome: str
    """`success`, `failure` or `unknown`."""
    result: str = ""


@dataclass(frozen=True, slots=True)
class Dependency:
    """What the service calls: a database, another service. Counts are weighted by the sampling rate."""

    resource: str
    """For instance `mysql/stats`."""
    type: str
    subtype: str
    calls: float
    failed: float
    mean_us: float | None = None
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    operations: Mapping[str, float] = field(default_factory=dict)
    """Calls by the name of the span, the most frequent first, at most 20."""


@dataclass(frozen=True, slots=True)
class ErrorName:
    """Errors of one group with one message: a group can hold several, 1040 beside 1205."""

    message: str
    count: int
    first_ms: int
    last_ms: int
    spark: tuple[int, ...] = ()
    """Occurrences per second of the range, as in `ErrorGroup`."""
