"""The values that a slider visits: where each lies on its bar, and which one comes next.

Values are whole numbers on a logarithmic range. Small steps are the 1.0, 1.1 .. 1.9, 2, 2.5 .. 9.5 of each
decade; coarse ones go 1, 2, 5, 10. Durations have a ladder of their own, along minutes and hours.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from stressdash.errors import UsageError

__all__ = ["CONNECTIONS", "DURATION", "RATE", "Ladder", "parse_duration", "parse_number"]

JUMP = 10
"""Changes by this factor and more ask first."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rising values from the smallest to the largest, and the coarse ones among them."""

    fine: tuple[int, ...]
    coarse: tuple[int, ...]

    @property
    def low(self) -> int:
        """The smallest value."""
        return self.fine[0]

    @property
    def high(self) -> int:
        """The largest value."""
        return self.fine[-1]

    def hold(self, value: float) -> int:
        """The nearest whole number in the range."""
        return max(self.low, min(self.high, round(value)))

    def place(self, value: float) -> float:
        """0 at the smallest value, 1 at the largest, logarithmic between."""
        return math.log(self.hold(value) / self.low) / math.log(self.high / self.low)

    def at(self, place: float) -> int:
        """The small step nearest to a place between 0 and 1."""
        held = max(0.0, min(1.0, place))
        exact = self.low * (self.high / self.low) ** held
        return min(self.fine, key=lambda value: abs(math.log(value / exact)))

    def step(self, value: float, count: int, *, coarse: bool = False) -> int:
        """`count` steps up (or down, when negative) from a value that need not be a step itself."""
        values = self.coarse if coarse else self.fine
        below = bisect_right(values, value) - 1 if count > 0 else bisect_left(values, value)
        index = below + count
        return values[max(0, min(len(values) - 1, index))]

    @staticmethod
    def is_jump(before: float, after: float) -> bool:
        """Whether a change is so large that it should be asked about."""
        low, high = sorted((max(1.0, before), max(1.0, after)))
        return high >= JUMP * low


def _decades(high: int) -> Ladder:
    tenths = [*range(10, 20), *range(20, 100, 5)]
    powers = range(-1, len(str(high)))
    fine = {tenth * 10**power / 1 for power in powers for tenth in tenths}
    coarse = {mantissa * 10**power for power in range(len(str(high))) for mantissa in (1, 2, 5)}
    return Ladder(
        fine=tuple(sorted(int(value) for value in fine if value == int(value) and 1 <= value <= high)),
        coarse=tuple(sorted(value for value in coarse if value <= high)),
    )


CONNECTIONS = _decades(10_000)
RATE = _decades(100_000)
"""Arrivals per second."""
DURATION = Ladder(
    fine=(
        *range(1, 10),
        *(10, 12, 15, 20, 25, 30, 40, 50, 60, 75, 90),
        *(120, 150, 180, 240, 300, 420, 600, 900, 1200, 1800, 2400, 3000, 3600),
    ),
    coarse=(1, 5, 10, 30, 60, 300, 600, 1800, 3600),
)
"""Seconds."""


def parse_number(text: str, ladder: Ladder) -> int:
    """A typed count: `400`, `1,000`, `2k`.

    Raises:
        UsageError: not a number, or out of the ladder's range.
    """
    plain = text.strip().replace(",", "").replace("_", "").lower()
    factor = 1000 if plain.endswith("k") else 1
    try:
        value = float(plain.removesuffix("k")) * factor
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value != int(value):
        raise UsageError(f"{text!r} is not a whole number; type for instance 400 or 2k")
    return _in_range(int(value), ladder, text)


def parse_duration(text: str, ladder: Ladder) -> int:
    """A typed duration in whole seconds: `15`, `90s`, `2m`, `1h`.

    Raises:
        UsageError: not a duration, or out of the ladder's range.
    """
    plain = text.strip().lower()
    factors = {"s": 1, "m": 60, "h": 3600}
    factor = factors.get(plain[-1:], 1)
    try:
        value = float(plain.rstrip("smh") if plain[-1:] in factors else plain) * factor
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{text!r} is not a duration; type for instance 15, 90s, 2m or 1h")
    return _in_range(round(value), ladder, text)


def _in_range(value: int, ladder: Ladder, text: str) -> int:
    if not ladder.low <= value <= ladder.high:
        raise UsageError(f"{text!r} is out of range; the values go from {ladder.low:,} to {ladder.high:,}")
    return value
