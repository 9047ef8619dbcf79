"""What the database does per second, from the totals that it tells."""

from __future__ import annotations

from collections import deque
from dataclasses import fields
from typing import Final

from stressdash.samples import DatabaseRates, DatabaseStatus

__all__ = ["DatabaseMeter"]

REACH_S: Final = 2.0
"""How far back a rate looks: short enough to follow, long enough not to flicker."""


class DatabaseMeter:
    """Rates over the last seconds. A total that falls tells of a restart, and all begins anew."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, DatabaseStatus]] = deque()

    def add(self, now_s: float, status: DatabaseStatus | None) -> None:
        """Take in what the database told at a time; None when it told nothing."""
        if status is None or (self._seen and _fell(self._seen[-1][1], status)):
            self._seen.clear()
        if status is not None:
            self._seen.append((now_s, status))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - REACH_S:
            self._seen.popleft()

    @property
    def rates(self) -> DatabaseRates | None:
        """Per second; None before there are two looks, and each None that the database does not tell."""
        if len(self._seen) < 2:
            return None
        (from_s, first), (to_s, last) = self._seen[0], self._seen[-1]
        if to_s <= from_s:
            return None

        def rate(name: str) -> float | None:
            before, after = getattr(first, name), getattr(last, name)
            return None if before is None or after is None else (after - before) / (to_s - from_s)

        return DatabaseRates(**{one.name: rate(one.name) for one in fields(DatabaseRates)})


def _fell(before: DatabaseStatus, after: DatabaseStatus) -> bool:
    return (before.questions or 0) > (after.questions or 0)
