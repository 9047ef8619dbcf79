"""Where clients of the supervisor are served: one JSON request a line, each answered when it is done.

A connection is its lease: it ends with it, however the client ended.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from stressdash.errors import BadInput, StressdashError
from stressdash.stack.messages import Reply, Request, Verb
from stressdash.stack.supervision import Supervisor
from stressdash.wire import from_json, to_json

__all__ = ["Desk"]

LOG = logging.getLogger(__name__)


class Desk:
    """Serves any number of clients of one supervisor."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._moves = {
            Verb.START: supervisor.start,
            Verb.STOP: supervisor.stop,
            Verb.KILL: supervisor.kill,
            Verb.PAUSE: supervisor.pause,
            Verb.UNPAUSE: supervisor.unpause,
        }
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its first line to its last."""
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        answers: set[asyncio.Task[None]] = set()
        try:
            while line := await reader.readline():
                answer = asyncio.create_task(self._answer(line, writer))
                answers.add(answer)
                answer.add_done_callback(answers.discard)
        except (ConnectionError, ValueError):
            pass  # gone, or not one of ours: its lease ends here
        finally:
            self._connections.discard(connection)
            self._supervisor.release(writer)
            for answer in answers:
                answer.cancel()
            writer.close()

    async def close(self) -> None:
        """Hang up on everybody."""
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = from_json(line, Request)
        except BadInput as error:
            reply: Reply | None = Reply(0, str(error))
        else:
            try:
                reply = await self._done(request, writer)
            except StressdashError as error:
                reply = Reply(request.id, str(error))
            except Exception as error:
                # Whoever asked waits for an answer without end.
                LOG.exception("%s %s failed", request.verb, request.name)
                words = f"the supervisor failed at this: {error!r}; more is in its supervisor.log"
                reply = Reply(request.id, words)
        if reply is not None:
            with suppress(ConnectionError):
                writer.write(to_json(reply) + b"\n")
                await writer.drain()

    async def _done(self, request: Request, writer: asyncio.StreamWriter) -> Reply | None:
        """The answer once it is done; None where the end of the connection is the answer."""
        supervisor, verb, name = self._supervisor, request.verb, request.name
        if verb is Verb.CLAIM:
            if supervisor.ending:
                writer.close()
                return None
            return Reply(request.id, adopted=supervisor.claim(writer, name))
        if verb is Verb.LOGS:
            return Reply(request.id, lines=supervisor.lines(name, request.after))
        if verb is Verb.END:
            supervisor.end()
        elif verb is Verb.RELEASE:
            supervisor.release(writer)
        elif verb is Verb.KEEP:
            supervisor.keep()
        elif verb is Verb.DECLARE and request.program is not None:
            supervisor.declare(request.program)
        elif verb in self._moves:
            await self._moves[verb](name)
        if verb in (Verb.END, Verb.RELEASE) and supervisor.ending:
            return None
        return Reply(
            request.id, components=supervisor.statuses(), backend=supervisor.backend, kept=supervisor.kept
        )
