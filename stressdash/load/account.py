"""What the books count of the requests of one name since the last window.

The loop finds the account through the message that a connection holds, so a plan of several requests pays
nothing for having figures of each. What has no name, such as a refused connect, is in no account.
"""

from __future__ import annotations

from collections import defaultdict

from stressdash.samples import RequestCounts

__all__ = ["Account", "Histogram", "sum_of"]

Histogram = defaultdict[int, int]


class Account:
    """Counts and sparse histograms, in the layout of `stressdash.hdr`. The loop adds to them directly."""

    __slots__ = (
        "failed",
        "failed_answers",
        "intended",
        "intended_bounds",
        "name",
        "several",
        "single",
        "timeouts",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.clear()

    def clear(self) -> None:
        """Begin a window."""
        self.single: Histogram = defaultdict(int)
        """Latency of the answers without a fault that came in one read."""
        self.several: Histogram = defaultdict(int)
        """Latency of all other full answers and of timeouts."""
        self.timeouts: Histogram = defaultdict(int)
        self.intended: Histogram = defaultdict(int)
        """Latency from the intended start, of the open loop."""
        self.intended_bounds: Histogram = defaultdict(int)
        self.failed = 0
        self.failed_answers = 0
        """Full answers whose request failed."""

    def counts(self) -> RequestCounts:
        """The window's figures of this name."""
        latency = sum_of(self.single, self.several)
        responses = sum(latency.values()) - sum(self.timeouts.values())
        return RequestCounts(
            completed=responses - self.failed_answers,
            failed=self.failed,
            responses=responses,
            latency=latency,
            latency_timeouts=dict(self.timeouts),
            latency_intended=dict(self.intended),
            latency_intended_bounds=dict(self.intended_bounds),
        )


def sum_of(*histograms: Histogram) -> dict[int, int]:
    """All counts together."""
    total = dict(histograms[0]) if histograms else {}
    for histogram in histograms[1:]:
        for index, count in histogram.items():
            total[index] = total.get(index, 0) + count
    return total
