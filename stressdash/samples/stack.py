"""The stack's view: components, knobs, and what service and database say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Component",
    "ComponentState",
    "DatabaseProcess",
    "DatabaseRates",
    "DatabaseStatus",
    "Knob",
    "LogLine",
    "PoolStatus",
    "ServiceStatus",
]


class ComponentState(StrEnum):
    """Life of a component."""

    ABSENT = "absent"
    STARTING = "starting"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    PAUSED = "paused"
    """Its processes stand still until somebody lets them go on."""
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
    received_bytes: int | None = None
    """Over the network since it started; with the three that follow, rates are made from differences."""
    sent_bytes: int | None = None
    read_bytes: int | None = None
    """From block devices."""
    written_bytes: int | None = None


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
class DatabaseRates:
    """Totals of `DatabaseStatus` per second, over the last seconds; None where a total is not told."""

    questions: float | None = None
    commits: float | None = None
    row_lock_waits: float | None = None


@dataclass(frozen=True, slots=True)
class DatabaseProcess:
    """One line of the database's SHOW PROCESSLIST."""

    id: int
    user: str
    host: str
    database: str | None
    command: str
    seconds: int | None
    """How long it has been in this state."""
    state: str | None
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
    workers: int | None = None
    """Processes that share its port."""
