"""The client's view: what the load engine reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

__all__ = ["Counts", "Exemplar", "Fault", "Outcome", "Phase", "RequestCounts", "Window"]

Counts = Mapping[int, int]


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
class RequestCounts:
    """What a window saw of the requests of one name. Failures that hold no request are in none."""

    completed: int
    failed: int
    responses: int
    latency: Counts
    """Full responses and timeouts, from the first byte sent."""
    latency_timeouts: Counts
    """The part of `latency` that are abort times of timeouts: lower bounds."""
    latency_intended: Counts
    """From the intended start; open loop only, else empty."""
    latency_intended_bounds: Counts


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
    by_request: Mapping[str, RequestCounts] = field(default_factory=dict)
    """Figures by name of the request, of a plan with several names; else empty."""
    unread: Counts = field(default_factory=dict)
    """How long answers lay in the kernel, from its receive time to the poll that `latency` is counted to: the
    part of the latency that is the engine's own queue. A sample."""
    busiest_cpu_ns: int = 0
    """Of a window merged over workers: `cpu_ns` of the busiest; 0 where `cpu_ns` is one worker's."""
    target_rate: float | None = None
    """Gauge: this worker's part of the arrivals per second that are asked for; None: the closed loop."""

    @property
    def core_ns(self) -> int:
        """CPU time that the busiest worker spent: against the window's length, its share of a core."""
        return self.busiest_cpu_ns or self.cpu_ns


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
