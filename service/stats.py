"""The service proper: `stats.StatsService/Push` checks one pageview and stores it.

As in the original, what is missing is told with a plain error, which Twirp puts on the wire as `internal`.
`push_timeout` bounds a push, in both ways of cancellation, as Go's context.WithTimeout would: the error reads
"context deadline exceeded" and is `internal` as well, because Push returns it as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

from service.call import Call
from service.database import Connection
from service.errors import InvalidRequest, PushTimeout
from service.ids import IdSource
from service.pool import Pool
from service.settings import Knobs
from service.stats_pb2 import PushRequest, PushResponse
from service.turns import Turns
from service.twirp import Method

__all__ = ["StatsService"]

EACH_PASS = 64
"""Pushes that begin in one pass of the event loop."""


class StatsService:
    """Stores pageviews; `clock` gives wall seconds since 1970, `knobs` the knobs in force."""

    def __init__(
        self,
        pool: Pool[Connection],
        ids: IdSource,
        clock: Callable[[], float],
        knobs: Callable[[], Knobs],
    ) -> None:
        self._pool = pool
        self._ids = ids
        self._clock = clock
        self._knobs = knobs
        self._turns = Turns(EACH_PASS)

    @property
    def methods(self) -> tuple[Method, ...]:
        """What can be called from outside."""
        return (Method("stats.StatsService", "Push", PushRequest, self.push),)

    async def push(self, request: PushRequest, call: Call) -> PushResponse:
        """Store one pageview.

        Raises:
            InvalidRequest: something is missing or not known.
            PushTimeout: `push_timeout` ran out.
            DatabaseError: it could not be stored.
        """
        validate(request)
        await self._turns.take()
        timeout_s = self._knobs().push_timeout_s
        if not timeout_s:
            await self._store(request, call)
            return PushResponse()
        try:
            async with asyncio.timeout(timeout_s):
                await self._store(request, call)
        except TimeoutError as error:
            raise PushTimeout("context deadline exceeded") from error
        return PushResponse()

    async def _store(self, request: PushRequest, call: Call) -> None:
        stamp = _utc(int(self._clock()))
        row = (self._ids.next(), request.property, request.section, request.id, call.remote_ip, stamp)
        connection = await self._pool.acquire(call.trail)
        try:
            await connection.insert(row, call.trail)
        finally:
            self._pool.release(connection)


@lru_cache(maxsize=1)
def _utc(second: int) -> datetime:
    """A second since 1970 as databases have it; many pushes share one."""
    return datetime.fromtimestamp(second, UTC).replace(tzinfo=None)


def validate(request: PushRequest) -> None:
    """Refuse what cannot be stored.

    Raises:
        InvalidRequest: says what is missing.
    """
    if not request.property:
        raise InvalidRequest("missing property")
    if request.property != "news":
        raise InvalidRequest("invalid property")
    if not request.id:
        raise InvalidRequest("missing id")
    if not request.section:
        raise InvalidRequest("missing section")
