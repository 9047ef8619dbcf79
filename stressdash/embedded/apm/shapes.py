"""What a line of intake v2 must look like: the fields that are required, and the types of all others.

One class per object of Elastic's intake specification (v2). Decoding a line into them is the validation; the
document is made later from the line itself (`document`), which therefore may rely on these types. Fields that
the specification leaves open are `object`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stressdash.wire import EpochMicros, Keyword, NonNegative, ServiceName

__all__ = [
    "ErrorEvent",
    "ErrorLine",
    "ErrorLog",
    "MetadataLine",
    "MetricsetEvent",
    "MetricsetLine",
    "SpanEvent",
    "SpanLine",
    "StackFrame",
    "ThrownException",
    "TransactionEvent",
    "TransactionLine",
]

Outcome = Literal["success", "failure", "unknown"]
Tags = dict[str, str | bool | int | float | None]
Headers = dict[str, str | list[str]]
Scalar = str | int


@dataclass(slots=True)
class NamedVersion:
    """A runtime, language or framework."""

    name: Keyword | None = None
    version: Keyword | None = None


@dataclass(slots=True)
class Node:
    """One instance of a service."""

    name: Keyword | None = None
    configured_name: Keyword | None = None


@dataclass(slots=True)
class Agent:
    """Who sends."""

    name: Keyword
    version: Keyword
    activation_method: Keyword | None = None
    ephemeral_id: Keyword | None = None


@dataclass(slots=True)
class Service:
    """For whom it sends."""

    name: ServiceName
    agent: Agent
    version: Keyword | None = None
    environment: Keyword | None = None
    language: NamedVersion | None = None
    runtime: NamedVersion | None = None
    framework: NamedVersion | None = None
    node: Node | None = None


@dataclass(slots=True)
class Process:
    """The service's process."""

    pid: int
    ppid: int | None = None
    title: Keyword | None = None
    argv: list[str] | None = None


@dataclass(slots=True)
class Identified:
    """A container, or anything else that has but an id."""

    id: Keyword | None = None


@dataclass(slots=True)
class System:
    """The service's machine."""

    architecture: Keyword | None = None
    configured_hostname: Keyword | None = None
    detected_hostname: Keyword | None = None
    hostname: Keyword | None = None
    platform: Keyword | None = None
    container: Identified | None = None


@dataclass(slots=True)
class User:
    """Who used the service."""

    id: Scalar | None = None
    username: Keyword | None = None
    email: Keyword | None = None
    domain: Keyword | None = None


@dataclass(slots=True)
class Metadata:
    """What holds for all events of one request."""

    service: Service
    process: Process | None = None
    system: System | None = None
    labels: Tags | None = None
    user: User | None = None
    cloud: dict[str, object] | None = None
    network: dict[str, object] | None = None


@dataclass(slots=True)
class StackFrame:
    """One frame; the raise site is the last of a stack that the Python agent sends."""

    filename: str | None = None
    classname: str | None = None
    abs_path: str | None = None
    module: str | None = None
    function: str | None = None
    lineno: int | None = None
    colno: int | None = None
    library_frame: bool | None = None
    context_line: str | None = None
    pre_context: list[str] | None = None
    post_context: list[str] | None = None
    vars: dict[str, object] | None = None

    def __post_init__(self) -> None:
        if self.filename is None and self.classname is None:
            raise ValueError("requires at least one of the fields 'classname;filename'")


@dataclass(slots=True)
class Socket:
    """The peer of an HTTP request."""

    remote_address: str | None = None
    encrypted: bool | None = None


@dataclass(slots=True)
class RequestUrl:
    """The URL of an incoming request, in parts."""

    full: Keyword | None = None
    protocol: Keyword | None = None
    hostname: Keyword | None = None
    pathname: Keyword | None = None
    port: Scalar | None = None
    search: Keyword | None = None
    hash: Keyword | None = None
    raw: Keyword | None = None


@dataclass(slots=True)
class Request:
    """An incoming HTTP request."""

    method: Keyword
    socket: Socket | None = None
    url: RequestUrl | None = None
    headers: Headers | None = None
    cookies: dict[str, object] | None = None
    env: dict[str, object] | None = None
    http_version: Keyword | None = None
    body: object = None


@dataclass(slots=True)
class Response:
    """The answer to an HTTP request."""

    status_code: int | None = None
    headers: Headers | None = None
    finished: bool | None = None
    headers_sent: bool | None = None
    transfer_size: int | None = None
    encoded_body_size: int | None = None
    decoded_body_size: int | None = None


@dataclass(slots=True)
class Context:
    """Circumstances of a transaction or an error."""

    request: Request | None = None
    response: Response | None = None
    tags: Tags | None = None
    user: User | None = None
    custom: dict[str, object] | None = None


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
