"""Latencies as an HdrHistogram interval log: one interval a second, tags for the names of requests.

Values are microseconds, the column of maxima is in milliseconds. Lines without a tag hold all requests, from
the first byte sent; of an open loop, the tag `corrected` has them from the intended start. A plan of several
names of requests has a tag for each name besides, and `NAME.corrected`.
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from stressdash.hdr import bucket_high_us
from stressdash.samples import Counts, Window
from stressdash.store.hdrcode import encode

__all__ = ["IntervalLog"]

SECOND_NS: Final = 1_000_000_000
CORRECTED: Final = "corrected"
LEGEND: Final = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'


class IntervalLog:
    """Makes the lines of a log out of a run's merged windows, in the order of time."""

    def __init__(self, origin_ns: int, origin_wall_ms: int) -> None:
        """A log of a run that began at `origin_ns`, which is `origin_wall_ms` since 1970."""
        self._origin_ns = origin_ns
        self._origin_wall_ms = origin_wall_ms
        self._second = 0
        self._end_ns = origin_ns
        self._tags: dict[str, Counter[int]] = {}

    def head(self) -> Iterator[str]:
        """Comments and legend."""
        start = self._origin_wall_ms / 1e3
        date = datetime.fromtimestamp(start, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
        yield "#[Logged by stressdash: latency in microseconds, Interval_Max in milliseconds]"
        yield "#[Histogram log format version 1.3]"
        yield f"#[StartTime: {start:.3f} (seconds since epoch), {date}]"
        yield f"#[BaseTime: {start:.3f} (seconds since epoch)]"
        yield LEGEND

    def add(self, window: Window) -> Iterator[str]:
        """Take in a window; lines of the second that it leaves behind."""
        second = (window.start_ns - self._origin_ns) // SECOND_NS
        if second != self._second:
            yield from self.rest()
            self._second = second
        self._end_ns = window.start_ns + window.length_ns
        self._count("", window.latency)
        self._count(CORRECTED, window.latency_intended)
        for name, counts in window.by_request.items():
            tag = re.sub(r"[\s,]+", "_", name)
            self._count(tag, counts.latency)
            self._count(f"{tag}.{CORRECTED}", counts.latency_intended)

    def _count(self, tag: str, counts: Counts) -> None:
        if counts or not tag:
            self._tags.setdefault(tag, Counter()).update(counts)

    def rest(self) -> Iterator[str]:
        """Lines of the second that is not over, when the run has ended."""
        start_ns = self._second * SECOND_NS
        length_ns = self._end_ns - self._origin_ns - start_ns
        for tag, counts in self._tags.items():
            highest_ms = bucket_high_us(max(counts)) / 1e3 if counts else 0.0
            data = base64.b64encode(encode(counts)).decode()
            mark = f"Tag={tag}," if tag else ""
            yield f"{mark}{start_ns / 1e9:.3f},{length_ns / 1e9:.3f},{highest_ms:.3f},{data}"
        self._tags = {}
