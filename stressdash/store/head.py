"""What is kept of a run beside its windows: what was known at its start, and what stack and machine told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stressdash.samples import Component, DatabaseStatus, ServiceStatus
from stressdash.snapshot import Interference

__all__ = ["RunHead", "Status"]

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run at its start. Without secrets: no headers, no bodies, no user or password in the URL."""

    run_id: str
    """16 hex digits."""
    scenario: str
    target: str
    backend: str
    started_ms: int
    """Wall-clock milliseconds since 1970."""
    origin_ns: int
    """The same moment on the monotonic clock of the windows: where their grid begins."""
    stressdash: str
    """Version of the program."""
    connections: int
    duration_s: float | None
    open_loop: bool
    plan: Mapping[str, Scalar] = field(default_factory=dict)
    machine: Mapping[str, Scalar] = field(default_factory=dict)
    """`cores`, `system`, `python`, `memory_bytes`."""
    knobs: Mapping[str, Scalar] = field(default_factory=dict)
    """As read back at the start."""
    fields: tuple[str, ...] = ()
    """Names of a window's fields in their order; empty means this version's."""


@dataclass(frozen=True, slots=True)
class Status:
    """What stack and machine told at one moment."""

    components: tuple[Component, ...] = ()
    service: ServiceStatus | None = None
    database: DatabaseStatus | None = None
    interference: Interference | None = None
