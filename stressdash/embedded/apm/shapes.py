"""What a line of intake v2 must look like: the fields that are required, and the types of all others.

One class per object of Elastic's intake specification (v2). Decoding a line into them is the validation; the
document is made later from the line itself (`document`), which therefore may rely on these types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stressdash.embedded.apm.parts import Context, Metadata, Response, Scalar, StackFrame, Tags
from stressdash.wire import EpochMicros, Keyword, NonNegative

__all__ = [
    "ErrorEvent",
    "ErrorLine",
    "MetadataLine",
    "MetricsetEvent",
    "MetricsetLine",
    "SpanEvent",
    "SpanLine",
    "ThrownException",
    "TransactionEvent",
    "TransactionLine",
]

Outcome = Literal["success", "failure", "unknown"]


@dataclass(slots=True)
class SpanCount:
    """How many spans a transaction had."""

    started: int
    dropped: int | None = None


@dataclass(slots=True)
class TransactionEvent:
    """One served request, or any other unit of work."""

    id: Keyword
    trace_id: Keyword
    type: Keyword
    span_count: SpanCount
    duration: NonNegative
    name: Keyword | None = None
    result: Keyword | None = None
    outcome: Outcome | None = None
    parent_id: Keyword | None = None
    sampled: bool | None = None
    sample_rate: NonNegative | None = None
    timestamp: EpochMicros | None = None
    context: Context | None = None


@dataclass(slots=True)
class Database:
    """A query."""

    instance: Keyword | None = None
    link: Keyword | None = None
    rows_affected: int | None = None
    statement: str | None = None
    type: Keyword | None = None
    user: Keyword | None = None


@dataclass(slots=True)
class DestinationService:
    """What a span called, as the agent sums it up."""

    resource: Keyword
    name: Keyword | None = None
    type: Keyword | None = None


@dataclass(slots=True)
class Destination:
    """Where a span's call went."""

    address: Keyword | None = None
    port: int | None = None
    service: DestinationService | None = None


@dataclass(slots=True)
class SpanHttp:
    """An outgoing HTTP request."""

    method: Keyword | None = None
    status_code: int | None = None
    url: str | None = None
    response: Response | None = None


@dataclass(slots=True)
class Target:
    """Type and name of a called service."""

    type: Keyword | None = None
    name: Keyword | None = None


@dataclass(slots=True)
class SpanService:
    """The service as one span saw it."""

    target: Target | None = None


@dataclass(slots=True)
class SpanContext:
    """Circumstances of a span."""

    db: Database | None = None
    destination: Destination | None = None
    http: SpanHttp | None = None
    service: SpanService | None = None
    tags: Tags | None = None


@dataclass(slots=True)
class Composite:
    """Several like spans that the agent sent as one."""

    compression_strategy: Keyword
    count: int
    sum: NonNegative


@dataclass(slots=True)
class SpanEvent:
    """A part of a transaction."""

    id: Keyword
    trace_id: Keyword
    parent_id: Keyword
    name: Keyword
    type: Keyword
    duration: NonNegative
    transaction_id: Keyword | None = None
    subtype: Keyword | None = None
    action: Keyword | None = None
    outcome: Outcome | None = None
    sample_rate: NonNegative | None = None
    sync: bool | None = None
    start: float | None = None
    timestamp: EpochMicros | None = None
    composite: Composite | None = None
    context: SpanContext | None = None
    stacktrace: list[StackFrame] | None = None

    def __post_init__(self) -> None:
        if self.start is None and self.timestamp is None:
            raise ValueError("requires at least one of the fields 'start;timestamp'")


@dataclass(slots=True)
class ThrownException:
    """An exception, with those that caused it."""

    type: Keyword | None = None
    message: str | None = None
    module: Keyword | None = None
    code: Scalar | None = None
    handled: bool | None = None
    attributes: dict[str, object] | None = None
    stacktrace: list[StackFrame] | None = None
    cause: list[ThrownException] | None = None

    def __post_init__(self) -> None:
        if self.type is None and self.message is None:
            raise ValueError("requires at least one of the fields 'message;type'")


@dataclass(slots=True)
class ErrorLog:
    """A logged message that counts as an error."""

    message: str
    level: Keyword | None = None
    logger_name: Keyword | None = None
    param_message: Keyword | None = None
    stacktrace: list[StackFrame] | None = None


@dataclass(slots=True)
class TransactionRef:
    """What an error knows of its transaction."""

    name: Keyword | None = None
    type: Keyword | None = None
    sampled: bool | None = None


@dataclass(slots=True)
class ErrorEvent:
    """An exception or a logged error."""

    id: Keyword
    timestamp: EpochMicros | None = None
    culprit: Keyword | None = None
    exception: ThrownException | None = None
    log: ErrorLog | None = None
    trace_id: Keyword | None = None
    transaction_id: Keyword | None = None
    parent_id: Keyword | None = None
    transaction: TransactionRef | None = None
    context: Context | None = None

    def __post_init__(self) -> None:
        if self.exception is None and self.log is None:
            raise ValueError("requires at least one of the fields 'exception;log'")
        if self.parent_id is None and (self.trace_id is not None or self.transaction_id is not None):
            raise ValueError("'parent_id' required when 'trace_id' or 'transaction_id' is set")


@dataclass(slots=True)
class MetricSample:
    """One figure of a metric set."""

    value: float | None = None
    values: list[float] | None = None
    counts: list[int] | None = None
    type: Keyword | None = None
    unit: Keyword | None = None


@dataclass(slots=True)
class SpanKind:
    """Whose self time a breakdown metric counts."""

    type: Keyword | None = None
    subtype: Keyword | None = None


@dataclass(slots=True)
class MetricsetEvent:
    """Figures of one moment."""

    samples: dict[str, MetricSample]
    timestamp: EpochMicros | None = None
    tags: Tags | None = None
    span: SpanKind | None = None
    transaction: TransactionRef | None = None


@dataclass(slots=True)
class MetadataLine:
    """First line of every request."""

    metadata: Metadata


@dataclass(slots=True)
class TransactionLine:
    """One line with its only key."""

    transaction: TransactionEvent


@dataclass(slots=True)
class SpanLine:
    """One line with its only key."""

    span: SpanEvent


@dataclass(slots=True)
class ErrorLine:
    """One line with its only key."""

    error: ErrorEvent


@dataclass(slots=True)
class MetricsetLine:
    """One line with its only key."""

    metricset: MetricsetEvent
