"""Error groups: what the errors with one grouping key have in common, and how often they came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stressdash.embedded.apm.rows import ErrorTally
from stressdash.embedded.apm.shapes import ErrorEvent
from stressdash.embedded.apm.timeline import Timeline
from stressdash.samples import ErrorGroup, ErrorName, Scope

__all__ = ["GROUP_LIMIT", "ErrorGroups"]

GROUP_LIMIT: Final = 200
"""Most frequent groups that an answer lists."""


@dataclass(slots=True)
class Description:
    """Of the group's newest error."""

    type: str
    culprit: str
    handled: bool | None
    stack_depth: int


@dataclass(slots=True)
class Sum:
    """A group's errors within the range that was asked for."""

    spark: list[int]
    count: int = 0
    first_ms: int = -1
    last_ms: int = -1
    names: Counter[int] = field(default_factory=Counter)
    transactions: Counter[int] = field(default_factory=Counter)

    @classmethod
    def over(cls, start_ms: int, end_ms: int) -> Sum:
        """An empty sum over a range."""
        return cls([0] * (-(-end_ms // 1000) - start_ms // 1000))

    def take(self, position: int, second_ms: int, tally: ErrorTally) -> None:
        """Add what one second saw; seconds come in order."""
        self.spark[position] += tally.count
        self.count += tally.count
        first_ms = second_ms + tally.first_ms
        self.first_ms = first_ms if self.first_ms < 0 else min(self.first_ms, first_ms)
        self.last_ms = max(self.last_ms, second_ms + tally.last_ms)


class ErrorGroups:
    """Describes the groups that the timeline counts."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._descriptions: dict[int, Description] = {}

    def add(self, event: ErrorEvent, key: str, origin: int, at_ms: int) -> tuple[int, int]:
        """Count an error and describe its group by it; numbers of the group's key and of the message."""
        names = self._timeline.names
        exception, log = event.exception, event.log
        stack = (exception.stacktrace if exception else None) or (log.stacktrace if log else None) or ()
        message = log.message if log else (exception.message if exception else None)
        transaction = event.transaction.name if event.transaction else None
        group, name = names.number(key), names.number(message or "")
        self._timeline.add_error(
            at_ms,
            origin,
            group,
            name,
            -1 if transaction is None else names.number(transaction),
        )
        self._descriptions[group] = Description(
            type=(exception.type if exception else None) or "",
            culprit=event.culprit or "",
            handled=exception.handled if exception else None,
            stack_depth=len(stack),
        )
        return group, name

    def listed(self, start_ms: int, end_ms: int, scope: Scope) -> tuple[ErrorGroup, ...]:
        """Groups with errors in [start, end), the most frequent first."""
        sums: dict[int, Sum] = {}
        for second, tallies in self._timeline.errors(start_ms, end_ms, scope):
            for (number, name), tally in tallies.items():
                total = sums.setdefault(number, Sum.over(start_ms, end_ms))
                total.take(second - start_ms // 1000, 1000 * second, tally)
                total.names[name] += tally.count
                total.transactions.update(tally.transactions)
        text = self._timeline.names.text
        frequent = sorted(sums.items(), key=lambda item: (-item[1].count, text(item[0])))
        return tuple(self._group(number, total) for number, total in frequent[:GROUP_LIMIT])

    def by_name(self, key: str, start_ms: int, end_ms: int, scope: Scope) -> tuple[ErrorName, ...]:
        """One group's errors by message, the most frequent first."""
        group = self._timeline.names.find(key)
        sums: dict[int, Sum] = {}
        for second, tallies in self._timeline.errors(start_ms, end_ms, scope):
            for (number, name), tally in tallies.items():
                if number == group:
                    total = sums.setdefault(name, Sum.over(start_ms, end_ms))
                    total.take(second - start_ms // 1000, 1000 * second, tally)
        text = self._timeline.names.text
        found = [
            ErrorName(text(name), total.count, total.first_ms, total.last_ms, tuple(total.spark))
            for name, total in sums.items()
        ]
        return tuple(sorted(found, key=lambda each: (-each.count, each.message))[:GROUP_LIMIT])

    def _group(self, number: int, total: Sum) -> ErrorGroup:
        text = self._timeline.names.text
        about = self._descriptions[number]
        names = {text(name): count for name, count in total.names.most_common()}
        return ErrorGroup(
            key=text(number),
            type=about.type,
            message=min(names, key=lambda name: (-names[name], name)),
            culprit=about.culprit,
            handled=about.handled,
            count=total.count,
            first_ms=total.first_ms,
            last_ms=total.last_ms,
            names=names,
            transactions={text(name): count for name, count in total.transactions.most_common()},
            spark=tuple(total.spark),
            stack_depth=about.stack_depth,
        )
