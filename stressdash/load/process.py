"""A worker process as its parent sees it: spawned, told, listened to, ended.

The link is a socket pair whose other end only the worker holds, so each side sees the other die. Standard
error is kept, bounded, for the one sentence that says why a worker failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator

from stressdash.errors import EngineError
from stressdash.load.control import LENGTH, Assignment, Command, Report, frame
from stressdash.wire import from_packed

__all__ = ["WorkerProcess"]

ERROR_BYTES = 4096


class WorkerProcess:
    """One child process with its link."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        assert process.stderr is not None
        self._complaint = asyncio.create_task(_tail(process.stderr))

    @classmethod
    async def spawn(cls, ledger_file: int | None) -> WorkerProcess:
        """A new worker that waits for its assignment.

        Raises:
            EngineError: the process could not be started.
        """
        ours, theirs = socket.socketpair()
        inherited = [theirs.fileno()] if ledger_file is None else [theirs.fileno(), ledger_file]
        command = [sys.executable, "-P", "-m", "stressdash.load.worker", *map(str, inherited)]
        with theirs, contextlib.ExitStack() as failing:
            reader, writer = await asyncio.open_unix_connection(sock=ours)
            failing.callback(writer.close)
            try:
                process = await asyncio.create_subprocess_exec(
                    *command,
                    pass_fds=inherited,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                    process_group=0,
                )
            except OSError as error:
                raise EngineError(f"a load worker could not be started: {error}") from error
            failing.pop_all()
        return cls(process, reader, writer)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def tell(self, message: Assignment | Command) -> None:
        """Send a message; one that a dead worker cannot read is lost."""
        if not self._writer.is_closing():
            self._writer.write(frame(message))

    async def reports(self) -> AsyncIterator[Report]:
        """What the worker says, until it ends."""
        while True:
            try:
                size = await self._reader.readexactly(LENGTH.size)
                data = await self._reader.readexactly(*LENGTH.unpack(size))
            except (asyncio.IncompleteReadError, OSError):
                return
            yield from_packed(data, Report)

    async def death(self) -> EngineError:
        """The error that says how the worker ended before its time."""
        code = await self._process.wait()
        complaint = await self._complaint
        how = f"was killed by signal {-code}" if code < 0 else f"ended with status {code}"
        reason = complaint.strip().splitlines()[-1:]
        return EngineError(f"a load worker (pid {self.pid}) {how}" + "".join(f": {line}" for line in reason))

    async def close(self, patience_s: float) -> None:
        """Close the link, which ends the worker; kill it when it does not go in time."""
        self._writer.close()
        try:
            async with asyncio.timeout(patience_s):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, 9)
            await self._process.wait()
        await self._complaint
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def _tail(stream: asyncio.StreamReader) -> str:
    """The last `ERROR_BYTES` of a stream."""
    kept = b""
    while data := await stream.read(ERROR_BYTES):
        kept = (kept + data)[-ERROR_BYTES:]
    return kept.decode("utf-8", "replace")
