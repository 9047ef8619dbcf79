"""Unique, time-ordered 63-bit ids in sonyflake's layout: 39 bits time, 8 bits sequence, 16 bits machine.

Time counts in steps of 10 ms. Within one process ids strictly grow, also when the clock steps back or more
than 256 are asked for within one step: the sequence then borrows from the time to come. Clock and machine
number are passed in.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["IdSource"]

EPOCH_S = 1_704_067_200
"""2024-01-01T00:00:00Z; 39 bits of 10 ms from there last until 2198."""


class IdSource:
    """Makes ids; `clock` gives wall seconds since 1970, `machine` is any number below 65,536."""

    __slots__ = ("_clock", "_last", "_machine")

    def __init__(self, clock: Callable[[], float], machine: int) -> None:
        if not 0 <= machine < 1 << 16:
            raise ValueError(f"machine number {machine} does not fit 16 bits")
        self._clock = clock
        self._machine = machine
        self._last = 0

    def next(self) -> int:
        """The next id."""
        tick = int((self._clock() - EPOCH_S) * 100)
        self._last = max(self._last + 1, tick << 8)
        return (self._last << 16) | self._machine
