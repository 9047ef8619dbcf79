"""How many events may come in a second."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["EventRate"]


class EventRate:
    """A bucket that fills with time and is emptied by events, after they are counted.

    A request is let in while anything is left, whatever it holds; the debt delays the next ones.

    Args:
        per_second: events that flow in for good.
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, per_second: float, monotonic: Callable[[], float]) -> None:
        self._per_second = per_second
        self._monotonic = monotonic
        self._left = per_second
        self._at = monotonic()

    def allows(self) -> bool:
        """Whether a further request may come in now."""
        now = self._monotonic()
        self._left = min(self._per_second, self._left + (now - self._at) * self._per_second)
        self._at = now
        return self._left > 0

    def count(self, events: int) -> None:
        """Take what came in out of the bucket."""
        self._left -= events
