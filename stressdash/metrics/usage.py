"""What each component uses, as it goes on: rates made from totals, on a grid of seconds.

Totals count from a component's start, so one that falls tells of a restart, and the rate of that second is
unknown. Time is passed in; going back in it begins everything anew.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from stressdash.samples import Component
from stressdash.snapshot import Series

__all__ = ["UsageMeter"]

STEP_S: Final = 1.0
KEPT_STEPS: Final = 900


@dataclass(frozen=True, slots=True)
class _Kind:
    """One curve of a chart."""

    chart: str
    label: str
    unit: str
    field: str
    """Of `Component`."""
    total: bool = True
    """The field counts up, and its rate is drawn."""


KINDS: Final = (
    _Kind("cpu", "of a core", "share", "cpu_seconds"),
    _Kind("memory", "in use", "bytes", "rss_bytes", total=False),
    _Kind("network", "in/s", "bytes", "received_bytes"),
    _Kind("network", "out/s", "bytes", "sent_bytes"),
    _Kind("disk", "read/s", "bytes", "read_bytes"),
    _Kind("disk", "written/s", "bytes", "written_bytes"),
)


class UsageMeter:
    """Curves of the last 15 minutes."""

    def __init__(self) -> None:
        self._step = -1
        """Number of the last second of the grid that has values."""
        self._before: dict[str, tuple[float, Component]] = {}
        """The last look at each component in the second before that one."""
        self._latest: dict[str, tuple[float, Component]] = {}
        self._curves: dict[tuple[str, _Kind], deque[float | None]] = {}

    def add(self, now_s: float, components: Iterable[Component]) -> None:
        """Take in how components stand at a time; the last look in a second counts."""
        step = math.floor(now_s / STEP_S)
        if step < self._step:
            self._curves, self._before, self._latest = {}, {}, {}
        elif step > self._step:
            self._before = self._latest
            for curve in self._curves.values():
                curve.extend([None] * min(step - self._step, KEPT_STEPS))
        self._step = step
        self._latest = {one.name: (now_s, one) for one in components}
        for name, look in self._latest.items():
            for kind in KINDS:
                value = _value(kind, self._before.get(name), look)
                key = name, kind
                if key not in self._curves and value is not None:
                    self._curves[key] = deque([None], KEPT_STEPS)
                if key in self._curves:
                    self._curves[key][-1] = value

    def series(self) -> Mapping[str, tuple[Series, ...]]:
        """Curves by `COMPONENT.CHART`, the charts being cpu, memory, network and disk."""
        found: dict[str, tuple[Series, ...]] = {}
        for (name, kind), curve in self._curves.items():
            key = f"{name}.{kind.chart}"
            start_s = (self._step + 1 - len(curve)) * STEP_S
            one = Series(f"{key}.{kind.label}", kind.label, kind.unit, start_s, STEP_S, tuple(curve))
            found[key] = (*found.get(key, ()), one)
        return found


def _value(kind: _Kind, before: tuple[float, Component] | None, now: tuple[float, Component]) -> float | None:
    """A total's rate since the look before; anything else as it is."""
    total: float | None = getattr(now[1], kind.field)
    if total is None or not kind.total:
        return total
    earlier = None if before is None else getattr(before[1], kind.field)
    if before is None or earlier is None or total < earlier or now[0] <= before[0]:
        return None
    return float(total - earlier) / (now[0] - before[0])
