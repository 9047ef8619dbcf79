"""Scales: a value's place between the bottom (0) and the top (1) of a chart, and where ticks go.

Places never leave 0..1 and never fall while values rise, whatever comes in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

__all__ = ["Scale", "nice_step"]

NICE_MANTISSAS = (1.0, 2.0, 2.5, 5.0, 10.0)
LOG_MANTISSAS = (1.0, 2.0, 5.0, 10.0)
SMALLEST_LOG = 1e-9
NOTHING = 1e-300
"""A range below this one would overflow what is divided by it."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear or logarithmic range, ends included; `low < high`, and `low > 0` when logarithmic."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, values: Iterable[float], *, log: bool = False, ticks: int = 4) -> Scale:
        """The nicest range that holds all values: from zero when linear, on 1-2-5 steps when logarithmic."""
        finite = [value for value in values if isfinite(value)]
        if log:
            return cls._over_log([value for value in finite if value >= SMALLEST_LOG])
        low, high = min([0.0, *finite]), max([0.0, *finite])
        if high - low < NOTHING:
            return cls(low, low + 1.0)
        step = nice_step((high - low) / max(1, ticks))
        bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
        return cls(bottom, top) if bottom < top and isfinite(top) else cls(low, high)

    @classmethod
    def _over_log(cls, values: list[float]) -> Scale:
        if not values:
            return cls(1.0, 10.0, log=True)
        low, high = _nice_below(min(values)), _nice_above(max(values))
        return cls(low, high if high > low else low * 10, log=True)

    def place(self, value: float) -> float:
        """Between 0 and 1; values beyond the range are held at its ends."""
        if value <= self.low:
            return 0.0
        if value >= self.high:
            return 1.0
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))

    def dots(self, values: Sequence[float | None], count: int) -> list[int | None]:
        """The nearest of `count` dots for each value, 0 at the bottom; None for what is not known."""
        if self.log:
            low, factor, log = self.low, (count - 1) / math.log(self.high / self.low), math.log
            held = self._held(values)
            return [None if value is None else round(log(value / low) * factor) for value in held]
        low, factor = self.low, (count - 1) / (self.high - self.low)
        return [None if value is None else round((value - low) * factor) for value in self._held(values)]

    def _held(self, values: Sequence[float | None]) -> list[float | None]:
        low, high = self.low, self.high
        return [
            None if value is None or not isfinite(value) else low if value < low else min(value, high)
            for value in values
        ]

    def ticks(self, count: int) -> tuple[float, ...]:
        """About `count` round values in the range, rising."""
        if self.log:
            return self._log_ticks(max(2, count))
        step = nice_step((self.high - self.low) / max(1, count))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return tuple(index * step for index in range(first, min(last, first + 4 * count + 4) + 1))

    def _log_ticks(self, count: int) -> tuple[float, ...]:
        first = math.floor(math.log10(self.low) + 1e-9)
        last = math.ceil(math.log10(self.high) - 1e-9)
        for mantissas in (LOG_MANTISSAS[:3], LOG_MANTISSAS[:1]):
            found = [
                mantissa * 10.0**power
                for power in range(first, last + 1)
                for mantissa in mantissas
                if self.low * 0.999999 <= mantissa * 10.0**power <= self.high * 1.000001
            ]
            if len(found) <= count + 1:
                return tuple(found)
        stride = math.ceil(len(found) / count)
        return tuple(found[::stride])


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `rough`."""
    if not rough > 0 or not isfinite(rough):
        return 1.0
    return _nice_above(rough, NICE_MANTISSAS)


def _nice_above(value: float, mantissas: tuple[float, ...] = LOG_MANTISSAS) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in mantissas if m * power >= value * 0.999999999), 10 * power) or value


def _nice_below(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in reversed(LOG_MANTISSAS) if m * power <= value * 1.000000001), power)
