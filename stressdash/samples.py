"""The vocabulary: what load, APM and stack tell the rest of the program.

Plain frozen data, standard library only. Units are in the names; times inside one machine are monotonic
nanoseconds (`_ns`), times from APM are wall-clock milliseconds since 1970 (`_ms`). A figure that is not known
is None, never 0. Sparse histograms (`Counts`) map a bucket index of `stressdash.hdr` to a count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

__all__ = [
    "ApmBucket",
    "ApmHealth",
    "ApmSeries",
    "Breakdown",
    "BreakdownPart",
    "Component",
    "ComponentState",
    "Counts",
    "DatabaseProcess",
    "DatabaseStatus",
    "ErrorGroup",
    "ErrorSample",
    "Exemplar",
    "Fault",
    "Frame",
    "Knob",
    "LogLine",
    "Outcome",
    "Phase",
    "PoolStatus",
    "ProcessMetric",
    "ServiceStatus",
    "Span",
    "Trace",
    "Window",
]

Counts = Mapping[int, int]


# --- the client's view: what the load engine reports ------------------------------------------------------


class Phase(StrEnum):
    """What the engine was doing during a window. Rates are made of `RUN` windows only."""

    RUN = "run"
    PAUSED = "paused"
    DRAIN = "drain"


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One request worth looking at: a fault's first or latest, or the slowest of a second."""

    kind: str
    """`first`, `latest` (of a fault) or `slowest`."""
    at_ns: int
    """When it ended."""
    sent_ns: int | None
    """When its first byte was sent; None when it never was."""
    connection: int
    """Number of the connection within its worker."""
    number: int
    """Request number, unique within the run; 0 when no request was attached (a refused connect)."""
    latency_us: int | None
    status: int | None
    trace_id: str | None
    request: str = ""
    """Name of the request in the plan."""
    head: bytes = b""
    """Start of the answer's header block, at most 1 KiB, untrusted."""
    body: bytes = b""
    """Start of the answer's body, at most 2 KiB, untrusted."""
    note: str = ""
    """What the engine adds, for instance the operating system's own words."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of failure: requests that ended in the same way, with a folded message."""

    category: str
    """One of dns connect tls write read timeout protocol http rpc body."""
    code: str
    """errno name, HTTP status or Twirp code."""
    message: str
    """Message with its variable parts folded; untrusted."""
    count: int
    first_ns: int
    last_ns: int
    exemplars: tuple[Exemplar, ...] = ()
    trace_ids: tuple[str, ...] = ()
    """Reservoir sample of the trace ids of the `count` failed requests."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two faults the same."""
        return (self.category, self.code, self.message)


@dataclass(frozen=True, slots=True)
class Window:
    """What one worker saw in one cell of the 100 ms grid, or in the part of it with one phase and segment.

    Everything is a delta over the window, apart from the gauges. Windows merge by addition
    (`stressdash.metrics.window`). Books, always: scheduled = completed + failed + in flight.
    """

    start_ns: int
    length_ns: int
    worker: int
    segment: int
    """Number of the steering segment; grows at each change of connections, rate, mode or knob."""
    phase: Phase

    # gauges at the window's end
    target_connections: int
    open_connections: int
    busy_connections: int
    in_flight: int
    """Requests scheduled and not ended, counted from the connections that hold them."""

    scheduled: int
    """Requests that became due in this window."""
    sent: int
    """Requests whose first byte was sent in this window."""
    completed: int
    failed: int
    responses: int
    """Full responses of any status that arrived in this window."""
    statuses: Mapping[int, int]
    bytes_sent: int
    bytes_received: int
    connects: int
    """Connections that were established."""
    reconnects: int
    """Established again after the peer closed an idle connection: not a fault."""

    latency: Counts
    """All full responses and timeouts."""
    latency_failed: Counts
    """The part of `latency` whose request failed."""
    latency_timeouts: Counts
    """The part of `latency` that are abort times of timeouts: lower bounds."""
    latency_intended: Counts
    """From the intended start; open loop only, else empty."""
    latency_intended_bounds: Counts
    """The part of `latency_intended` that are lower bounds."""
    connect: Counts
    tls: Counts
    first_byte: Counts
    send_lag: Counts
    """From due to first byte sent."""
    loop_lag: Counts
    """How long answers that were ready waited for the engine, per poll."""
    busy_ns: int
    """Integral of busy connections over the window, connection-ns: what Little's law compares."""
    cpu_ns: int
    """User and system time that the worker spent."""

    faults: tuple[Fault, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
    """The slowest requests of the window."""
    waited: int = 0
    """Open loop: requests that came due while every connection was busy, so that the cap made them wait."""
    faults_other: int = 0
    """Failed requests beyond the cap of distinct faults; they are part of `failed`."""


class Outcome(IntEnum):
    """What became of a request number: one byte each in the ledger that the audit reads."""

    UNSENT = 0
    """Never issued."""
    IN_FLIGHT = 1
    """Sent, without an end: only of a worker that died."""
    ACKNOWLEDGED = 2
    """A full answer below 400."""
    REJECTED = 3
    """A full answer of 400 or above."""
    DROPPED = 4
    """Sent, then hung up on, timed out, reset or answered with what is no HTTP."""
    NOT_SENT = 5
    """Issued, but its first byte could not be sent."""


# --- the server's view: what an APM source answers --------------------------------------------------------


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


# --- the stack's view -------------------------------------------------------------------------------------


class ComponentState(StrEnum):
    """Life of a component."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"
    """Ended by itself with an error, or never became ready."""


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the stack, as it is now."""

    name: str
    """`service`, `database` or `apm`."""
    backend: str
    """`embedded`, `process`, `docker` or `external`."""
    state: ComponentState
    detail: str = ""
    """Health in words; what failed and what to do."""
    pid: int | None = None
    uptime_s: float | None = None
    cpu_seconds: float | None = None
    """CPU time since it started; its share of the machine is made from differences."""
    rss_bytes: int | None = None
    restarts: int = 0
    exit_code: int | None = None
    """Of the process that ran before; negative for a signal."""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    """Name to address, without secrets."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a component's output; untrusted."""

    component: str
    sequence: int
    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing that can be turned on a component, with what it is set to and what it really is."""

    name: str
    label: str
    component: str
    kind: str
    """`int`, `float`, `seconds` or `choice`."""
    applies: str
    """`live` or `restart`."""
    desired: str | None
    """None when the user has not touched it."""
    actual: str | None
    """Read back from the component; None when it cannot be known now."""
    default: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    error: str = ""
    """The component's own words when it rejected the desired value."""


@dataclass(frozen=True, slots=True)
class DatabaseStatus:
    """The database's own status variables."""

    max_connections: int | None = None
    threads_connected: int | None = None
    threads_running: int | None = None
    max_used_connections: int | None = None
    questions: int | None = None
    commits: int | None = None
    """Commits inside the storage engines (`Handler_commit`): one statement can make several."""
    row_lock_waits: int | None = None
    slow_queries: int | None = None


@dataclass(frozen=True, slots=True)
class DatabaseProcess:
    """One line of the database's SHOW PROCESSLIST."""

    id: int
    user: str
    host: str
    database: str | None
    command: str
    seconds: int
    """How long it has been in this state."""
    state: str
    statement: str | None
    """What it runs; untrusted."""


@dataclass(frozen=True, slots=True)
class PoolStatus:
    """The service's connection pool: Go's `database/sql` DBStats by name."""

    max_open: int
    max_idle: int
    open: int
    in_use: int
    idle: int
    waiting: int
    """Acquires that wait now."""
    wait_count: int
    wait_seconds: float
    closed_max_idle: int
    closed_max_lifetime: int
    closed_broken: int


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """What the service's admin endpoint tells."""

    pool: PoolStatus | None = None
    cancellation: str | None = None
    push_timeout_s: float | None = None
    sampling: float | None = None
    apm_enabled: bool | None = None
    agent_dropped: int | None = None
    """Events that the agent dropped before they were sent."""
    requests: int | None = None
    in_flight: int | None = None
    cpu_seconds: float | None = None
    conn_max_lifetime_s: float | None = None
