"""Error groups: what the errors with one grouping key have in common, and how often they came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stressdash.embedded.apm.shapes import ErrorEvent
from stressdash.embedded.apm.timeline import Timeline
from stressdash.samples import ErrorGroup

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


class ErrorGroups:
    """Describes the groups that the timeline counts."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._descriptions: dict[int, Description] = {}

    def add(self, event: ErrorEvent, key: str, service: int, at_ms: int) -> None:
        """Count an error and describe its group by it."""
        names = self._timeline.names
        exception, log = event.exception, event.log
        stack = (exception.stacktrace if exception else None) or (log.stacktrace if log else None) or ()
        message = log.message if log else (exception.message if exception else None)
        transaction = event.transaction.name if event.transaction else None
        group = names.number(key)
        self._timeline.add_error(
            at_ms,
            service,
            group,
            names.number(message or ""),
            -1 if transaction is None else names.number(transaction),
        )
        self._descriptions[group] = Description(
            type=(exception.type if exception else None) or "",
            culprit=event.culprit or "",
            handled=exception.handled if exception else None,
            stack_depth=len(stack),
        )

    def listed(self, start_ms: int, end_ms: int, service: str | None) -> tuple[ErrorGroup, ...]:
        """Groups with errors in [start, end), the most frequent first."""
        first_second, last_second = start_ms // 1000, -(-end_ms // 1000)
        sums: dict[int, Sum] = {}
        for second, tallies in self._timeline.errors(start_ms, end_ms, service):
            for number, tally in tallies.items():
                if number not in sums:
                    sums[number] = Sum([0] * (last_second - first_second))
                total = sums[number]
                total.spark[second - first_second] += tally.count
                total.count += tally.count
                if total.first_ms < 0:
                    total.first_ms = 1000 * second + tally.first_ms
                total.last_ms = 1000 * second + tally.last_ms
                total.names.update(tally.names)
                total.transactions.update(tally.transactions)
        groups = [self._group(number, total) for number, total in sums.items()]
        return tuple(sorted(groups, key=lambda group: (-group.count, group.key))[:GROUP_LIMIT])

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
