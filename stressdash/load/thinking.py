"""Connections that think between an answer and their next request.

A plan without think time pays nothing: `_follow`, what the hot path calls once an answer has come, stays the
sending itself. With one, the connection rests in a heap, and the loop wakes when the first has thought; in
the open loop nobody thinks, as requests are due by the clock.
"""

from __future__ import annotations

import heapq
import itertools
import mmap
import random
from collections.abc import Iterator

from stressdash.load.books import Books
from stressdash.load.connection import IDLE, NEVER_NS, Connection
from stressdash.load.control import Assignment
from stressdash.load.loop import Loop
from stressdash.load.think import Pause

__all__ = ["Thinkers", "ThinkingLoop"]


class Thinkers:
    """Which connections think, and until when."""

    __slots__ = ("_draw", "_heap", "_order", "_think", "_until_ns")

    def __init__(self, think: Pause, draw: random.Random) -> None:
        self._think = think
        self._draw = draw
        self._heap: list[tuple[int, int, Connection]] = []
        self._order = itertools.count()
        self._until_ns: dict[Connection, int] = {}

    @property
    def next_ns(self) -> int:
        """When the first will have thought."""
        return self._heap[0][0] if self._heap else NEVER_NS

    def begin(self, connection: Connection, now_ns: int) -> None:
        """The connection thinks from now on, and no longer from when it began before."""
        until_ns = now_ns + self._think.draw_ns(self._draw)
        self._until_ns[connection] = until_ns
        heapq.heappush(self._heap, (until_ns, next(self._order), connection))

    def due(self, now_ns: int) -> Iterator[Connection]:
        """Connections that have thought and are still open."""
        while self._heap and self._heap[0][0] <= now_ns:
            until_ns, _, connection = heapq.heappop(self._heap)
            if self._until_ns.get(connection) == until_ns:
                del self._until_ns[connection]
                if connection.state == IDLE:
                    yield connection


class ThinkingLoop(Loop):
    """The loop, with think time where the plan has one."""

    def __init__(self, assignment: Assignment, books: Books, codes: mmap.mmap | None) -> None:
        super().__init__(assignment, books, codes)
        plan = assignment.plan
        draw = random.Random(f"{plan.seed}/{assignment.worker}/think")
        self._thinkers = Thinkers(plan.think, draw) if plan.think is not None else None
        self._thinks = False

    def _start_thinking(self) -> None:
        """The loop is closed: from now on each answer is thought about."""
        self._thinks = self._thinkers is not None
        self._follow = self._think if self._thinks else self._send

    def _stop_thinking(self) -> None:
        """The loop is open: who thinks can be sent with at once."""
        self._thinks = False
        self._follow = self._send
        if self._thinkers is not None:
            for connection in self._thinkers.due(NEVER_NS):
                self._idle[connection] = None

    def _offer(self, connection: Connection) -> None:
        """After a request that ended badly, or a pause, it is thought as after an answer."""
        if self._thinks and connection.request and not connection.leaving:
            self._begin_to_think(connection)
        else:
            super()._offer(connection)

    def _think(self, connection: Connection) -> None:
        self._busy -= 1
        connection.state = IDLE
        self._begin_to_think(connection)

    def _begin_to_think(self, connection: Connection) -> None:
        assert self._thinkers is not None
        self._thinkers.begin(connection, self._clock())
        self._due_ns = self._thinkers.next_ns

    def _wake_thinkers(self, now: int) -> None:
        """Send with those that have thought."""
        if self._thinkers is not None and self._thinks:
            for connection in self._thinkers.due(now):
                super()._offer(connection)
            self._due_ns = self._thinkers.next_ns
