"""What clients and supervisor say to each other: one JSON object a line, answered by one with the same id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stressdash.samples import ComponentState, LogLine
from stressdash.stack.program import Program

__all__ = ["LINE_LIMIT_BYTES", "Reply", "Request", "Status", "Verb"]

LINE_LIMIT_BYTES = 32 * 1024 * 1024


class Verb(StrEnum):
    """What a client can ask for."""

    CLAIM = "claim"
    """Take a lease; `name` is the backend, which must be that of what runs."""
    DECLARE = "declare"
    """Make `program` what the next start of its component runs."""
    START = "start"
    """Answered when the component is ready or has failed."""
    STOP = "stop"
    """Answered when it has ended."""
    KILL = "kill"
    """Answered when it has ended."""
    PAUSE = "pause"
    UNPAUSE = "unpause"
    STATUS = "status"
    LOGS = "logs"
    KEEP = "keep"
    """Let everything run on when the last lease is gone."""
    RELEASE = "release"
    """Give the lease back. Answered when others hold the stack; else everything ends, then the connection."""
    END = "end"
    """End everything, whoever holds it; answered by the end of the connection."""


@dataclass(frozen=True, slots=True)
class Request:
    """One question of a client."""

    id: int
    verb: Verb
    name: str = ""
    program: Program | None = None
    after: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """One component as the supervisor sees it."""

    name: str
    state: ComponentState
    pid: int | None = None
    uptime_s: float | None = None
    restarts: int = 0
    exit_code: int | None = None
    """Of the process that ran before; negative for a signal."""
    host: str | None = None
    port: int | None = None
    detail: str = ""
    """Why it failed, with its last words; untrusted."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the request with this id."""

    id: int
    error: str = ""
    """Not empty: nothing was done, for this reason."""
    components: tuple[Status, ...] = ()
    """In the order of their start."""
    lines: tuple[LogLine, ...] = ()
    adopted: bool = False
    """To a claim: something ran already."""
    backend: str = ""
    """Of what runs; empty before the first claim."""
    kept: bool = False
    """It runs on without leases."""
