"""What a killed stack or a removed state folder has left behind: found by looking, cleared on request.

Three kinds: the record of a supervisor that is gone, a foreign server that outlived both its warden and its
supervisor, and the data of a server that root started, which lies outside the state folder (see
`private_server`) and holds a note of the link that leads to it. Everything here blocks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stressdash.stack.folder import StateFolder
from stressdash.stack.orphan import end_orphan, orphan_of
from stressdash.stack.standing import listens

__all__ = ["OUTSIDE", "OWNER_NOTE", "Leftover", "data_left", "leftovers"]

OUTSIDE: Final = Path("/var/tmp")  # noqa: S108  only folders made by mkdtemp, and removed when they are ours
"""Where the data of servers lies that root started."""
OWNER_NOTE: Final = "state-folder"
"""File in such a folder: the path of the link that leads to it."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that nobody owns any more."""

    what: str
    """A noun phrase: `the data of ...`."""
    clear: Callable[[], None]


def leftovers(folder: StateFolder) -> tuple[Leftover, ...]:
    """What is left of a stack in this folder that has ended the hard way, and of folders that are gone."""
    found = []
    where = folder.whereabouts()
    if where is not None and not listens(where.socket):
        what = f"the record of a supervisor that is gone (process {where.pid})"
        found.append(Leftover(what, folder.forget))
    data = (folder.path / "server").resolve() / "data"
    if (server := orphan_of(data / "mysqld.pid", data)) is not None:
        what = f"a database server without an owner (process {server.pid})"
        found.append(Leftover(what, lambda: _end(data)))
    return (*found, *data_left())


def data_left(outside: Path = OUTSIDE) -> tuple[Leftover, ...]:
    """Data outside, whose state folder was removed or has other data now."""
    return tuple(
        Leftover(f"the data of the removed state folder {link.parent} in {home}", _remover(home))
        for home, link in _homes(outside)
        if not (link.is_symlink() and link.resolve() == home)
    )


def _homes(outside: Path) -> Iterator[tuple[Path, Path]]:
    """Folders with a note that are ours, or those of the account that the server ran as."""
    for home in outside.glob("stressdash-*"):
        note = home / OWNER_NOTE
        with suppress(OSError):
            if home.is_symlink() or note.stat(follow_symlinks=False).st_uid != os.geteuid():
                continue
            if link := note.read_text(encoding="utf-8"):  # empty while its owner writes it
                yield home, Path(link)


def _remover(home: Path) -> Callable[[], None]:
    def remove() -> None:
        _end(home / "data")
        shutil.rmtree(home, ignore_errors=True)

    return remove


def _end(data: Path) -> None:
    end_orphan(data / "mysqld.pid", data)
