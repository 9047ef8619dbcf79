"""Sending what a slider says: one command at a time, a pause after each, and always the last value.

A drag gives a value for every cell the pointer crosses; the session gets at most ten a second of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Steering"]

PAUSE_S = 0.1
CONFIRM_PICTURES = 3


class Steering:
    """The newest wish for one number, until the session has taken it over."""

    def __init__(self, send: Callable[[int], Awaitable[bool]]) -> None:
        self._send = send
        self._wish: int | None = None
        self._unsent = False
        self._pictures_left = 0
        self._task_running = False

    @property
    def wanted(self) -> int | None:
        """What the user asked for, while the session's pictures may still show something older."""
        return self._wish

    def wish(self, value: int) -> bool:
        """Note a value; True when it is news and nobody sends, so that `run` must be started."""
        if value == self._wish:
            return False
        self._wish = value
        self._unsent = True
        return not self._task_running

    async def run(self) -> None:
        """Send until nothing is left to send. A value that was refused is forgotten."""
        self._task_running = True
        try:
            while self._unsent and self._wish is not None:
                self._unsent = False
                taken = await self._send(self._wish)
                if self._unsent:
                    await asyncio.sleep(PAUSE_S)
                elif taken:
                    self._pictures_left = CONFIRM_PICTURES
                else:
                    self._wish = None
        finally:
            self._task_running = False

    def seen(self, shown: float | None) -> None:
        """A new picture has come: forget the wish once it shows the value, or has had time to."""
        if self._wish is None or self._unsent or self._task_running:
            return
        self._pictures_left -= 1
        if shown == self._wish or self._pictures_left <= 0:
            self._wish = None
