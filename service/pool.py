"""A connection pool with the semantics of Go's `database/sql`.

Rules:
    - Connections are opened when needed and none is idle, in parallel, and nothing is locked meanwhile.
      A connection counts as open from the moment its opening begins.
    - `max_open` 0 means unlimited. At the limit an acquire waits, first come, first served.
    - Whoever stops needing a place (release, failed connect, cancelled wait) hands it to the first waiter:
      the connection itself if it is still good, else the place, and the waiter connects on its own behalf.
    - A released connection is closed when it is broken, past `conn_max_lifetime`, beyond `max_open`, or when
      `max_idle` connections rest already. The last one released is the first one used again.
    - Nobody gets a connection that is known to be broken: one that broke while it rested, or on its way to a
      waiter, is replaced in its place. Nothing was sent on it, so this is Go's retry of a bad connection.
    - A cancelled acquire leaks nothing. A cancelled query breaks its connection: the driver marks it.
    - Limits may change at any time; a higher `max_open` lets waiters in at once.

Two deviations: waiters are served in their order (Go picks one at random), and a `max_open` below `max_idle`
limits the idle ones while it lasts and leaves `max_idle`.

Sans driver: connections come from a `connect` coroutine and have `broken` and `close()`. One event loop, no
threads, no locks: every method but `acquire` runs to its end without a pause.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from service.errors import PoolClosed
from service.trail import ACQUIRE, Trail

__all__ = ["Limits", "Pool", "PoolStats", "Pooled"]


class Pooled(Protocol):
    """What the pool asks of a connection."""

    opened_at: float
    """When it was opened, in seconds of the pool's clock; the pool writes it."""

    @property
    def broken(self) -> bool:
        """Whether it can no longer be used."""

    def close(self) -> None:
        """Close now or in the background; never raises."""


C = TypeVar("C", bound=Pooled)


@dataclass(frozen=True, slots=True)
class Limits:
    """The pool's knobs."""

    max_open: int = 0
    """0: unlimited."""
    max_idle: int = 2
    conn_max_lifetime_s: float = 0.0
    """0: forever."""

    @property
    def idle(self) -> int:
        """How many connections may rest."""
        return min(self.max_idle, self.max_open) if self.max_open else self.max_idle


@dataclass(frozen=True, slots=True)
class PoolStats:
    """What the pool did and holds: Go's DBStats, plus who waits now and what was closed broken."""

    max_open: int
    max_idle: int
    open: int
    in_use: int
    idle: int
    waiting: int
    wait_count: int
    wait_seconds: float
    closed_max_idle: int
    closed_max_lifetime: int
    closed_broken: int


class Pool(Generic[C]):
    """Lends connections; see the module's rules. `clock` gives monotonic seconds."""

    def __init__(
        self, connect: Callable[[Trail], Awaitable[C]], clock: Callable[[], float], limits: Limits
    ) -> None:
        self._connect = connect
        self._clock = clock
        self._limits = limits
        self._idle: list[C] = []
        self._waiters: deque[asyncio.Future[C | None]] = deque()
        self._open = 0
        self._closed = False
        self._wait_count = 0
        self._wait_seconds = 0.0
        self._closed_max_idle = 0
        self._closed_max_lifetime = 0
        self._closed_broken = 0

    async def acquire(self, trail: Trail) -> C:
        """Borrow a connection; give it back with `release`, whatever happens.

        Raises:
            PoolClosed: the pool was closed, before or while waiting.
            Exception: whatever `connect` raises.
        """
        with trail.step(ACQUIRE):
            if self._closed:
                raise PoolClosed("the connection pool is closed")
            while self._idle:
                connection = self._idle.pop()
                if self._usable(connection):
                    return connection
                self._discard(connection)
            if self._limits.max_open and self._open >= self._limits.max_open:
                granted = await self._wait()
                if granted is not None:
                    if self._usable(granted):
                        return granted
                    granted.close()
            else:
                self._open += 1
            return await self._fill_place(trail)

    def release(self, connection: C) -> None:
        """Give a borrowed connection back."""
        if self._closed or self._crowded or not self._usable(connection):
            self._discard(connection)
        elif not self._grant(connection):
            self._rest(connection)

    def resize(self, limits: Limits) -> None:
        """Take new limits: idle connections beyond them close now, borrowed ones when they come back."""
        self._limits = limits
        while self._idle and (self._crowded or len(self._idle) > limits.idle):
            self._closed_max_idle += 1
            self._discard(self._idle.pop(0))
        self.reap()
        while self._waiters and (not limits.max_open or self._open < limits.max_open):
            self._open += 1
            if not self._grant(None):
                self._open -= 1

    def reap(self) -> None:
        """Close the idle connections that are past their lifetime or broken; call it every second."""
        resting, self._idle = self._idle, []
        for connection in resting:
            if self._usable(connection):
                self._idle.append(connection)
            else:
                self._discard(connection)

    def close(self) -> None:
        """Close what is idle, turn waiters away, and close every borrowed connection when it comes back."""
        self._closed = True
        while self._idle:
            self._discard(self._idle.pop())
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(PoolClosed("the connection pool is closed"))

    @property
    def limits(self) -> Limits:
        """The limits in force."""
        return self._limits

    def stats(self) -> PoolStats:
        """The figures of this moment."""
        return PoolStats(
            max_open=self._limits.max_open,
            max_idle=self._limits.max_idle,
            open=self._open,
            in_use=self._open - len(self._idle),
            idle=len(self._idle),
            waiting=sum(not waiter.done() for waiter in self._waiters),
            wait_count=self._wait_count,
            wait_seconds=self._wait_seconds,
            closed_max_idle=self._closed_max_idle,
            closed_max_lifetime=self._closed_max_lifetime,
            closed_broken=self._closed_broken,
        )

    @property
    def _crowded(self) -> bool:
        """Whether more connections are open than may be, because the limit was lowered."""
        return 0 < self._limits.max_open < self._open

    async def _wait(self) -> C | None:
        """Queue for a connection; None stands for a place in which to open one."""
        waiter: asyncio.Future[C | None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._wait_count += 1
        began = self._clock()
        try:
            return await waiter
        except asyncio.CancelledError:
            # The grant may have come in the same turn of the loop as the cancellation: pass it on.
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                granted = waiter.result()
                if granted is None:
                    self._vacate()
                else:
                    self.release(granted)
            raise
        finally:
            self._wait_seconds += self._clock() - began

    async def _fill_place(self, trail: Trail) -> C:
        """Open a connection in a place that is already counted."""
        try:
            connection = await self._connect(trail)
        except BaseException:
            self._vacate()
            raise
        connection.opened_at = self._clock()
        return connection

    def _usable(self, connection: C) -> bool:
        """Whether to keep a connection; counts why not."""
        if connection.broken:
            self._closed_broken += 1
            return False
        lifetime_s = self._limits.conn_max_lifetime_s
        if lifetime_s and self._clock() - connection.opened_at >= lifetime_s:
            self._closed_max_lifetime += 1
            return False
        return True

    def _rest(self, connection: C) -> None:
        if len(self._idle) < self._limits.idle:
            self._idle.append(connection)
        else:
            self._closed_max_idle += 1
            self._discard(connection)

    def _discard(self, connection: C) -> None:
        connection.close()
        self._vacate()

    def _vacate(self) -> None:
        """One place became free: give it to the first waiter, if the limit allows."""
        if self._closed or self._crowded or not self._grant(None):
            self._open -= 1

    def _grant(self, connection: C | None) -> bool:
        """Hand a connection or a place to the first waiter that still waits."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return True
        return False
