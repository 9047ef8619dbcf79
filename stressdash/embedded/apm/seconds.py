"""Rows kept per second of event time: the bounded memory under the timeline.

A second's rows are folded into a summary when somebody asks; summaries of whole seconds are kept until a
late row arrives, so a tick folds only the newest seconds. The oldest seconds go to the spill when their rows
take too much memory, and are forgotten when there are too many, or when the spill is lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import Final, Generic, Protocol, Self, TypeVar

from stressdash.embedded.apm.origins import Selector
from stressdash.embedded.apm.spill import Spill, SpillLost

__all__ = ["Names", "Seconds", "Shelf"]

SECOND_LIMIT: Final = 86_400
SUMMARY_LIMIT: Final = 1500
"""Seconds whose summaries are kept; one of 2,000 transactions takes about 30 KB."""


class Packable(Sized, Protocol):
    """Rows that can go to the spill."""

    def packed(self) -> bytes:
        """As bytes."""
        ...

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """From bytes."""
        ...


Summary = TypeVar("Summary")
Rows = TypeVar("Rows", bound=Sized)
Packed = TypeVar("Packed", bound=Packable)


class Shelf(Generic[Packed]):
    """The seconds of one kind of rows that lie in the spill."""

    def __init__(self, spill: Spill, shape: type[Packed]) -> None:
        self._spill = spill
        self._shape = shape
        self._kind = shape.__name__

    def put(self, second: int, rows: Packed) -> None:
        """Take a second's rows."""
        self._spill.run("INSERT INTO second VALUES (?, ?, ?)", self._kind, second, rows.packed())

    def get(self, second: int) -> Packed:
        """A second's rows."""
        query = "SELECT rows FROM second WHERE kind = ? AND second = ?"
        return self._shape.unpacked(self._spill.value(query, self._kind, second))

    def drop(self, second: int) -> None:
        """Forget a second."""
        self._spill.run("DELETE FROM second WHERE kind = ? AND second = ?", self._kind, second)

    def on_loss(self, forget: Callable[[], None]) -> None:
        """Call this when all of them are lost."""
        self._spill.on_loss(forget)


class Seconds(Generic[Rows, Summary]):
    """Rows by second, with their summaries.

    Args:
        new: makes an empty container of rows.
        fold: summary of a container's rows with `low <= millisecond < high`, for one selector.
        row_limit: how many rows may lie in memory.
        shelf: where the oldest seconds go; without one they are forgotten.
        second_limit: how many seconds are remembered.
    """

    def __init__(
        self,
        new: Callable[[], Rows],
        fold: Callable[[Rows, int, int, Selector], Summary],
        row_limit: int,
        shelf: Shelf[Rows] | None = None,  # type: ignore[type-var]  # lists have none
        second_limit: int = SECOND_LIMIT,
    ) -> None:
        self._new = new
        self._fold = fold
        self._row_limit = row_limit
        self._shelf = shelf
        self._second_limit = second_limit
        self._rows: dict[int, Rows] = {}
        self._shelved: set[int] = set()
        self._summaries: dict[int, dict[Selector, Summary]] = {}
        self._count = 0
        if shelf is not None:
            shelf.on_loss(self._shelved.clear)

    def at(self, second: int) -> Rows:
        """The container for one more row of that second."""
        self._count += 1
        rows = self._rows.get(second)
        if rows is None:
            rows = self._rows[second] = self._taken_back(second) or self._new()
        self._summaries.pop(second, None)
        if self._count > self._row_limit:
            self._make_room(second)
        if len(self._rows) + len(self._shelved) > self._second_limit:
            self._forget_oldest(second)
        return rows

    def rows(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, int, Rows]]:
        """(first and last + 1 millisecond, rows) of each second that the range touches."""
        for second, low, high in self._within(start_ms, end_ms):
            yield low, high, self._of(second)

    def summaries(self, start_ms: int, end_ms: int, selector: Selector) -> Iterator[tuple[int, Summary]]:
        """(start in ms, summary) of each second that lies in the range, or of the part of it that does."""
        for second, low, high in self._within(start_ms, end_ms):
            if low == 0 and high == 1000:
                yield 1000 * second, self._whole(second, selector)
            else:
                yield 1000 * second + low, self._fold(self._of(second), low, high, selector)

    def _within(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, int, int]]:
        known = len(self._rows) + len(self._shelved)
        first, last = start_ms // 1000, -(-end_ms // 1000)
        seconds: Iterable[int] = range(first, last)
        if last - first > known:
            seconds = sorted(s for s in (*self._rows, *self._shelved) if first <= s < last)
        for second in seconds:
            if second in self._rows or second in self._shelved:
                yield second, max(0, start_ms - 1000 * second), min(1000, end_ms - 1000 * second)

    def _of(self, second: int) -> Rows:
        if second in self._rows:
            return self._rows[second]
        assert self._shelf is not None
        return self._shelf.get(second)

    def _whole(self, second: int, selector: Selector) -> Summary:
        known = self._summaries.get(second)
        if known is None:
            known = self._summaries[second] = {}
            if len(self._summaries) > SUMMARY_LIMIT:
                del self._summaries[next(iter(self._summaries))]
        if selector not in known:
            known[selector] = self._fold(self._of(second), 0, 1000, selector)
        return known[selector]

    def _taken_back(self, second: int) -> Rows | None:
        """A second's rows out of the spill, for a late one."""
        if second not in self._shelved or self._shelf is None:
            return None
        try:
            rows = self._shelf.get(second)
            self._shelf.drop(second)
        except SpillLost:
            return None
        self._shelved.discard(second)
        self._count += len(rows)
        return rows

    def _make_room(self, keep: int) -> None:
        oldest = min(self._rows)
        if oldest == keep:
            return
        rows = self._rows.pop(oldest)
        self._count -= len(rows)
        if self._shelf is None:
            self._summaries.pop(oldest, None)
        else:
            with contextlib.suppress(SpillLost):  # this second goes with the others
                self._shelf.put(oldest, rows)
                self._shelved.add(oldest)

    def _forget_oldest(self, keep: int) -> None:
        oldest = min((*self._rows, *self._shelved))
        if oldest == keep:
            return
        self._summaries.pop(oldest, None)
        if oldest in self._rows:
            self._count -= len(self._rows.pop(oldest))
        elif self._shelf is not None:
            self._shelved.discard(oldest)
            with contextlib.suppress(SpillLost):
                self._shelf.drop(oldest)


class Names:
    """Texts by number, so that rows stay small; beyond the limit all new texts share one number."""

    OTHER = "(other)"

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []

    def number(self, text: str) -> int:
        """Number of the text, cut to what Elasticsearch would index of it."""
        found = self._numbers.get(text)
        if found is not None:
            return found
        text = text[:1024] if len(self._texts) < self._limit else self.OTHER
        if text not in self._numbers:
            self._numbers[text] = len(self._texts)
            self._texts.append(text)
        return self._numbers[text]

    def text(self, number: int) -> str:
        """The text behind a number."""
        return self._texts[number]

    def find(self, text: str) -> int | None:
        """Number of a text, if it has been seen."""
        return self._numbers.get(text)
