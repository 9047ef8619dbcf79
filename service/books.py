"""How many calls there were and are, and waiting until there are none."""

from __future__ import annotations

import asyncio

__all__ = ["Books"]


class Books:
    """Counts calls from arrival to outcome, shielded ones whose client is gone included."""

    def __init__(self) -> None:
        self.requests = 0
        """Calls that arrived since the start."""
        self.in_flight = 0
        self._empty = asyncio.Event()
        self._empty.set()

    def begin(self) -> None:
        """A call arrived."""
        self.requests += 1
        self.in_flight += 1
        self._empty.clear()

    def end(self) -> None:
        """A call ended."""
        self.in_flight -= 1
        if not self.in_flight:
            self._empty.set()

    async def empty(self) -> None:
        """Wait until no call is in flight."""
        await self._empty.wait()
