"""What to send, to whom, how hard and for how long: the engine's whole input as one frozen value.

A plan crosses the process boundary to the workers as it is. It is checked when it is made, so whoever holds
one holds a usable one. Knows nothing of sockets, time or processes.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from typing import Final

from stressdash.errors import BadInput, UsageError
from stressdash.load.coalescing import check_coalesce
from stressdash.load.expectation import Checks
from stressdash.load.field import Source
from stressdash.load.rows import Rows
from stressdash.load.script import Script
from stressdash.load.secret import SecretHeader
from stressdash.load.shape import Stage, shape_seconds
from stressdash.load.template import Template
from stressdash.load.think import Think
from stressdash.load.transport import Transport

__all__ = ["MAX_CONNECTIONS", "MAX_RATE", "MAX_WORKERS", "MIN_RATE", "Plan", "Request"]

MAX_CONNECTIONS: Final = 100_000
MAX_WORKERS: Final = 64
MIN_RATE: Final = 0.001
MAX_RATE: Final = 1_000_000.0
MAX_TIMEOUT_S: Final = 3600.0
"""Latency histograms end at one hour."""

TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection"})


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request. Header values, path and body are templates (`stressdash.load.template`)."""

    name: str
    method: str = "POST"
    path: str | None = None
    """Path and query; None means the URL's own."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    weight: int = 1
    """Share of this request among all requests of the plan."""
    expect: tuple[str, ...] = ()
    """What must hold of its answers, as `stressdash.load.expectation` reads it."""
    secrets: tuple[SecretHeader, ...] = ()
    """Headers whose values the plan does not hold."""

    def __post_init__(self) -> None:
        """Refuse what could not be put on the wire as one well-formed request.

        Raises:
            BadInput: a name, value or template that cannot be sent.
        """
        if not TOKEN.fullmatch(self.method):
            raise BadInput(f"{self.method!r} is no HTTP method; give a word such as GET or POST")
        if self.weight < 1:
            raise BadInput(
                f"request {self.name!r} has the weight {self.weight}; give a whole number from 1 up"
            )
        if self.path is not None and not re.fullmatch(r"/[!-~]*", self.path):
            raise BadInput(
                f"request {self.name!r}: a path starts with / and has no spaces; encode them as %20"
            )
        for name, value in self.headers:
            if not TOKEN.fullmatch(name) or re.search(r"[\r\n\0]", value):
                raise BadInput(f"request {self.name!r}: {name!r} is no header that can be sent")
            if name.lower() in FRAMING:
                raise BadInput(
                    f"request {self.name!r}: the engine sets the header {name!r} itself; leave it out"
                )
        for header in self.secrets:
            if header.name.lower() in FRAMING:
                raise BadInput(f"request {self.name!r}: the engine sets the header {header.name!r} itself")
        for _, template in self.templates:
            Template.parse(template)
        Checks(self.expect)

    @property
    def templates(self) -> tuple[tuple[str, bytes], ...]:
        """All of them, each with where it stands: `path`, `header` or `body`."""
        headers = (("header", value.encode()) for _, value in self.headers)
        return ("path", (self.path or "").encode()), *headers, ("body", self.body)


@dataclass(frozen=True, slots=True)
class Plan:
    """A run of load."""

    url: str
    requests: tuple[Request, ...]
    connections: int = 50
    duration_s: float | None = 10.0
    """Measured time, without pauses and draining; None runs until stopped."""
    max_requests: int | None = None
    timeout_s: float = 30.0
    """From the first byte sent to the last byte of the answer."""
    connect_timeout_s: float = 5.0
    stop: str = "drain"
    """`drain` waits for what is in flight, `abort` hangs up on it."""
    workers: int | None = None
    """Number of processes; None means as many as the connections need."""
    run_id: int = field(default_factory=lambda: secrets.randbits(64) or 1)
    """64 bits; leads every trace id of the run."""
    allow_targets: tuple[str, ...] = ()
    """Hosts that may be loaded although they are neither loopback nor private."""
    traceparent: bool = True
    seed: int = 0
    rate: float | None = None
    """Arrivals per second: the open loop. None: the closed loop."""
    arrivals: str = "uniform"
    """`uniform` or `poisson`."""
    stages: tuple[Stage, ...] = ()
    """Shape of the run; its length is the run's, whatever `duration_s` says."""
    shapes: str = "connections"
    """What the stages are levels of: `connections` or `rate`."""
    think: Think | None = None
    """Think time of each connection of the closed loop, between an answer and its next request."""
    transport: Transport = field(default_factory=Transport)
    rows: tuple[Rows, ...] = ()
    """What templates take columns from."""
    script: Script | None = None
    """A wrk script, which makes the requests from the first of the plan on."""
    coalesce_s: float | None = None
    """What became ready within so long is served together (`stressdash.load.coalescing`); None: at once."""

    def __post_init__(self) -> None:
        """Refuse what cannot be run.

        Raises:
            UsageError: a figure out of its range.
        """
        if not self.requests:
            raise UsageError("the plan has no request to send; give it one")
        _within("connections", self.connections, 1, MAX_CONNECTIONS)
        _within("timeout", self.timeout_s, 0.001, MAX_TIMEOUT_S)
        _within("connect timeout", self.connect_timeout_s, 0.001, MAX_TIMEOUT_S)
        _within("run id", self.run_id, 0, 2**64 - 1)
        if self.workers is not None:
            _within("workers", self.workers, 1, MAX_WORKERS)
        if self.duration_s is not None and not 0 < self.duration_s < 1e8:
            raise UsageError(
                f"a duration of {self.duration_s:g} s cannot be run; give a time from above 0 to 3 years"
            )
        if self.max_requests is not None and self.max_requests < 1:
            raise UsageError(f"{self.max_requests} requests cannot be sent; give a number from 1 up")
        if self.rate is not None:
            _within("rate", self.rate, MIN_RATE, MAX_RATE)
        if self.coalesce_s is not None:
            check_coalesce(self.coalesce_s)
        if self.shapes not in {"connections", "rate"}:
            raise UsageError(f"a shape is one of connections or of rate, not of {self.shapes!r}")
        if self.stages:
            most = MAX_CONNECTIONS if self.shapes == "connections" else MAX_RATE
            _within(f"the shape's highest {self.shapes}", self.peak(self.shapes), 0, most)
        if self.arrivals not in {"uniform", "poisson"}:
            raise UsageError(f"arrivals are uniform or poisson, not {self.arrivals!r}")
        if self.stop not in {"drain", "abort"}:
            raise UsageError(f"a run stops by drain or by abort, not by {self.stop!r}")
        source = Source(self.run_tag, self.seed, {rows.name: rows for rows in self.rows})
        for request in self.requests:
            for place, template in request.templates:
                Template.parse(template).bind(source, place)

    def peak(self, of: str) -> float:
        """Highest level of `connections` or `rate` over the run; 0 for the rate of a closed loop."""
        if self.stages and self.shapes == of:
            return max(max(stage.start, stage.end) for stage in self.stages)
        return self.connections if of == "connections" else self.rate or 0.0

    @property
    def length_s(self) -> float | None:
        """Measured time of the whole run; None: until stopped."""
        return shape_seconds(self.stages) if self.stages else self.duration_s

    @property
    def run_tag(self) -> int:
        """The run's number from 1 to 2**31 - 1, what `{{run}}` stands for."""
        return self.run_id % (2**31 - 1) + 1

    @property
    def has_identity(self) -> bool:
        """Whether some body tells the run and the request apart, so that stored rows can be audited."""
        return self.script is None and any(
            {"request", "run"} <= Template.parse(request.body).names for request in self.requests
        )


def _within(what: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise UsageError(f"{what} {value:,.10g} is out of range; give {low:,.10g} to {high:,.10g}")
