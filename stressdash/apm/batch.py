"""Questions that are asked at the same moment go out as one, and a source that fails is left alone a while.

Knows no Elasticsearch: `send` does the talking.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from stressdash.apm.queries import Search
from stressdash.errors import SourceError

__all__ = ["SearchBatch"]

Answer = Mapping[str, Any]
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 8.0


class SearchBatch:
    """Collects the searches of one moment into one request; what two ask alike goes out once.

    A moment lasts two turns of the event loop: who is asked may have to ask several things at once.

    After a failure nothing is sent for half a second, doubling up to eight; who asks meanwhile is told the
    failure again at once.

    Args:
        send: one `_msearch`; answers in order, or raises `SourceError`.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Search]], Awaitable[Sequence[Answer]]],
        monotonic: Callable[[], float],
    ) -> None:
        self._send = send
        self._monotonic = monotonic
        self._waiting: list[tuple[Search, asyncio.Future[Answer]]] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._pause_s = 0.0
        self._silent_until = 0.0
        self._failure = ""

    async def ask(self, *searches: Search) -> list[Answer]:
        """Answers to searches, in order.

        Raises:
            SourceError: the request failed now, or failed just before.
        """
        if self._monotonic() < self._silent_until:
            raise SourceError(self._failure)
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in searches]
        if not self._waiting:
            loop.call_soon(loop.call_soon, self._start)
        self._waiting += zip(searches, futures, strict=True)
        return list(await asyncio.gather(*futures))

    def _start(self) -> None:
        asked, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(asked))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _answer(self, asked: list[tuple[Search, asyncio.Future[Answer]]]) -> None:
        open_ones = [(search, future) for search, future in asked if not future.done()]
        if not open_ones:
            return
        different: list[Search] = []
        for search, _ in open_ones:
            if search not in different:
                different.append(search)
        try:
            answers = await self._send(different)
        except SourceError as error:
            self._pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2 * self._pause_s))
            self._silent_until = self._monotonic() + self._pause_s
            self._failure = str(error)
            self._fail(open_ones, SourceError(self._failure))
            return
        except asyncio.CancelledError:
            for _, future in open_ones:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001  a mistake of ours, but nobody may wait for ever
            self._fail(open_ones, error)
            return
        self._pause_s = 0.0
        for search, future in open_ones:
            if not future.done():
                future.set_result(answers[different.index(search)])

    def _fail(self, open_ones: list[tuple[Search, asyncio.Future[Answer]]], error: Exception) -> None:
        for _, future in open_ones:
            if not future.done():
                future.set_exception(error)

    async def aclose(self) -> None:
        """Give up what is under way."""
        for task in tuple(self._sending):
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
