"""Who owns the load on a state folder: one process at a time, by a lock that ends with it, however it ends.

The lock is the file's, so it knows nothing of backends. In the file stands the owner's name for whoever only
looks: a name counts while its process lives.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from stressdash.errors import BadInput
from stressdash.stack.folder import StateFolder, usable
from stressdash.wire import from_json, to_json

__all__ = ["LoadLock", "Owner", "owner_of"]

MOST_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that may start and steer load."""

    pid: int
    since_ms: int
    """Milliseconds since 1970."""
    what: str
    """`dashboard` or `run`."""


class LoadLock:
    """One process's claim to the load on a folder.

    Args:
        folder: the state folder; made when it is missing.
        what: see `Owner`.
        wall_ms: milliseconds since 1970.
    """

    def __init__(self, folder: StateFolder, what: str, wall_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._what = what
        self._wall_ms = wall_ms
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether the load is ours."""
        return self._descriptor is not None

    def take(self) -> bool:
        """Own the load from now on, unless another process does. Idempotent.

        Raises:
            StackError: the state folder cannot be used.
        """
        if self.held:
            return True
        self._folder.make()
        with usable(self._folder.path):
            descriptor = os.open(self._folder.load_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, to_json(Owner(os.getpid(), self._wall_ms(), self._what)), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Leave the load to others."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)


def owner_of(folder: StateFolder) -> Owner | None:
    """Who owns the load on a folder; None when nobody does. Only looks."""
    try:
        with folder.load_lock.open("rb") as file:
            owner = from_json(file.read(MOST_BYTES), Owner)
        born_ms = psutil.Process(owner.pid).create_time() * 1_000
    except (OSError, BadInput, psutil.Error):
        return None
    return owner if born_ms <= owner.since_ms + 1_000 else None
