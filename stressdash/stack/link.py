"""The client's end of the supervisor's socket: finds or starts the supervisor, and asks it."""

from __future__ import annotations

import asyncio
import itertools
import sys
from contextlib import suppress
from typing import Final

from stressdash.errors import BadInput, StackError
from stressdash.stack.folder import StateFolder
from stressdash.stack.messages import LINE_LIMIT_BYTES, Reply, Request, Verb
from stressdash.stack.program import Program
from stressdash.wire import from_json, to_json

__all__ = ["Link", "LinkLost"]

OPEN_S: Final = 30.0
GOODBYE_S: Final = 10.0


class LinkLost(StackError):
    """The supervisor ended, and what it owned with it."""

    def __init__(self) -> None:
        super().__init__("the stack's supervisor has ended, and its components with it; start them again")


class Link:
    """One connection: a lease, and any number of questions at a time. Made by `open`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Reply]] = {}
        self._lost = False
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, folder: StateFolder, backend: str) -> tuple[Link, bool]:
        """A lease on the folder's stack, and whether anything ran already.

        Raises:
            StackError: the folder cannot be used, the supervisor cannot start, or another backend runs there.
        """
        folder.make()
        try:
            async with asyncio.timeout(OPEN_S):
                while True:
                    link = await cls._connect(folder)
                    if link is None:
                        await _start_supervisor(folder)
                        continue
                    try:
                        reply = await link.ask(Verb.CLAIM, backend)
                    except LinkLost:  # it was about to end
                        await link.close()
                        continue
                    except StackError:
                        await link.close()
                        raise
                    return link, reply.adopted
        except TimeoutError as error:
            raise StackError(f"the supervisor of {folder.path} does not answer") from error

    @classmethod
    async def look(cls, folder: StateFolder) -> Link | None:
        """A connection without a lease, which holds nothing; None where no supervisor listens."""
        return await cls._connect(folder)

    @classmethod
    async def _connect(cls, folder: StateFolder) -> Link | None:
        where = folder.whereabouts()
        if where is None:
            return None
        try:
            streams = await asyncio.open_unix_connection(where.socket, limit=LINE_LIMIT_BYTES)
        except OSError:
            return None
        return cls(*streams)

    @property
    def lost(self) -> bool:
        """Whether the supervisor has gone."""
        return self._lost

    async def ask(
        self, verb: Verb, name: str = "", *, program: Program | None = None, after: int = 0
    ) -> Reply:
        """Ask and wait for the answer.

        Raises:
            LinkLost: the supervisor is gone.
            StackError: it refused, with its words.
        """
        if self._lost:
            raise LinkLost
        number = next(self._numbers)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._writer.write(to_json(Request(number, verb, name, program, after)) + b"\n")
            with suppress(ConnectionError):  # then the reader sees the end, too
                await self._writer.drain()
            reply = await answer
        finally:
            self._waiting.pop(number, None)
        if reply.error:
            raise StackError(reply.error)
        return reply

    async def leave(self, verb: Verb) -> None:
        """Say goodbye by `RELEASE` or `END`, wait until what ends by it has ended, and close."""
        with suppress(LinkLost, TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self.ask(verb)
        await self.close()

    async def close(self) -> None:
        """Hang up."""
        self._reading.cancel()
        await asyncio.wait([self._reading])
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                reply = from_json(line, Reply)
                answer = self._waiting.get(reply.id)
                if answer is not None and not answer.done():
                    answer.set_result(reply)
        except (ConnectionError, ValueError, BadInput):
            pass  # the line is of no use any more
        finally:
            self._lost = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(LinkLost())


async def _start_supervisor(folder: StateFolder) -> None:
    """Start one, unless another client is faster; returns when one listens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "stressdash.stack.supervisor",
        str(folder.path),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    _, said = await process.communicate()
    if process.returncode:
        words = said.decode(errors="replace").strip().splitlines()
        raise StackError(words[-1] if words else f"the supervisor ended with code {process.returncode}")
