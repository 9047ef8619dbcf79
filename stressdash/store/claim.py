"""A place in the folder of runs: a number that nobody else has, and a lock that tells that it is in use.

The lock is the system's own and ends with the process that holds it, however that ended. So a run that says
it is being recorded, and that nobody holds, was interrupted.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final, Self

from stressdash.store.schema import telling

__all__ = ["SUFFIX", "Claim", "is_claimed", "path_of", "run_number"]

SUFFIX: Final = ".run"


class Claim:
    """Made by `take`; held until `give_up` or the end of the process."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        """Of the run's file."""
        self.number = run_number(path)
        self._lock = lock

    @classmethod
    def take(cls, folder: Path) -> Self:
        """The next number in a folder, which is made when there is none.

        Raises:
            StoreError: the folder cannot be written to.
        """
        with telling(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = max((run_number(path) for path in folder.glob(f"*{SUFFIX}*")), default=0)
            while True:
                number += 1
                path = path_of(folder, number)
                try:
                    lock = os.open(_lock_path(path), os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
                except FileExistsError:
                    continue  # another dashboard was faster
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not path.exists():
                    return cls(path, lock)
                os.close(lock)
                _lock_path(path).unlink()

    def give_up(self) -> None:
        """The run is not written any more."""
        _lock_path(self.path).unlink(missing_ok=True)
        os.close(self._lock)


def is_claimed(path: Path) -> bool:
    """Whether somebody writes the run of this file now."""
    try:
        lock = os.open(_lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def path_of(folder: Path, number: int) -> Path:
    """The file of a run, whether it is there or not."""
    return folder / f"{number:05d}{SUFFIX}"


def run_number(path: Path) -> int:
    """Number of a run's file, or of one of its companions; 0 of another file."""
    digits = path.name.partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdecimal() else 0


def _lock_path(path: Path) -> Path:
    return path.with_name(f"{path.name}-lock")
