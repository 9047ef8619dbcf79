"""HdrHistogram interval logs: read, whoever wrote them, and folded by tag.

A log is text: comments after `#`, some of which tell the times it counts from, a legend, and a line for each
interval, `[Tag=name,]start,length,max,histogram`. Values stay in the unit of the log, which it does not name;
the column `max` is often in another one. Which lines count as absolute times follows the Java reader.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from stressdash.errors import BadInput
from stressdash.store.hdrcode import Bucket, decode

__all__ = ["QUANTILES", "Interval", "LogTimes", "TagSummary", "read_log", "summarise"]

QUANTILES: Final = {
    "p50": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
    "p9999": 0.9999,
}
YEAR_S: Final = 365 * 24 * 3600
TIME_COMMENT: Final = re.compile(r"#\[(StartTime|BaseTime): *([0-9.]+)")
FIELDS: Final = re.compile(r"[,\s]+")


@dataclass(slots=True)
class LogTimes:
    """What a log tells of its times, in seconds since 1970; None until it has told."""

    start_s: float | None = None
    base_s: float | None = None

    def absolute(self, stamp_s: float) -> float:
        """Time of an interval: stamps more than a year before the start count from it."""
        if self.start_s is None:
            self.start_s = stamp_s
        if self.base_s is None:
            self.base_s = self.start_s if stamp_s < self.start_s - YEAR_S else 0.0
        return stamp_s + self.base_s


@dataclass(frozen=True, slots=True)
class Interval:
    """One line of a log."""

    tag: str
    """Empty: without a tag."""
    start_s: float
    """Seconds since 1970, as far as the log tells."""
    length_s: float
    max_shown: float
    """The largest value as the line tells it, in the unit of that column."""
    buckets: tuple[Bucket, ...]


def read_log(lines: Iterable[bytes]) -> Iterator[Interval]:
    """Intervals of a log, in its order.

    Raises:
        BadInput: what is wrong, with the number of the line.
    """
    times = LogTimes()
    for number, raw in enumerate(lines, 1):
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            raise BadInput(f"line {number}: it is no text, so this is no histogram log") from error
        if line.startswith("#"):
            _note_time(line, times)
        elif line and not line.startswith('"') and not line.startswith("Timestamp"):
            try:
                yield _interval(line, times)
            except BadInput as error:
                raise BadInput(f"line {number}: {error}") from error


def _note_time(line: str, times: LogTimes) -> None:
    if match := TIME_COMMENT.match(line):
        try:
            seconds = float(match[2])
        except ValueError:
            return
        if match[1] == "StartTime":
            times.start_s = seconds
        else:
            times.base_s = seconds


def _interval(line: str, times: LogTimes) -> Interval:
    tag = ""
    if line.startswith("Tag="):
        tag, *rest = FIELDS.split(line[4:], maxsplit=1)
        if not rest:
            raise BadInput("nothing follows the tag")
        line = rest[0]
    fields = FIELDS.split(line)
    if len(fields) != 4:
        raise BadInput(f"an interval has start, length, max and histogram, this has {len(fields)} fields")
    try:
        start_s, length_s, max_shown = map(float, fields[:3])
    except ValueError as error:
        raise BadInput("start, length and max of an interval are numbers") from error
    if not all(map(math.isfinite, (start_s, length_s, max_shown))):
        raise BadInput("start, length and max of an interval are finite numbers")
    try:
        data = base64.b64decode(fields[3], validate=True)
    except binascii.Error as error:
        raise BadInput("its histogram is no base64 text") from error
    try:
        buckets = tuple(decode(data))
    except BadInput as error:
        raise BadInput(f"its histogram cannot be read: {error}") from error
    return Interval(tag, times.absolute(start_s), length_s, max_shown, buckets)


@dataclass(slots=True)
class TagSummary:
    """Everything that a log holds under one tag."""

    tag: str
    intervals: int = 0
    start_s: float = math.inf
    end_s: float = -math.inf
    count: int = 0
    sum: float = 0.0
    max_ratio: float | None = None
    """Values per unit of the column `max`, as the first interval that tells shows it."""
    _counts: Counter[float] = field(default_factory=Counter)
    """By the highest value of a bucket."""
    _lowest: float | None = None

    def add(self, interval: Interval) -> None:
        """Fold in one interval."""
        self.intervals += 1
        self.start_s = min(self.start_s, interval.start_s)
        self.end_s = max(self.end_s, interval.start_s + interval.length_s)
        for low, high, number in interval.buckets:
            self._counts[high] += number
            self.count += number
            self.sum += number * _middle(low, high)
        if interval.buckets and (self._lowest is None or interval.buckets[0].low < self._lowest):
            self._lowest = interval.buckets[0].low
        if self.max_ratio is None and interval.max_shown > 0 and interval.buckets:
            self.max_ratio = _power_of_ten(interval.buckets[-1].high / interval.max_shown)

    @property
    def mean(self) -> float | None:
        """Of all values, each taken as the middle of its bucket."""
        return self.sum / self.count if self.count else None

    @property
    def maximum(self) -> float | None:
        """Highest value of the highest bucket."""
        return max(self._counts, default=None)

    @property
    def minimum(self) -> float | None:
        """Lowest value of the lowest bucket."""
        return self._lowest

    def percentiles(self) -> dict[str, float | None]:
        """Those of `QUANTILES`, each the highest value of its bucket."""
        rising = sorted(self._counts.items())
        return {name: _value_at(rising, quantile * self.count) for name, quantile in QUANTILES.items()}


def summarise(intervals: Iterable[Interval]) -> dict[str, TagSummary]:
    """Intervals folded by tag, in the order in which tags appear."""
    found: dict[str, TagSummary] = {}
    for interval in intervals:
        found.setdefault(interval.tag, TagSummary(interval.tag)).add(interval)
    return found


def _value_at(rising: list[tuple[float, int]], rank: float) -> float | None:
    wanted = max(1, math.ceil(math.nextafter(rank, 0)))
    for value, count in rising:
        wanted -= count
        if wanted <= 0:
            return value
    return None


def _middle(low: float, high: float) -> float:
    """Where HdrHistogram takes the values of a bucket to lie."""
    return low + (high - low + 1) // 2 if isinstance(low, int) else (low + high) / 2


def _power_of_ten(ratio: float) -> float | None:
    """The power of ten that the ratio is, but for what was rounded away."""
    power = 10.0 ** round(math.log10(ratio)) if ratio > 0 else 0.0
    return power if power and abs(ratio / power - 1) < 0.05 else None
