"""The supervisor as a program: `python -m stressdash.stack.supervisor STATE_FOLDER`.

Returns 0 as soon as a supervisor of that folder listens, be it this one, in the background, or another; else
it says in one sentence why none does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Final

from stressdash.errors import StackError, StressdashError
from stressdash.stack.desk import Desk
from stressdash.stack.folder import StateFolder, Whereabouts, usable
from stressdash.stack.messages import LINE_LIMIT_BYTES
from stressdash.stack.standing import listens
from stressdash.stack.supervision import Supervisor

__all__ = ["main"]

TAKEOVER_S: Final = 10.0
"""How long to wait for the lock of a supervisor that is about to end."""
POLL_S: Final = 0.02
FOLDER_CHECK_S: Final = 2.0


def main(arguments: list[str]) -> int:
    """Go into the background and serve; only the foreground returns."""
    (path,) = arguments
    folder = StateFolder(Path(path))
    try:
        with usable(folder.path):
            folder.make()
            lock = _take(folder)
            if lock is None:
                return 0
            folder.forget()
            listener, where = _listen(folder)
            child = os.fork()
            if child:
                folder.record(Whereabouts(child, str(where)))
                return 0
    except StressdashError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    _detach(folder)
    asyncio.run(_serve(folder, listener))
    return 0


def _take(folder: StateFolder) -> int | None:
    """The lock, kept until the process ends; None when another supervisor listens.

    Raises:
        StackError: another one holds the lock and does not listen.
    """
    deadline_s = time.monotonic() + TAKEOVER_S
    while (lock := folder.lock()) is None:
        where = folder.whereabouts()
        if where is not None and listens(where.socket):
            return None
        if time.monotonic() > deadline_s:
            holder = "unknown" if where is None else where.pid
            raise StackError(
                f"the supervisor of {folder.path} (process {holder}) neither answers nor ends; end it by hand"
            )
        time.sleep(POLL_S)
    return lock


def _listen(folder: StateFolder) -> tuple[socket.socket, Path]:
    """A socket that only its owner can open."""
    path = folder.socket_path()
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    listener.listen()
    return listener, path


def _detach(folder: StateFolder) -> None:
    """Leave the terminal and the standard streams of whoever started us."""
    os.setsid()
    os.umask(0o077)
    log = os.open(folder.logs / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    null = os.open(os.devnull, os.O_RDWR)
    for stream, target in enumerate((null, null, log)):
        os.dup2(target, stream)
    os.close(log)
    os.close(null)


async def _serve(folder: StateFolder, listener: socket.socket) -> None:
    supervisor = Supervisor(folder.path, folder.logs, time.monotonic, lambda: time.time_ns() // 1_000_000)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.end)
    desk = Desk(supervisor)
    server = await asyncio.start_unix_server(desk.serve, sock=listener, limit=LINE_LIMIT_BYTES)
    _watch(folder.path, supervisor)
    try:
        await supervisor.run()
        folder.forget()
    finally:
        server.close()
        await desk.close()


def _watch(folder: Path, supervisor: Supervisor) -> None:
    """End what runs once its folder was deleted, for no command could find it any more."""
    if folder.is_dir():
        asyncio.get_running_loop().call_later(FOLDER_CHECK_S, _watch, folder, supervisor)
    else:
        supervisor.end()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
