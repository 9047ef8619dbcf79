"""What is remembered of an event for the charts, in columns, and how the rows of a second are summed up.

Every fold takes the rows with `low <= ms < high`, where ms counts within the second, of one service or, with
`EVERY_SERVICE`, of all.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from stressdash.embedded.apm.tally import Tally
from stressdash.hdr import bucket_index

__all__ = [
    "EVERY_SERVICE",
    "OUTCOMES",
    "ErrorRows",
    "ErrorTally",
    "ProcessRow",
    "RequestRows",
    "SelfTime",
    "fold_errors",
    "fold_requests",
    "select_rows",
]

OUTCOMES: Final = {"success": 0, "failure": 1, "unknown": 2}
EVERY_SERVICE: Final = -1


class RequestRows:
    """Request transactions of one second."""

    __slots__ = ("duration_us", "ms", "outcome", "result", "service", "weight")

    def __init__(self) -> None:
        self.ms = array("H")
        self.service = array("l")
        self.duration_us = array("q")
        self.weight = array("d")
        self.outcome = array("B")
        self.result = array("l")

    def __len__(self) -> int:
        return len(self.ms)


class ErrorRows:
    """Error documents of one second."""

    __slots__ = ("group", "ms", "name", "service", "transaction")

    def __init__(self) -> None:
        self.ms = array("H")
        self.service = array("l")
        self.group = array("l")
        self.name = array("l")
        self.transaction = array("l")

    def __len__(self) -> int:
        return len(self.ms)


@dataclass(slots=True)
class ErrorTally:
    """Errors of one group within one part of a second."""

    count: int
    first_ms: int
    last_ms: int
    """Milliseconds within the second."""
    names: Counter[int]
    transactions: Counter[int]


class SelfTime(NamedTuple):
    """Time that spans of one kind had to themselves, as the agent sums it up."""

    ms: int
    service: int
    type: str
    subtype: str
    spans: int
    sum_us: int


class ProcessRow(NamedTuple):
    """Metrics of the service's process."""

    ms: int
    service: int
    cpu_share: float | None
    system_cpu_share: float | None
    rss_bytes: int | None


Row = TypeVar("Row", SelfTime, ProcessRow)


def fold_requests(rows: RequestRows, low: int, high: int, service: Hashable) -> Tally:
    """Tally of the rows in [low, high) ms, of one service or of all."""
    tally = Tally()
    latencies, results = tally.latencies, tally.results
    columns = zip(
        rows.ms, rows.service, rows.duration_us, rows.weight, rows.outcome, rows.result, strict=True
    )
    for ms, of, duration_us, weight, outcome, result in columns:
        if not low <= ms < high or service not in (EVERY_SERVICE, of):
            continue
        tally.recorded += 1
        tally.weight += weight
        tally.duration_us += weight * duration_us
        if outcome == 0:
            tally.succeeded += weight
        elif outcome == 1:
            tally.failed += weight
        index = bucket_index(duration_us)
        latencies[index] = latencies.get(index, 0.0) + weight
        results[result] = results.get(result, 0.0) + weight
    return tally


def fold_errors(rows: ErrorRows, low: int, high: int, service: Hashable) -> dict[int, ErrorTally]:
    """Tallies by number of the group's key."""
    tallies: dict[int, ErrorTally] = {}
    for ms, of, group, name, transaction in zip(
        rows.ms, rows.service, rows.group, rows.name, rows.transaction, strict=True
    ):
        if not low <= ms < high or service not in (EVERY_SERVICE, of):
            continue
        tally = tallies.get(group)
        if tally is None:
            tally = tallies[group] = ErrorTally(0, ms, ms, Counter(), Counter())
        tally.count += 1
        tally.first_ms = min(tally.first_ms, ms)
        tally.last_ms = max(tally.last_ms, ms)
        tally.names[name] += 1
        if transaction >= 0:
            tally.transactions[transaction] += 1
    return tallies


def select_rows(rows: list[Row], low: int, high: int, service: Hashable) -> list[Row]:
    """The rows themselves: there is one a second and span type, nothing to sum up."""
    return [row for row in rows if low <= row.ms < high and service in (EVERY_SERVICE, row.service)]
