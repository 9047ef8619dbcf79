"""Turns: how many calls may begin their work in one pass of the event loop.

A loop that serves hundreds of ready calls in one pass hears of nothing else meanwhile: not of answers that
have arrived, and not of clients that have hung up. So calls begin a few at a time, first come, first served,
and those whose client has gone while they waited never begin.
"""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Turns"]


class Turns:
    """Lets `each_pass` callers through per pass of the running event loop."""

    def __init__(self, each_pass: int) -> None:
        self._each_pass = each_pass
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for one's turn, at least until the next pass; a caller that is cancelled takes none."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._let_through, loop)
        turn = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _let_through(self, loop: asyncio.AbstractEventLoop) -> None:
        left = self._each_pass
        while self._waiting and left:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                left -= 1
        if self._waiting:
            loop.call_soon(self._let_through, loop)
