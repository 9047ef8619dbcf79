"""What a run is worth: passed, failed, void or interrupted, always with reasons.

A void run measured the generator instead of the target, or nothing at all. Sharing the machine is a warning,
never a verdict. `passed` is what scripts read of a run that broke nothing; people read `verdict_word`, which
tells a run that held its thresholds from one that had none to hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stressdash.metrics.faults import FaultTable
from stressdash.metrics.window import RunTotals
from stressdash.text import duration_us, percent

__all__ = ["NOT_JUDGED", "Status", "Verdict", "judge", "unreached_reasons", "verdict_word", "void_reasons"]

SATURATED_SHARE: Final = 0.10
LAG_FLOOR_US: Final = 5_000
LAG_OF_MEDIAN: Final = 0.10
SENT_SHARE: Final = 0.99
SILENT_S: Final = 0.5
"""Measured time from which on a run in which nothing was sent has found nobody, also without a fault."""
NOT_JUDGED: Final = "not judged"
"""What people read of a run that had no thresholds: it did not fail, and nothing says that it is good."""


class Status(StrEnum):
    """The verdict in one word; also what scripts read."""

    PASSED = "passed"
    FAILED = "failed"
    """A threshold was not held, or a stop rule was met."""
    VOID = "void"
    INTERRUPTED = "interrupted"

    @property
    def exit_code(self) -> int:
        """What the process ends with."""
        return {"passed": 0, "failed": 4, "void": 5, "interrupted": 130}[self.value]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Status of a run and the sentences that explain it."""

    status: Status
    reasons: tuple[str, ...] = ()


def verdict_word(status: str, thresholds: int | None) -> str:
    """The verdict as people read it; `thresholds` is how many the run had, None where that is not known."""
    return NOT_JUDGED if status == Status.PASSED and not thresholds else str(status)


def unreached_reasons(totals: RunTotals, faults: FaultTable) -> tuple[str, ...]:
    """Why a run that reached nobody says nothing of its target; empty when anything was sent.

    Args:
        totals: Of the whole run, its warm-up included.
        faults: Of the whole run; the commonest is told.
    """
    if totals.sent or not (totals.failed or totals.measured_s >= SILENT_S):
        return ()
    why = "".join(f", {fault.message or fault.code}" for fault in faults.top(1))
    return (f"nobody was reached: not one request could be sent{why}",)


def void_reasons(totals: RunTotals, *, open_loop: bool) -> tuple[str, ...]:
    """Why the figures of a run cannot be trusted; empty when they can.

    Args:
        totals: Of the whole run.
        open_loop: Whether requests were due at a rate. Those that had to wait because the target kept every
            connection busy are not held against the generator.
    """
    reasons = []
    saturated = totals.saturated_share
    if saturated is not None and saturated > SATURATED_SHARE:
        reasons.append(
            f"a load worker was over 90 % of its core in {percent(saturated)} of the measured time"
        )
    if open_loop:
        lag = totals.send_lag.percentile_unchecked(0.99)
        limit = max(LAG_FLOOR_US, LAG_OF_MEDIAN * (totals.latency.percentile_unchecked(0.5) or 0))
        if lag is not None and lag > limit:
            waited = totals.waited / totals.scheduled if totals.scheduled else 0.0
            why = f", as {percent(waited)} waited for a connection" if waited > 1 - SENT_SHARE else ""
            late = f"send lag p99 {duration_us(lag)}, limit {duration_us(limit)}"
            reasons.append(f"requests left late: {late}{why}")
        if totals.sent + totals.waited < SENT_SHARE * totals.scheduled:
            sent = percent(totals.sent / totals.scheduled)
            reasons.append(f"only {sent} of the due requests were sent")
    return tuple(reasons)


def judge(void: Sequence[str], failed: Sequence[str] = (), *, interrupted: bool = False) -> Verdict:
    """The verdict: interrupted before void before failed thresholds, each with all reasons known."""
    reasons = (*void, *failed)
    if interrupted:
        return Verdict(Status.INTERRUPTED, ("interrupted before its end", *reasons))
    if void:
        return Verdict(Status.VOID, reasons)
    return Verdict(Status.FAILED if failed else Status.PASSED, reasons)
