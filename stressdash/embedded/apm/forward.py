"""Hands every event on to an Elasticsearch, as apm-server would: bulk requests, in the background, bounded.

The intake never waits for it. What finds the queue full is dropped and counted. A request that fails is sent
again, later and later; a document that Elasticsearch refuses for what it is, is dropped and counted.
"""

from __future__ import annotations

import asyncio
import io
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import document, index_of
from stressdash.embedded.apm.templates import TEMPLATES
from stressdash.embedded.apm.upstream import Upstream
from stressdash.errors import BadInput
from stressdash.wire import from_json, to_json

__all__ = ["Forwarder"]

QUEUE_BYTES: Final = 64 * 1024 * 1024
BATCH_EVENTS: Final = 1000
BATCH_BYTES: Final = 4 * 1024 * 1024
"""Of documents; with large stack traces a batch holds fewer."""
PIECE_EVENTS: Final = 50
"""Made into documents without a break, a few milliseconds of work, between which the intake goes on."""
GATHER_S: Final = 0.2
"""How long events wait for others, unless they fill a batch: the compose file's flush interval."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0
TIMEOUT: Final = aiohttp.ClientTimeout(total=20.0, connect=5.0)
LAST_S: Final = 3.0
"""How long the end waits for what is left."""
BUSY: Final = 429
TOO_LARGE: Final = 413
FORBIDDEN: Final = 403


class Refused(Exception):
    """Elasticsearch did not take a request; the text says why."""


class TooLarge(Refused):
    """A part of the request may be taken."""


class Forbidden(Refused):
    """The credentials are good, but not for this."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a document was refused."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a document."""

    status: int
    error: Reason | None = None


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """Results in the order of the documents, each by the name of its action."""

    items: tuple[dict[str, Result], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """One document, ready to be sent."""

    index: str
    text: bytes


class Forwarder:
    """Sends lines that `offer` takes.

    Args:
        upstream: where to.
        tell: takes a sentence when it begins to fail, and when it works again.
        queue_bytes: what may wait, counted as the agent sent it.
    """

    def __init__(
        self, upstream: Upstream, tell: Callable[[str], None], queue_bytes: int = QUEUE_BYTES
    ) -> None:
        self._upstream = upstream
        self._tell = tell
        self._queue_bytes = queue_bytes
        self._waiting: deque[Line] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._closing = False
        self._under_way = 0
        """Events that were taken out of the queue and neither sent nor dropped yet."""
        self.sent = 0
        self.dropped = 0
        self._why = ""
        self._trouble = ""

    def offer(self, line: Line) -> None:
        """Take a line, or drop it when too much waits."""
        if self._waiting_bytes + len(line.text) > self._queue_bytes:
            self._drop("the queue was full")
            return
        self._waiting.append(line)
        self._waiting_bytes += len(line.text)
        self._arrived.set()

    def told(self) -> str:
        """How it goes, in words."""
        parts = [f"forwarded {self.sent} events to {self._upstream.shown}"]
        if self._waiting:
            parts.append(f"{len(self._waiting)} wait")
        return "; ".join([*parts, *self._troubles()])

    def trouble(self) -> str:
        """What goes wrong, in words; empty when nothing does."""
        found = "; ".join(self._troubles())
        return f"forwarding to {self._upstream.shown}: {found}" if found else ""

    def _troubles(self) -> list[str]:
        dropped = f"{self.dropped} dropped: {self._why}" if self.dropped else ""
        return [words for words in (dropped, self._trouble) if words]

    async def running(self, _app: Any = None) -> AsyncIterator[None]:
        """Sends while it is open; at the end what is left, for a short while."""
        task = asyncio.create_task(self._run())
        task.add_done_callback(self._ended)
        yield
        self._closing = True
        self._arrived.set()
        await asyncio.wait({task}, timeout=LAST_S)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if left := len(self._waiting) + self._under_way:
            self._tell(f"{left} events were not forwarded before the end")

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nobody waits for the task, so what ends it by mistake must be told here."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self._trouble = f"it ended with {type(error).__name__}: {error}"
            self._tell(self._trouble)

    async def _run(self) -> None:
        try:
            trust = self._upstream.trust()
        except (OSError, ssl.SSLError) as error:
            self._trouble = f"the CA file cannot be used: {error}"
            self._tell(self._trouble)
            return
        connector = aiohttp.TCPConnector(ssl=trust)
        headers = self._upstream.headers()
        async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT, connector=connector) as session:
            await self._until_taken(session, self._install)
            while await self._gathered():
                if batch := await self._take():
                    await self._send(session, batch)

    async def _gathered(self) -> bool:
        """Wait until there is something to send; whether there is."""
        await self._arrived.wait()
        full = len(self._waiting) >= BATCH_EVENTS or self._waiting_bytes >= BATCH_BYTES
        if not self._closing and not full:
            await asyncio.sleep(GATHER_S)
        if not self._waiting:
            self._arrived.clear()
            return not self._closing
        return True

    async def _take(self) -> list[Made]:
        batch: list[Made] = []
        room = BATCH_BYTES
        while self._waiting and len(batch) < BATCH_EVENTS and room > 0:
            line = self._waiting.popleft()
            self._waiting_bytes -= len(line.text)
            batch.append(made(line))
            self._under_way = len(batch)
            room -= len(batch[-1].text)
            if len(batch) % PIECE_EVENTS == 0:
                await asyncio.sleep(0)
        return batch

    async def _send(self, session: aiohttp.ClientSession, batch: list[Made]) -> None:
        """Send a batch until every document was taken or refused."""

        async def bulk(within: aiohttp.ClientSession) -> None:
            nonlocal batch
            batch = await self._bulk(within, batch)
            self._under_way = len(batch)
            if batch:
                raise Refused("Elasticsearch is busy")

        self._under_way = len(batch)
        try:
            await self._until_taken(session, bulk)
        except TooLarge as error:
            half = len(batch) // 2
            if not half:
                self._drop(str(error))
                return
            await self._send(session, batch[:half])
            await self._send(session, batch[half:])

    async def _until_taken(
        self, session: aiohttp.ClientSession, send: Callable[[aiohttp.ClientSession], Awaitable[None]]
    ) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await send(session)
            except TooLarge:
                raise
            except (Refused, BadInput, TimeoutError, aiohttp.ClientError, OSError) as error:
                trouble = f"trying again: {error or 'no answer in time'}"
                if not self._trouble:
                    self._tell(trouble)
                self._trouble = trouble
            else:
                if self._trouble:
                    self._tell("it works again")
                self._trouble = ""
                return
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _install(self, session: aiohttp.ClientSession) -> None:
        """Make our own index templates; who may only write does with those of the cluster."""
        try:
            for name, template in TEMPLATES.items():
                await self._request(session, "PUT", f"/_index_template/{name}", to_json(template))
        except Forbidden:
            self._tell("these credentials may not make index templates: those of the cluster are used")

    async def _bulk(self, session: aiohttp.ClientSession, batch: list[Made]) -> list[Made]:
        """Send documents; those to be sent once more."""
        lines = []
        for each in batch:
            lines += [to_json({"create": {"_index": each.index}}), each.text]
        body = b"\n".join([*lines, b""])
        answer = from_json(await self._request(session, "POST", "/_bulk", body), BulkAnswer)
        results = [result for item in answer.items for result in item.values()]
        if len(results) != len(batch):
            raise Refused("what answers is not Elasticsearch")
        again = []
        for each, result in zip(batch, results, strict=True):
            if result.status == BUSY:
                again.append(each)
            elif result.status >= 300:
                why = result.error.reason if result.error is not None else None
                self._drop((why or f"status {result.status}")[:200])
            else:
                self.sent += 1
        return again

    async def _request(self, session: aiohttp.ClientSession, method: str, path: str, body: bytes) -> bytes:
        kind = {"Content-Type": "application/x-ndjson" if path == "/_bulk" else "application/json"}
        url = f"{self._upstream.url}{path}"
        async with session.request(method, url, data=io.BytesIO(body), headers=kind) as response:
            said = await response.read()
        if response.status == TOO_LARGE:
            raise TooLarge(f"{self._upstream.shown} takes no request as large as this")
        if response.status >= 300:
            text = said[:200].decode("utf-8", "replace")
            refused = Forbidden if response.status == FORBIDDEN else Refused
            raise refused(f"{self._upstream.shown} answered {response.status}: {text}")
        return said

    def _drop(self, why: str) -> None:
        if not self.dropped:
            self._tell(f"events are dropped: {why}")
        self.dropped += 1
        self._why = why


def made(line: Line) -> Made:
    """The document of a line, and the data stream that it belongs into."""
    kind, event = next(iter(from_json(line.text, dict).items()))
    found = document(kind, event, line.base, line.group)
    return Made(index_of(found), to_json(found))
