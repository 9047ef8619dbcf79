"""What a stack is to the rest of the program, whatever its parts run on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from stressdash.samples import (
    Component,
    DatabaseProcess,
    DatabaseStatus,
    Knob,
    LogLine,
    ServiceStatus,
)

__all__ = ["ACTIONS", "Addresses", "Stack"]

ACTIONS = ("start", "stop", "restart", "kill", "pause", "unpause")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the ready stack answers; None for what it does not have. Secrets stay out of the repr."""

    target_url: str
    """The service's base URL, for instance `http://127.0.0.1:3000`."""
    apm_url: str | None = None
    apm_token: str | None = field(default=None, repr=False)
    """Of the embedded intake; in Docker the password of Elasticsearch's user `elastic`."""
    database_dsn: str | None = field(default=None, repr=False)
    """Of the account that may read status, set variables and read what is stored."""


class Stack(Protocol):
    """Service, database and APM intake, their life and their knobs.

    Every method raises `StackError` with one sentence when it cannot do what it should.
    """

    name: str
    """`embedded`, `process`, `docker` or `external`."""

    async def up(self, progress: Callable[[str], None], *, as_it_is: bool = False) -> None:
        """Start or adopt every component and wait until all are ready; idempotent.

        With `as_it_is` a stack that stands is adopted and nothing waited for: load may keep it from being
        ready.

        Raises:
            ComponentFailed: one ended or did not become ready; with its last words.
        """
        ...

    async def attach(self) -> bool:
        """Take what runs as it is: nothing is started, nothing held; tells whether there is anything."""
        ...

    def addresses(self) -> Addresses:
        """Where things are; only after `up`."""
        ...

    async def components(self) -> tuple[Component, ...]:
        """All components as they are now; never fails because one of them has."""
        ...

    async def action(self, component: str, action: str) -> None:
        """One of `ACTIONS`; returns when it has happened, for `start` and `restart` when it is ready.

        What is paused stands still and keeps its connections; `start` lets it go on, too.

        Raises:
            UsageError: there is no such component or action.
            ComponentFailed: it ended or did not become ready; with its last words.
        """
        ...

    async def logs(self, component: str, after: int = 0) -> tuple[LogLine, ...]:
        """Log lines with a sequence above `after`, at most the last 2,000; also of before a crash."""
        ...

    async def knobs(self) -> tuple[Knob, ...]:
        """All knobs, each with what is wanted and what is read back."""
        ...

    async def set_knob(self, name: str, value: str) -> Knob:
        """Turn a knob and return it as read back; on a component that is down it takes effect at its start.

        Raises:
            UsageError: no such knob, or a value outside the range that the sentence names.
            KnobRejected: the component would not take it; with its words.
        """
        ...

    async def service_status(self) -> ServiceStatus | None:
        """What the service tells of itself; None where it has nothing to tell."""
        ...

    async def database_status(self) -> DatabaseStatus | None:
        """What the database tells of itself; None where there is none to ask."""
        ...

    async def processlist(self) -> tuple[DatabaseProcess, ...]:
        """Who is connected to the database and what runs, by its own account."""
        ...

    async def down(self, *, erase: bool = False) -> None:
        """End everything, whoever started or holds it; with `erase` its data goes, too. Idempotent."""
        ...

    async def close(self, *, keep: bool = False) -> None:
        """Let go of the stack: what nobody else holds ends in order, unless it is to be kept."""
        ...
