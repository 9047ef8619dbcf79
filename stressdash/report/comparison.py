"""Repeats of two settings held against each other: what may be compared, and what came of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from random import Random
from statistics import median
from typing import Final

from stressdash import wire
from stressdash.errors import UsageError
from stressdash.metrics.compare import LEVEL, Comparison, compare, regressed
from stressdash.report.compare_values import DETAILS, JUDGED, values
from stressdash.report.run_json import RunReport

__all__ = [
    "REGRESSED",
    "TOO_FEW",
    "Compared",
    "GroupChange",
    "Limit",
    "compare_reports",
    "in_turns",
    "parse_limit",
]

TOO_FEW: Final = 6
"""Exit code where there are too few repeats to decide anything."""
REGRESSED: Final = 4
SEED: Final = 20_191_218
"""Relabellings are drawn, so the same reports always give the same answer."""
SCHEMA: Final = "stressdash.compare/1"
PER: Final = 1_000
"""Errors are counted per so many requests."""

Limit = tuple[str, float]
"""Key of a metric and the worsening that is allowed."""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """One kind of error, before and after."""

    kind: str
    """`new`, `gone`, `more` or `less`: the last two where the runs of the two sides do not overlap."""
    side: str
    """`client` or `apm`."""
    text: str
    """Untrusted."""
    before: float
    """Median over the runs, per thousand requests."""
    after: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison, what differs besides, and what speaks against comparing at all."""

    comparison: Comparison
    details: Comparison
    """What explains it: effects and intervals, not judged."""
    knobs: Mapping[str, tuple[str, str]]
    """Knobs that differ, with both values."""
    errors: tuple[GroupChange, ...]
    objections: tuple[str, ...]
    regressions: tuple[str, ...]
    names: tuple[str, str] = ("before", "after")

    @property
    def exit_code(self) -> int:
        """0, or `REGRESSED`, or `TOO_FEW`."""
        if self.regressions:
            return REGRESSED
        return 0 if self.comparison.enough else TOO_FEW

    def groups(self, kind: str) -> tuple[str, ...]:
        """Texts of the APM error groups that are `new`, `gone`, `more` or `less`."""
        return tuple(one.text for one in self.errors if one.kind == kind and one.side == "apm")

    def json(self) -> str:
        """All of it for programs."""
        told = {
            "schema": SCHEMA,
            **wire.to_builtins(self),
            "groups_new": self.groups("new"),
            "groups_gone": self.groups("gone"),
            "enough": self.comparison.enough,
        }
        return json.dumps(told, indent=2) + "\n"


def parse_limit(text: str) -> Limit:
    """Metric and allowed worsening of `p99:5%`; of a share it is absolute.

    Raises:
        UsageError: no such metric, or no percentage.
    """
    match = re.fullmatch(r"(\w+):(\d+(?:\.\d+)?)%", text.strip())
    keys = [metric.key for metric in (*JUDGED, *DETAILS)]
    if match is None or match[1] not in keys:
        raise UsageError(
            f"--fail-on-regression {text!r} is not of the form p99:5%; the metrics are {', '.join(keys)}"
        )
    return match[1], float(match[2]) / 100


def in_turns(before: Sequence[RunReport], after: Sequence[RunReport]) -> bool:
    """Whether the runs were interleaved: each round of two had one of each side, in the order given."""
    if len(before) != len(after):
        return False
    starts = [
        moment for pair in zip(before, after, strict=True) for moment in sorted(r.started for r in pair)
    ]
    return len(starts) > 2 and all(a < b for a, b in pairwise(starts))


def compare_reports(
    before: Sequence[RunReport],
    after: Sequence[RunReport],
    *,
    paired: bool,
    limits: Sequence[Limit] = (),
    names: tuple[str, str] = ("before", "after"),
    level: float = LEVEL,
) -> Compared:
    """Hold two settings against each other.

    Raises:
        UsageError: they cannot be compared at all: other latency bases, void runs, pairs that do not match.
    """
    _refuse(before, after, paired=paired)
    random = Random(SEED)
    seen = [values(report) for report in before], [values(report) for report in after]
    comparison = compare(seen[0], seen[1], JUDGED, paired=paired, random=random, level=level)
    details = compare(seen[0], seen[1], DETAILS, paired=paired, random=random, level=level, judged=False)
    by_key = {change.metric.key: change for change in (*comparison.changes, *details.changes)}
    return Compared(
        comparison=comparison,
        details=replace(details, changes=tuple(c for c in details.changes if c.before or c.after)),
        knobs=_differing(before[-1].knobs, after[-1].knobs),
        errors=_errors(before, after),
        objections=_objections(before, after),
        regressions=tuple(
            f"{key} got worse by more than {100 * limit:.3g} % with its whole interval"
            for key, limit in limits
            if regressed(by_key[key], limit)
        ),
        names=names,
    )


def _refuse(before: Sequence[RunReport], after: Sequence[RunReport], *, paired: bool) -> None:
    everything = (*before, *after)
    if len({report.latency_basis for report in everything}) > 1:
        raise UsageError(
            "these runs count latency from different moments (latency_basis); they do not compare"
        )
    if deaf := [report.run_id for report in everything if report.requests.reached_nobody]:
        raise UsageError(f"runs that reached nobody cannot be compared: {', '.join(deaf)}")
    if void := [report.run_id for report in everything if report.verdict.status == "void"]:
        raise UsageError(f"void runs cannot be compared: {', '.join(void)}")
    if paired and len(before) != len(after):
        raise UsageError("pairs need as many runs after as before")


def _objections(before: Sequence[RunReport], after: Sequence[RunReport]) -> tuple[str, ...]:
    everything = (*before, *after)
    told = []
    if any(report.segments_mixed for report in everything):
        told.append("figures of some runs are mixed: load or knobs changed while they ran")
    if differing := _different_plans(everything):
        told.append(f"the runs had different plans: {', '.join(differing)}")
    if len({report.machine for report in everything}) > 1:
        told.append("the runs were made on different machines")
    if len({report.backend for report in everything}) > 1:
        told.append("the runs were made on different stacks")
    if len({report.run_id for report in everything}) < len(everything):
        told.append("a run stands in more than once")
    if any(report.verdict.status == "interrupted" for report in everything):
        told.append("some runs were interrupted")
    return tuple(told)


def _different_plans(reports: Sequence[RunReport]) -> list[str]:
    """What was planned otherwise in some run."""
    names = dict.fromkeys(name for report in reports for name in report.plan)
    return [name for name in names if len({repr(report.plan.get(name)) for report in reports}) > 1]


def _differing(a: Mapping[str, object], b: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    return {name: (str(a.get(name)), str(b.get(name))) for name in names}


def _errors(before: Sequence[RunReport], after: Sequence[RunReport]) -> tuple[GroupChange, ...]:
    sides = [[_counts(report) for report in reports] for reports in (before, after)]
    keys = dict.fromkeys(key for side in sides for run in side for key in run)
    changes = (_group_change(key, *([run.get(key, 0.0) for run in side] for side in sides)) for key in keys)
    return tuple(change for change in changes if change is not None)


def _counts(report: RunReport) -> dict[tuple[str, str], float]:
    """Errors per thousand requests, by side and text."""
    ended = max(1, report.requests.completed + report.requests.failed)
    found: Counter[tuple[str, str]] = Counter()
    for fault in report.faults:
        words = " ".join(word for word in (fault.category, fault.code, fault.message) if word)
        found["client", words] += fault.count
    for group in report.apm.error_groups:
        found["apm", f"{group.type}: {group.message}"] += group.count
    return {key: PER * number / ended for key, number in found.items()}


def _group_change(key: tuple[str, str], before: list[float], after: list[float]) -> GroupChange | None:
    if not any(before):
        kind = "new"
    elif not any(after):
        kind = "gone"
    elif min(after) > max(before):
        kind = "more"
    elif max(after) < min(before):
        kind = "less"
    else:
        return None
    return GroupChange(kind, *key, median(before), median(after))
