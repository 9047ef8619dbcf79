"""One call of the service: plain data, shared by transport, service and APM."""

from __future__ import annotations

from dataclasses import dataclass, field

from service.trail import Trail

__all__ = ["Call"]


@dataclass(slots=True)
class Call:
    """What is known about a call."""

    began_s: float
    """`time.time()` at its start."""
    began: float
    """`perf_counter()` at its start, the clock of its trail."""
    remote_ip: str
    verb: str
    path: str
    traceparent: str | None
    """W3C header as it came, untrusted."""
    service: str = ""
    """Twirp service and method, once routed."""
    method: str = ""
    trail: Trail = field(default_factory=Trail)
