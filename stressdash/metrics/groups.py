"""APM's error groups of a whole run, from answers over parts of it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from stressdash.samples import ErrorGroup

__all__ = ["ranked", "together"]


def together(
    older: Mapping[str, ErrorGroup], newer: Iterable[ErrorGroup], seconds: tuple[int, int]
) -> dict[str, ErrorGroup]:
    """Groups of a range, by key, from those of its two halves.

    Args:
        older: groups of the first half, by key.
        newer: groups of the second.
        seconds: how many seconds of the clock each half has; they share none.
    """
    later = {group.key: group for group in newer}
    return {key: _sum(older.get(key), later.get(key), seconds) for key in {**older, **later}}


def ranked(groups: Iterable[ErrorGroup], most: int) -> tuple[ErrorGroup, ...]:
    """The most frequent first, then by key."""
    return tuple(sorted(groups, key=lambda group: (-group.count, group.key))[:most])


def _sum(older: ErrorGroup | None, newer: ErrorGroup | None, seconds: tuple[int, int]) -> ErrorGroup:
    silence = tuple((0,) * length for length in seconds)
    if newer is None:
        assert older is not None
        return replace(older, spark=older.spark + silence[1])
    if older is None:
        return replace(newer, spark=silence[0] + newer.spark)
    names = Counter(older.names)
    names.update(newer.names)
    transactions = Counter(older.transactions)
    transactions.update(newer.transactions)
    return replace(
        newer,
        message=min(names, key=lambda name: (-names[name], name), default=newer.message),
        count=older.count + newer.count,
        first_ms=min(older.first_ms, newer.first_ms),
        last_ms=max(older.last_ms, newer.last_ms),
        names=dict(names.most_common()),
        transactions=dict(transactions.most_common()),
        spark=older.spark + newer.spark,
    )
