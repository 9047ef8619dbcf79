"""The audit: what became of every request, told by the rows in the database.

The engine keeps one code per request number, the database holds the numbers it stored, and the audit is the
difference of the two sets. It is made once the service has nothing in flight. Ten million requests take ten
megabytes here: one byte each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stressdash.samples import Outcome

__all__ = ["Audit", "audit", "net_audit"]


@dataclass(frozen=True, slots=True)
class Audit:
    """The books of a run. Only `acknowledged`, `stored` and `net` are known without an identity."""

    acknowledged: int
    """Requests that the client saw succeed."""
    stored: int
    """Rows of this run in the database."""
    lost: int | None
    """Acknowledged, not stored: must be 0."""
    orphaned: int | None
    """Stored, but the client never got its OK."""
    dropped: int | None
    """Sent, hung up or timed out, not stored."""
    rejected: int | None
    """Answered with an error, not stored."""
    duplicates: int | None
    """Rows beyond the first of the same request."""

    @property
    def net(self) -> int:
        """Rows less acknowledged requests: what is known in any case."""
        return self.stored - self.acknowledged


def audit(codes: bytes | bytearray | memoryview, stored: Iterable[int]) -> Audit:
    """Hold the rows against the ledger.

    Args:
        codes: One `Outcome` per request number, from number 0.
        stored: The request number of every row of this run, in any order, repeats included. A number that the
            ledger does not know is an orphan.
    """
    codes = bytes(codes)
    seen = bytearray(len(codes))
    strangers: set[int] = set()
    found = [0] * len(Outcome)
    rows = duplicates = 0
    for number in stored:
        rows += 1
        if not 0 <= number < len(codes):
            if number in strangers:
                duplicates += 1
            strangers.add(number)
        elif seen[number]:
            duplicates += 1
        else:
            seen[number] = 1
            found[codes[number]] += 1
    ended = {end: codes.count(end) for end in Outcome}
    missing = {end: ended[end] - found[end] for end in Outcome}
    return Audit(
        acknowledged=ended[Outcome.ACKNOWLEDGED],
        stored=rows,
        lost=missing[Outcome.ACKNOWLEDGED],
        orphaned=sum(found) - found[Outcome.ACKNOWLEDGED] + len(strangers),
        dropped=missing[Outcome.IN_FLIGHT] + missing[Outcome.DROPPED],
        rejected=missing[Outcome.REJECTED],
        duplicates=duplicates,
    )


def net_audit(acknowledged: int, rows_before: int, rows_after: int) -> Audit:
    """The audit of requests that carry no identity: only sums can be compared."""
    return Audit(acknowledged, rows_after - rows_before, None, None, None, None, None)
