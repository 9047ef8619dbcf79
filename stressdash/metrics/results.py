"""What of a run counts: its windows without the warm-up, as a whole and by steering segment.

The warm-up's length is given, or found: the results then begin where the first segment became steady, and
hold everything when it never did. What is found can change while a run goes on, so windows are kept as
totals of slices of time, and the slices that count are added up when asked for. Slices grow longer with the
run, and segments beyond a limit share one, so memory is bounded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput, UsageError
from stressdash.metrics.course import Course, Steady
from stressdash.metrics.window import RunTotals
from stressdash.quantities import parse_duration
from stressdash.samples import Phase, Window

__all__ = ["Results", "Segment", "WarmUp", "parse_warm_up"]

SLICE_NS: Final = 500_000_000
SLICES: Final = 64
SEGMENTS: Final = 100
CHANGED: Final = "the load was changed while it ran: see its segments"


@dataclass(frozen=True, slots=True)
class WarmUp:
    """How much of a run's beginning is left out of its results."""

    seconds: float = 0.0
    auto: bool = False
    """As much as it takes to become steady."""


def parse_warm_up(text: str) -> WarmUp:
    """`10s`, or `auto`.

    Raises:
        BadInput: neither.
    """
    if text.strip().lower() == "auto":
        return WarmUp(auto=True)
    try:
        return WarmUp(parse_duration(text))
    except UsageError as error:
        raise BadInput(f"the warm-up {text!r} is no time; write for instance 10s, or auto") from error


@dataclass(frozen=True, slots=True)
class Segment:
    """What counts between two changes of connections, rate, mode, knob or stage."""

    number: int
    start_ns: int
    """Monotonic start of what counts of it."""
    connections: int
    """Target at its end."""
    rate: float | None
    """Arrivals per second asked for at its end; None: the closed loop."""
    totals: RunTotals
    steady: Steady


@dataclass(slots=True)
class _Slice:
    """Totals of one stretch of one segment."""

    start_ns: int
    totals: RunTotals
    connections: dict[int, int]
    """By worker, as are the rates."""
    rates: dict[int, float | None]

    def add(self, window: Window) -> None:
        self.start_ns = min(self.start_ns, window.start_ns)
        self.totals.add(window)
        if window.phase is Phase.RUN:
            self.connections[window.worker] = window.target_connections
            self.rates[window.worker] = window.target_rate

    def include(self, later: _Slice) -> None:
        self.start_ns = min(self.start_ns, later.start_ns)
        self.totals.include(later.totals)
        self.connections |= later.connections
        self.rates |= later.rates

    @property
    def rate(self) -> float | None:
        known = [rate for rate in self.rates.values() if rate is not None]
        return sum(known) if known else None


class Results:
    """Windows of one run as they come."""

    def __init__(self, warm_up: WarmUp | None = None) -> None:
        """Nothing measured yet."""
        self.warm_up = warm_up or WarmUp()
        self._fixed_ns = round(self.warm_up.seconds * 1e9)
        self._slice_ns = SLICE_NS
        self._slices: dict[int, dict[int, _Slice]] = {}
        """By segment and number of the slice in measured time of the run, each in its order."""
        self._courses: dict[int, Course] = {}
        self._measured_ns: dict[int, int] = {}
        """By worker: how long it has measured."""
        self._totals: RunTotals | None = None
        self._segment = 0

    def add(self, window: Window) -> None:
        """Fold in one worker's window."""
        at_ns = self._measured_ns.get(window.worker, 0)
        segment = self._segment_of(window)
        self._courses.setdefault(segment, Course(at_ns)).add(at_ns, window)
        place = self._place(at_ns)
        slices = self._slices.setdefault(segment, {})
        if place not in slices:
            slices[place] = _Slice(window.start_ns, RunTotals(), {}, {})
        slices[place].add(window)
        if window.phase is Phase.RUN:
            self._measured_ns[window.worker] = at_ns + window.length_ns
        self._totals = None

    def _segment_of(self, window: Window) -> int:
        if window.segment in self._slices or len(self._slices) < SEGMENTS:
            return window.segment
        return next(reversed(self._slices))

    def _place(self, at_ns: int) -> int:
        """Number of the slice; with a warm-up of a given length there are two, before and after."""
        if not self.warm_up.auto:
            return int(at_ns >= self._fixed_ns)
        while at_ns // self._slice_ns >= SLICES:
            self._slice_ns *= 2
            for segment, slices in self._slices.items():
                self._slices[segment] = _in_pairs(slices)
        return at_ns // self._slice_ns

    def _first(self) -> int:
        """Number of the first slice that counts."""
        if not self.warm_up.auto:
            return 1
        found = self.steady_at_first.from_s
        return 0 if found is None else -(-round(found * 1e9) // self._slice_ns)

    # --- what counts ------------------------------------------------------------------------------------

    @property
    def totals(self) -> RunTotals:
        """Everything that counts."""
        if self._totals is None:
            totals, first = RunTotals(), self._first()
            for slices in self._slices.values():
                for place, part in slices.items():
                    if place >= first:
                        totals.include(part.totals)
            self._totals = totals
        return self._totals

    @property
    def segments(self) -> tuple[Segment, ...]:
        """What counts of each segment, in their order; the last may hold all that came after it."""
        first = self._first()
        found = []
        for number, slices in self._slices.items():
            counted = _Slice(1 << 62, RunTotals(), {}, {})
            for place, part in slices.items():
                if place >= first:
                    counted.include(part)
            if counted.totals.measured_s:
                connections = sum(counted.connections.values())
                found.append(
                    Segment(
                        number=number,
                        start_ns=counted.start_ns,
                        connections=connections,
                        rate=counted.rate,
                        totals=counted.totals,
                        steady=self._courses[number].steady(),
                    )
                )
        return tuple(found)

    @property
    def counts_from_ns(self) -> int | None:
        """Monotonic time from which on windows count; None before there is one."""
        first = self._first()
        starts = [
            part.start_ns for slices in self._slices.values() for at, part in slices.items() if at >= first
        ]
        return min(starts, default=None)

    @property
    def left_out_s(self) -> float:
        """Measured seconds of the beginning that do not count."""
        if not self.warm_up.auto:
            longest_ns = max(self._measured_ns.values(), default=0)
            return min(self._fixed_ns, longest_ns) / 1e9
        return self._first() * self._slice_ns / 1e9

    @property
    def steady_at_first(self) -> Steady:
        """When the load that the run began with became steady."""
        course = next(iter(self._courses.values()), None)
        return course.steady() if course is not None else Steady(None, "nothing was measured")

    @property
    def steady(self) -> Steady:
        """When the run became steady; a run whose load was changed has no one answer."""
        return Steady(None, CHANGED) if len(self._courses) > 1 else self.steady_at_first


def _in_pairs(slices: dict[int, _Slice]) -> dict[int, _Slice]:
    joined: dict[int, _Slice] = {}
    for place, part in slices.items():
        if place // 2 in joined:
            joined[place // 2].include(part)
        else:
            joined[place // 2] = part
    return joined
