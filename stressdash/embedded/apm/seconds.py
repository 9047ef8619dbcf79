"""Rows kept per second of event time: the bounded memory under the timeline.

A second's rows are folded into a summary when somebody asks; summaries of whole seconds are kept until a
late row arrives, so a tick folds only the newest seconds. The oldest second goes when there are too many.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sized
from typing import Generic, TypeVar

__all__ = ["Names", "Seconds"]

Summary = TypeVar("Summary")


Rows = TypeVar("Rows", bound=Sized)


class Seconds(Generic[Rows, Summary]):
    """Rows by second, with their summaries.

    Args:
        new: makes an empty container of rows.
        fold: summary of a container's rows with `low <= millisecond < high`, for one selector.
        row_limit, second_limit: bounds; a second is dropped whole.
    """

    def __init__(
        self,
        new: Callable[[], Rows],
        fold: Callable[[Rows, int, int, Hashable], Summary],
        row_limit: int,
        second_limit: int = 7200,
    ) -> None:
        self._new = new
        self._fold = fold
        self._row_limit = row_limit
        self._second_limit = second_limit
        self._rows: dict[int, Rows] = {}
        self._summaries: dict[int, dict[Hashable, Summary]] = {}
        self._count = 0

    def at(self, second: int) -> Rows:
        """The container for one more row of that second."""
        self._count += 1
        rows = self._rows.get(second)
        if rows is None:
            rows = self._rows[second] = self._new()
        elif second in self._summaries:
            del self._summaries[second]
        if self._count > self._row_limit or len(self._rows) > self._second_limit:
            self._drop_oldest(second)
        return rows

    def summaries(self, start_ms: int, end_ms: int, selector: Hashable) -> Iterable[tuple[int, Summary]]:
        """(start in ms, summary) of each second that lies in the range, or of the part of it that does."""
        if end_ms - start_ms > 1000 * len(self._rows):
            seconds = sorted(s for s in self._rows if start_ms < 1000 * (s + 1) and 1000 * s < end_ms)
        else:
            seconds = [s for s in range(start_ms // 1000, -(-end_ms // 1000)) if s in self._rows]
        for second in seconds:
            low, high = max(0, start_ms - 1000 * second), min(1000, end_ms - 1000 * second)
            if low == 0 and high == 1000:
                yield 1000 * second, self._whole(second, selector)
            else:
                yield 1000 * second + low, self._fold(self._rows[second], low, high, selector)

    def _whole(self, second: int, selector: Hashable) -> Summary:
        known = self._summaries.setdefault(second, {})
        if selector not in known:
            known[selector] = self._fold(self._rows[second], 0, 1000, selector)
        return known[selector]

    def _drop_oldest(self, keep: int) -> None:
        oldest = min(self._rows)
        if oldest != keep:
            self._count -= len(self._rows.pop(oldest))
            self._summaries.pop(oldest, None)


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
