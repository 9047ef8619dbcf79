"""Where a request's time goes: what the client waited for, cut into what the service says it did meanwhile.

All are means over the requests of the same stretch of time, which add up, as percentiles would not. The
service's own account covers every call (breakdown metrics), so sampling does not matter here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from stressdash.samples import Breakdown, BreakdownPart

__all__ = ["PARTS", "attribution", "merged"]

PARTS: Final[Mapping[str, str]] = {
    "database": "database",
    "pool": "pool wait",
    "app": "application",
    "other": "other calls",
    "network": "network and accept queue",
}
"""Key and label of each part, from the innermost out."""

APP: Final = ("app", "")
POOL: Final = ("db", "pool")


def attribution(client_mean_us: float | None, breakdown: Breakdown | None) -> Mapping[str, float]:
    """Mean microseconds of a request by part; empty when client or service do not tell.

    `network` is what the client waited beyond the service's own time: sending, queues before the service
    began, and the answer's way back. The parts add up to the client's mean, unless the service tells of more
    time than the client waited, as it does while requests are given up by their clients.
    """
    if client_mean_us is None or breakdown is None:
        return {}
    calls = sum(part.count for part in breakdown.parts if (part.type, part.subtype) == APP)
    if not calls:
        return {}
    sums = dict.fromkeys(PARTS, 0.0)
    for part in breakdown.parts:
        sums[_key(part.type, part.subtype)] += part.sum_us / calls
    sums["network"] = max(0.0, client_mean_us - sum(sums.values()))
    return sums


def merged(breakdowns: Iterable[Breakdown]) -> Breakdown | None:
    """The sums of all; None of none."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    known = False
    for breakdown in breakdowns:
        known = True
        for part in breakdown.parts:
            count, sum_us = sums.get((part.type, part.subtype), (0, 0))
            sums[part.type, part.subtype] = (count + part.count, sum_us + part.sum_us)
    if not known:
        return None
    return Breakdown(tuple(BreakdownPart(*key, *figures) for key, figures in sums.items()))


def _key(kind: str, subtype: str) -> str:
    if (kind, subtype) == POOL:
        return "pool"
    return {"app": "app", "db": "database"}.get(kind, "other")
