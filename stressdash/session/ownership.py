"""Whose the load is: one process steers it, others on the same state folder watch.

The owner lets the others see its figures in a file of the state folder; whoever watches takes over as soon as
the owner has ended. A stack that somebody else runs has no owner: each dashboard brings its own load.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from stressdash.errors import BadInput, StackError
from stressdash.snapshot import ClientFigures, Interference, RunState, Snapshot
from stressdash.stack.folder import StateFolder
from stressdash.stack.owner import LoadLock, Owner, owner_of
from stressdash.wire import from_json, to_json

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["LoadPicture", "Ownership", "steers"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LoadPicture:
    """What the owner of the load lets others see of it."""

    owner_pid: int
    state: RunState
    scenario: str
    target: str
    run_id: str
    run_number: int
    elapsed_s: float
    duration_s: float | None
    client: ClientFigures
    totals: Mapping[str, int]
    interference: Interference
    recorded: int | None = None
    """Number of the run's file in the folder of runs; None while there is none."""


class Ownership:
    """One session's claim to the load of a state folder.

    Args:
        folder: None where the load needs no owner.
        what: `dashboard` or `run`.
        wall_ms: milliseconds since 1970.
    """

    def __init__(self, folder: StateFolder | None, what: str, wall_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._lock = LoadLock(folder, what, wall_ms) if folder is not None else None
        self._shown: LoadPicture | None = None
        self.owner: Owner | None = None
        """Who owns the load, when it is not ours."""
        self.picture: LoadPicture | None = None
        """What the owner lets us see."""

    @property
    def shown_state(self) -> RunState | None:
        """The state of the load that others see."""
        return self._shown.state if self._shown is not None else None

    @property
    def sentence(self) -> str:
        """Who owns the load; empty when it is ours."""
        if self.owner is None:
            return ""
        if not self.owner.pid:
            return "another process owns the load"
        since = datetime.fromtimestamp(self.owner.since_ms / 1_000).astimezone()
        return f"process {self.owner.pid} ({self.owner.what}) owns the load since {since:%H:%M:%S}"

    def claim(self) -> bool:
        """Own the load if nobody else does; tells whether it is ours.

        Raises:
            StackError: the state folder cannot be used.
        """
        if self._lock is None or self._folder is None or self._lock.take():
            self.owner = self.picture = None
            return True
        self.owner = owner_of(self._folder) or self.owner or Owner(0, 0, "unknown")
        return False

    def check(self) -> None:
        """Refuse what only the owner may do.

        Raises:
            StackError: the load is not ours; with whose it is.
        """
        if self.owner is not None:
            raise StackError(f"{self.sentence}; here it can only be watched")

    def show(self, picture: Snapshot, pid: int, recorded: int | None = None) -> None:
        """Let others see the load as it is now; costs nothing while it does not change."""
        shown = LoadPicture(
            owner_pid=pid,
            state=picture.state,
            scenario=picture.scenario,
            target=picture.target,
            run_id=picture.run_id,
            run_number=picture.run_number,
            elapsed_s=picture.elapsed_s,
            duration_s=picture.duration_s,
            client=picture.client,
            totals=picture.totals,
            interference=picture.interference,
            recorded=recorded,
        )
        if self._folder is None or shown == self._shown:
            return
        self._shown = shown
        with suppress(StackError):  # who watches sees the picture before
            self._folder.publish(self._folder.load_picture, to_json(shown))

    def look(self) -> None:
        """Take over what the owner shows."""
        if self._folder is None or self.owner is None:
            return
        try:
            picture = from_json(self._folder.load_picture.read_bytes(), LoadPicture)
        except (OSError, BadInput):
            return
        self.picture = picture if picture.owner_pid == self.owner.pid else None

    def seen(self, snapshot: Snapshot) -> Snapshot:
        """A picture of our own session, with the owner's load in it."""
        if self.owner is None:
            return snapshot
        snapshot = replace(snapshot, owner=self.sentence)
        if (shown := self.picture) is None:
            return snapshot
        return replace(
            snapshot,
            state=shown.state,
            scenario=shown.scenario,
            target=shown.target,
            run_id=shown.run_id,
            run_number=shown.run_number,
            elapsed_s=shown.elapsed_s,
            duration_s=shown.duration_s,
            client=shown.client,
            totals=shown.totals,
            interference=_of_load(shown, snapshot.interference),
        )

    def release(self) -> None:
        """Leave the load to others."""
        if self._lock is None or self._folder is None:
            return
        if self._lock.held:
            with suppress(OSError):
                self._folder.load_picture.unlink(missing_ok=True)
        self._lock.release()


def _of_load(shown: LoadPicture, here: Interference) -> Interference:
    """Who uses the machine: while there is load its owner knows, afterwards only what a request has cost."""
    if shown.state in (RunState.RUNNING, RunState.PAUSED, RunState.DRAINING):
        return shown.interference
    return replace(here, generator_cpu_us_per_request=shown.interference.generator_cpu_us_per_request)


def steers(
    command: Callable[Concatenate[Session, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Session, P], Coroutine[Any, Any, T]]:
    """Make a command of the session one that only the owner of the load may give."""

    async def checked(session: Session, /, *arguments: P.args, **named: P.kwargs) -> T:
        session.ownership.check()
        return await command(session, *arguments, **named)

    functools.update_wrapper(checked, command)
    return checked
