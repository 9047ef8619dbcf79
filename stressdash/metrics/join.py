"""Client faults joined with APM error groups, by trace id.

Every request carries its own trace id, the engine keeps a fair sample of the failed ones, and APM tells which
error groups hold them. So the share of a fault that a group explains is an estimate: k of n sampled requests,
with its Wilson interval, narrowed where the sample is a large part of all (finite population). Over all
faults the samples are strata, weighted by their counts, and the intervals are combined as Zou and Donner do
(square and add the distances to the strata's own bounds).

What does not join says why. The reasons are guesses in a fixed order, most certain first.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from stressdash.metrics.faults import FaultKey
from stressdash.samples import ErrorGroup, Fault
from stressdash.snapshot import ErrorRow

__all__ = [
    "ApmView",
    "Axis",
    "Votes",
    "explained_share",
    "fault_id",
    "group_id",
    "join",
    "share_interval",
    "votes",
]

GroupsOfTrace = Mapping[str, tuple[str, ...]]
"""Looked up trace ids with the keys of the error groups that hold them; () when APM has none."""

NEVER_SENT: Final = frozenset({"dns", "connect", "tls"})
RECENT_S: Final = 5
"""Seconds that the rate of a row covers."""


@dataclass(frozen=True, slots=True)
class Axis:
    """Where second 0 of the screen's axis lies on both clocks."""

    origin_ns: int
    """Monotonic."""
    origin_ms: int
    """Wall clock."""

    def of_ns(self, at_ns: int) -> float:
        """Seconds on the axis of a monotonic time."""
        return (at_ns - self.origin_ns) / 1e9

    def of_ms(self, at_ms: int) -> float:
        """Seconds on the axis of a wall-clock time."""
        return (at_ms - self.origin_ms) / 1e3


@dataclass(frozen=True, slots=True)
class ApmView:
    """What must be known of the APM source to say why something did not join."""

    enabled: bool | None = True
    """False when the service does not report at all."""
    reachable: bool = True
    newest_ms: int | None = None
    """Time of the newest event that the source holds."""
    dropped: int | None = None
    """Events lost on the way."""


@dataclass(frozen=True, slots=True)
class Votes:
    """What the sampled requests of one fault say about its cause."""

    sampled: int
    """Trace ids that were looked up."""
    joined: int
    """Those of them that are in any error group."""
    groups: tuple[tuple[str, int], ...]
    """Error groups with the number of requests they hold, most first."""


def votes(fault: Fault, groups_of_trace: GroupsOfTrace) -> Votes:
    """Count the error groups of a fault's sampled trace ids."""
    found = [groups_of_trace[trace_id] for trace_id in fault.trace_ids if trace_id in groups_of_trace]
    counts = Counter(key for groups in found for key in set(groups))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return Votes(len(found), sum(1 for groups in found if groups), tuple(ranked))


def share_interval(k: int, n: int, population: int | None = None) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of which k of n sampled have the property.

    With the size of the `population` sampled from, the interval shrinks to a point as n reaches it.
    """
    if n == 0:
        return (0.0, 1.0)
    share = k / n
    if population is not None and population <= n:
        return (share, share)
    # A sample without replacement tells as much as this many draws with replacement.
    size = n if population is None else n * (population - 1) / (population - n)
    z = 1.959964
    middle = share + z * z / (2 * size)
    spread = z * math.sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    return (max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def explained_share(
    faults: Sequence[Fault], groups_of_trace: GroupsOfTrace, other: int = 0
) -> tuple[float, float, float] | None:
    """Share of all failed requests that some APM group explains, with its 95 % interval.

    Failures without trace ids (a refused connect) are unexplained for certain; those whose ids were not
    looked up, and the `other` ones, whose kinds are not among the faults, count as unexplained but widen the
    interval. None without failures or while nothing was looked up.
    """
    total = sum(fault.count for fault in faults) + other
    if not total or not any(fault.trace_ids for fault in faults):
        return None
    share = below = above = 0.0
    known = False
    for fault in faults:
        weight = fault.count / total
        counted = votes(fault, groups_of_trace)
        low = high = part = 0.0
        if fault.trace_ids:
            low, high = share_interval(counted.joined, counted.sampled, fault.count)
            part = counted.joined / counted.sampled if counted.sampled else 0.0
            known = known or counted.sampled > 0
        share += weight * part
        below += (weight * (part - low)) ** 2
        above += (weight * (high - part)) ** 2
    above = math.sqrt(above) + other / total
    return (share, max(0.0, share - math.sqrt(below)), min(1.0, share + above)) if known else None


@dataclass(frozen=True, slots=True)
class _Context:
    """What all rows of one list share."""

    axis: Axis
    now_s: float
    apm: ApmView
    known: frozenset[str] | None
    groups_of_trace: GroupsOfTrace
    per_second: Mapping[FaultKey, tuple[int, ...]] = field(default_factory=dict)

    def is_new(self, row_id: str) -> bool:
        return self.known is not None and row_id not in self.known


def join(
    faults: Sequence[Fault],
    groups: Sequence[ErrorGroup],
    groups_of_trace: GroupsOfTrace,
    *,
    axis: Axis,
    now_s: float,
    apm: ApmView,
    per_second: Mapping[FaultKey, tuple[int, ...]] | None = None,
    known: frozenset[str] | None = None,
) -> tuple[ErrorRow, ...]:
    """The error list: one row per client fault with the group behind it, and one per group without a fault.

    Args:
        faults: With their reservoirs of trace ids.
        groups: Of the same time.
        groups_of_trace: As far as trace ids were looked up.
        axis: Where the row's seconds count from.
        now_s: On that axis.
        apm: State of the source.
        per_second: Failures per second by `Fault.key`, newest last.
        known: Ids of the rows of the run before; None when there was none, and then nothing is new.
    """
    context = _Context(axis, now_s, apm, known, groups_of_trace, per_second or {})
    by_key = {group.key: group for group in groups}
    rows = []
    shown: set[str] = set()
    partly: dict[str, Fault] = {}
    for fault in faults:
        counted = votes(fault, groups_of_trace)
        named = [key for key, _ in counted.groups if key in by_key]
        shown.update(named[:1])
        partly.update((key, fault) for key in named[1:])
        rows.append(_fault_row(fault, counted, by_key[named[0]] if named else None, context))
    rows += [_group_row(group, partly.get(group.key), context) for group in groups if group.key not in shown]
    return tuple(sorted(rows, key=lambda row: (-max(row.client_count or 0, row.apm_count or 0), row.id)))


def fault_id(key: FaultKey) -> str:
    """Id of a client fault's row: the same in every run."""
    return "c" + hashlib.blake2s("\0".join(key).encode("utf-8", "replace"), digest_size=6).hexdigest()


def group_id(key: str) -> str:
    """Id of the row of an APM group that joined no fault."""
    return "a" + hashlib.blake2s(key.encode("utf-8", "replace"), digest_size=6).hexdigest()


def _fault_row(fault: Fault, counted: Votes, group: ErrorGroup | None, context: _Context) -> ErrorRow:
    row_id = fault_id(fault.key)
    spark = context.per_second.get(fault.key, ())
    return ErrorRow(
        id=row_id,
        category=fault.category,
        code=fault.code,
        title=fault.message or fault.code,
        client_count=fault.count,
        apm_count=group.count if group else None,
        rate_per_s=_rate(spark),
        first_s=context.axis.of_ns(fault.first_ns),
        last_s=context.axis.of_ns(fault.last_ns),
        joined_share=counted.groups[0][1] / counted.sampled if group else None,
        note=_note(counted) if group else _reason(fault, counted, context),
        new=context.is_new(row_id),
        apm_group=group.key if group else None,
        spark=spark,
        culprit=group.culprit if group else "",
    )


def _group_row(group: ErrorGroup, fault: Fault | None, context: _Context) -> ErrorRow:
    row_id = group_id(group.key)
    return ErrorRow(
        id=row_id,
        category="apm",
        code=group.type,
        title=group.message or group.type,
        client_count=None,
        apm_count=group.count,
        rate_per_s=_rate(group.spark),
        first_s=context.axis.of_ms(group.first_ms),
        last_s=context.axis.of_ms(group.last_ms),
        joined_share=None,
        note=f"part of {fault.category} {fault.code}" if fault else "APM only",
        new=context.is_new(row_id),
        apm_group=group.key,
        spark=group.spark,
        culprit=group.culprit,
    )


def _note(counted: Votes) -> str:
    more = len(counted.groups) - 1
    return f"and {more} more APM group{'s' if more > 1 else ''}" if more else ""


def _reason(fault: Fault, counted: Votes, context: _Context) -> str:
    """Why a client fault has no APM group."""
    apm = context.apm
    behind = (
        None
        if apm.newest_ms is None
        else context.axis.of_ns(fault.last_ns) - context.axis.of_ms(apm.newest_ms)
    )
    reasons = (
        (apm.enabled is False, "APM off"),
        (not apm.reachable, "APM cannot be reached"),
        (fault.category in NEVER_SENT, "never reached the service"),
        (not fault.trace_ids, "no trace id"),
        (counted.sampled == 0, "not looked up yet"),
        (counted.joined > 0, "group not listed"),
        (behind is not None and behind > 0, f"APM behind by {behind or 0:.1f} s"),
        (bool(apm.dropped), "no APM event; some were dropped"),
        (fault.category == "timeout", "timeout: no answer"),
    )
    return next((text for holds, text in reasons if holds), "no APM event")


def _rate(spark: tuple[int, ...]) -> float:
    recent = spark[-RECENT_S:]
    return sum(recent) / len(recent) if recent else 0.0
