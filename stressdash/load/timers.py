"""Deadlines that cost nothing while they hold.

A connection has at most one live entry in the heap. Sending a request does not touch it: when the entry
comes due, its owner looks whether the deadline has moved on and sets it again. So the price of a timeout is
paid once per connection and timeout period, not per request, and the deadline is exact.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from stressdash.load.connection import NEVER_NS, Connection

__all__ = ["Timers"]


class Timers:
    """Which connection to look at, and when."""

    __slots__ = ("_heap", "_order", "next_ns")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Connection]] = []
        self._order = itertools.count()
        self.next_ns = NEVER_NS
        """When the first entry comes due."""

    def set(self, connection: Connection, at_ns: int) -> None:
        """Look at the connection at `at_ns`, and not at the time set before."""
        connection.alarm_ns = at_ns
        heapq.heappush(self._heap, (at_ns, next(self._order), connection))
        self.next_ns = self._heap[0][0]

    def due(self, now_ns: int) -> Iterator[Connection]:
        """Connections whose time has come; the owner sets the next."""
        while self._heap and self._heap[0][0] <= now_ns:
            at_ns, _, connection = heapq.heappop(self._heap)
            if connection.alarm_ns == at_ns:
                connection.alarm_ns = NEVER_NS
                yield connection
        self.next_ns = self._heap[0][0] if self._heap else NEVER_NS
