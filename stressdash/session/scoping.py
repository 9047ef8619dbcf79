"""Whose APM data a session looks at: found, chosen, and remembered for its target in the state folder."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stressdash.errors import BadInput, SourceError
from stressdash.samples import FoundService, Scope
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.export import write_file
from stressdash.settings import Settings
from stressdash.text import plain_url
from stressdash.wire import from_json, to_json

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["Scopes", "first_scope", "found_services", "look_at"]

FILE: Final = "apm-scopes.json"


class Scopes:
    """What was chosen, by target.

    Args:
        state: the state folder.
    """

    def __init__(self, state: Path) -> None:
        self._file = state / FILE

    def of(self, target: str) -> Scope | None:
        """The choice for a target; None when there is none that can be read."""
        return self._all().get(target)

    def keep(self, target: str, scope: Scope) -> None:
        """Remember a choice.

        Raises:
            BadInput: it cannot be written.
        """
        write_file(self._file, to_json({**self._all(), target: scope}))

    def _all(self) -> dict[str, Scope]:
        with contextlib.suppress(OSError, BadInput):
            return from_json(self._file.read_bytes(), dict[str, Scope])
        return {}


def first_scope(settings: Settings, backend: str) -> Scope:
    """What the command line or the environment said, else what was chosen for this target before."""
    if settings.apm_service is not None:
        return Scope(settings.apm_service)
    return Scopes(settings.state).of(_target(settings, backend)) or Scope()


async def found_services(session: Session) -> tuple[FoundService, ...]:
    """What there is to choose from.

    Raises:
        SourceError: there is no source, or it did not answer.
    """
    if session.source is None:
        raise SourceError("there is no APM source: give --elasticsearch, or use a stack that has one")
    return await session.source.discover()


async def look_at(session: Session, scope: Scope) -> None:
    """Narrow the view down from now on; the run on the screen is asked for again from its start.

    Raises:
        SourceError: there is no source to ask.
        BadInput: the choice holds, but cannot be remembered.
    """
    source = session.make_source(session.stack, scope)
    if source is None or session.apm is None or session.source is None:
        raise SourceError("there is no APM source that could be narrowed down")
    session.retired.append(session.source)
    session.scope, session.source = scope, source
    session.apm = ApmWatch(source, session.clock, since_ms=session.apm.from_ms)
    session.mark(f"apm of {scope.service or 'all services'}", "steer")
    Scopes(session.settings.state).keep(_target(session.settings, session.stack.name), scope)


def _target(settings: Settings, backend: str) -> str:
    return plain_url(settings.elasticsearch) if settings.elasticsearch else backend
