"""The server's view: what an APM source answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = [
    "ApmBucket",
    "ApmHealth",
    "ApmSeries",
    "Breakdown",
    "BreakdownPart",
    "ClockOffset",
    "ErrorGroup",
    "ErrorSample",
    "Frame",
    "ProcessMetric",
    "Span",
    "Trace",
]


@dataclass(frozen=True, slots=True)
class Frame:
    """One stack frame, the raise site last in a stack."""

    filename: str
    line: int | None
    function: str
    module: str = ""
    library: bool = False
    pre: tuple[str, ...] = ()
    context: str = ""
    post: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApmBucket:
    """One time bucket of request transactions. Counts are weighted by the sampling rate."""

    start_ms: int
    transactions: float
    """Weighted; transactions kept merely because they failed are left out."""
    failed: float
    succeeded: float
    unknown: float
    mean_us: float | None = None
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    results: Mapping[str, float] = field(default_factory=dict)
    errors: int = 0
    """Error documents, unweighted."""


@dataclass(frozen=True, slots=True)
class ApmSeries:
    """Buckets in time order, `step_ms` wide, gaps included as zero buckets."""

    step_ms: int
    buckets: tuple[ApmBucket, ...]
    provisional_from_ms: int | None
    """Buckets from here on may still grow."""
    newest_ms: int | None
    """Timestamp of the newest transaction that the source holds; None when it holds none."""
    sampling: float | None
    """Share of transactions that were recorded; None when unknown."""
    mean_us: float | None = None
    p50_us: float | None = None
    p95_us: float | None = None
    p99_us: float | None = None
    """Over the whole range, from merged data, never from the buckets' percentiles."""
    transactions: float = 0.0
    failed: float = 0.0


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """APM errors with one grouping key."""

    key: str
    type: str
    message: str
    culprit: str
    handled: bool | None
    count: int
    first_ms: int
    last_ms: int
    names: Mapping[str, int] = field(default_factory=dict)
    """Every message in the group with its count: one key can hold several."""
    transactions: Mapping[str, int] = field(default_factory=dict)
    spark: tuple[int, ...] = ()
    """Occurrences per second of the range."""
    stack_depth: int = 0


@dataclass(frozen=True, slots=True)
class ErrorSample:
    """One APM error document."""

    id: str
    group: str
    at_ms: int
    type: str
    message: str
    culprit: str
    handled: bool | None
    frames: tuple[Frame, ...]
    causes: tuple[tuple[str, str], ...] = ()
    """(type, message) of chained exceptions."""
    trace_id: str | None = None
    transaction_id: str | None = None
    transaction_name: str | None = None
    sampled: bool | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    index: int = 0
    """Position among the samples: those with a sampled transaction first, then the newest first."""
    total: int = 0
    """How many samples can be paged through."""


@dataclass(frozen=True, slots=True)
class Span:
    """One transaction, span or error on a trace's time line."""

    id: str
    parent_id: str | None
    kind: str
    """`transaction`, `span` or `error`."""
    name: str
    type: str
    start_us: int
    """Wall-clock microseconds since 1970."""
    duration_us: int
    outcome: str | None = None
    resource: str = ""
    """Destination such as `mysql/stats`."""
    error_group: str | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """All that APM knows of one trace id, in time order."""

    trace_id: str
    spans: tuple[Span, ...]
    sampled: bool | None = None
    """None when nothing of the trace was found."""


@dataclass(frozen=True, slots=True)
class BreakdownPart:
    """Self time by span type and subtype."""

    type: str
    subtype: str
    count: int
    sum_us: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Where the service's time went, from span breakdown metrics."""

    parts: tuple[BreakdownPart, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessMetric:
    """One bucket of the service process's own metrics."""

    start_ms: int
    cpu_share: float | None
    """1.0 = all cores of the machine."""
    system_cpu_share: float | None
    rss_bytes: int | None


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far the clock that stamps APM's events is ahead of ours."""

    ahead_us: int
    within_us: int
    """The truth lies so far from `ahead_us` at most."""
    corrected_us: int = 0
    """What times from APM are set back by; 0 while both clocks agree well enough."""


@dataclass(frozen=True, slots=True)
class ApmHealth:
    """Whether the source can answer, and how far behind it is."""

    ok: bool
    product: str
    """For instance `embedded intake` or `Elasticsearch 8.19.21`."""
    detail: str = ""
    """What is wrong and what to do, when not ok."""
    newest_ms: int | None = None
    documents: int | None = None
    dropped: int | None = None
    """Events that the intake had to drop; None when unknown."""
    forgotten: int | None = None
    """Old events that made room for newer ones and can no longer be opened; charts still count them."""
    forwarding: str = ""
    """How it goes with handing events on to an Elasticsearch; empty when nothing is handed on."""
