"""What is remembered of an event for the charts, in columns, and how the rows of a second are summed up.

Every fold takes the rows with `low <= ms < high`, where ms counts within the second, of some origins.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple, Self, TypeVar

from stressdash.embedded.apm.origins import Selector
from stressdash.embedded.apm.tally import Tallies, Tally
from stressdash.hdr import bucket_index

__all__ = [
    "OUTCOMES",
    "CallRows",
    "ErrorRows",
    "ErrorTally",
    "ProcessRow",
    "RequestRows",
    "SelfTime",
    "Slow",
    "fold_calls",
    "fold_errors",
    "fold_requests",
    "select_rows",
    "slow_requests",
]

OUTCOMES: Final = {"success": 0, "failure": 1, "unknown": 2}


class Columns:
    """Rows of one second, a column of fixed width for each field."""

    CODES: ClassVar[str]
    """Type of each column, as `array` names it."""

    def __init__(self) -> None:
        self.columns = tuple(array(code) for code in self.CODES)

    def __len__(self) -> int:
        return len(self.columns[0])

    def append(self, *values: float) -> None:
        """Add one row."""
        for column, value in zip(self.columns, values, strict=True):
            column.append(value)  # type: ignore[arg-type]  # the type is that of CODES

    def packed(self) -> bytes:
        """All columns, one after the other."""
        return b"".join(column.tobytes() for column in self.columns)

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """Rows that `packed` gave."""
        rows = cls()
        count = len(data) // sum(column.itemsize for column in rows.columns)
        start = 0
        for column in rows.columns:
            end = start + count * column.itemsize
            column.frombytes(data[start:end])
            start = end
        return rows


class RequestRows(Columns):
    """Transactions: ms, origin, name, duration in us, weight, outcome, result, reference.

    One that was kept merely because it failed has no weight.
    """

    CODES = "HiiqdBiq"


class CallRows(Columns):
    """Spans that called something: ms, origin, resource, operation, duration in us, weight, outcome."""

    CODES = "HiiiqdB"


class ErrorRows(Columns):
    """Error documents: ms, origin, group, message, name of the transaction or -1."""

    CODES = "Hiiii"


@dataclass(slots=True)
class ErrorTally:
    """Errors of one group with one message within one part of a second."""

    count: int
    first_ms: int
    last_ms: int
    """Milliseconds within the second."""
    transactions: Counter[int]


class Slow(NamedTuple):
    """A transaction that can be opened; the greatest is the slowest."""

    duration_us: int
    reference: int


class SelfTime(NamedTuple):
    """Time that spans of one kind had to themselves, as the agent sums it up."""

    ms: int
    origin: int
    type: str
    subtype: str
    spans: int
    sum_us: int


class ProcessRow(NamedTuple):
    """Metrics of the service's process."""

    ms: int
    origin: int
    cpu_share: float | None
    system_cpu_share: float | None
    rss_bytes: int | None


Row = TypeVar("Row", SelfTime, ProcessRow)


def fold_requests(rows: RequestRows, low: int, high: int, selector: Selector) -> Tallies:
    """Tallies by number of the transaction's name."""
    tallies = Tallies()
    for ms, origin, name, duration_us, weight, outcome, result, _ in zip(*rows.columns, strict=True):
        if low <= ms < high and origin in selector and weight:
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = Tally()
            tally.count(duration_us, weight, outcome, bucket_index(duration_us), result)
    return tallies


def fold_calls(rows: CallRows, low: int, high: int, selector: Selector) -> Tallies:
    """Tallies by number of the resource; their results are the operations."""
    tallies = Tallies()
    for ms, origin, resource, operation, duration_us, weight, outcome in zip(*rows.columns, strict=True):
        if low <= ms < high and origin in selector:
            tally = tallies.get(resource)
            if tally is None:
                tally = tallies[resource] = Tally()
            tally.count(duration_us, weight, outcome, bucket_index(duration_us), operation)
    return tallies


def fold_errors(
    rows: ErrorRows, low: int, high: int, selector: Selector
) -> dict[tuple[int, int], ErrorTally]:
    """Tallies by numbers of the group's key and of the message."""
    tallies: dict[tuple[int, int], ErrorTally] = {}
    for ms, origin, group, name, transaction in zip(*rows.columns, strict=True):
        if not low <= ms < high or origin not in selector:
            continue
        tally = tallies.get((group, name))
        if tally is None:
            tally = tallies[group, name] = ErrorTally(0, ms, ms, Counter())
        tally.count += 1
        tally.first_ms = min(tally.first_ms, ms)
        tally.last_ms = max(tally.last_ms, ms)
        if transaction >= 0:
            tally.transactions[transaction] += 1
    return tallies


def slow_requests(
    rows: RequestRows,
    ms_range: tuple[int, int],
    us_range: tuple[int, float],
    name: int | None,
    selector: Selector,
) -> Iterator[Slow]:
    """Transactions that took as long as asked for, of one name or of all, those kept for failing included."""
    low_ms, high_ms = ms_range
    low_us, high_us = us_range
    for ms, origin, of, duration_us, _, _, _, reference in zip(*rows.columns, strict=True):
        within = low_us <= duration_us < high_us and low_ms <= ms < high_ms
        if within and origin in selector and name in (None, of):
            yield Slow(duration_us, reference)


def select_rows(rows: list[Row], low: int, high: int, selector: Selector) -> list[Row]:
    """The rows themselves: there is one a second and span type, nothing to sum up."""
    return [row for row in rows if low <= row.ms < high and row.origin in selector]
