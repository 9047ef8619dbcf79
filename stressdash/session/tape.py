"""A run's file as it is played: its windows folded into a run, in order, from wherever it stands.

Whether the run has ended or is still being recorded makes no difference: what is not there yet comes later.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Final

from stressdash.load.plan import Plan, Request
from stressdash.metrics.series import Timeline
from stressdash.samples import Exemplar, Fault, Window
from stressdash.session.clock import Clock
from stressdash.session.run import LiveRun
from stressdash.store.claim import run_number
from stressdash.store.gridbook import GRID_NS
from stressdash.store.runfile import StoredRun

__all__ = ["RECENT_S", "Tape"]

RECENT_S: Final = 20.0
"""Before the moment leapt to, all is folded for so long: what the figures cover."""
CLOSE_STEPS: Final = 600
"""Before that, charts get every step of another minute, and blocks of what is older."""
CHUNK: Final = 64
"""Windows folded before others get their turn."""


class Tape:
    """Plays one run, from its start or once more from there; who plays need not hold its file."""

    def __init__(self) -> None:
        self._exemplars = _Exemplars()
        self._run: LiveRun | None = None
        self._step = 0

    def begin(self, stored: StoredRun, clock: Clock, timeline: Timeline) -> LiveRun:
        """The run before its first moment, into which all is folded from now on."""
        random = Random(stored.head.run_id)
        self._run = LiveRun(_plan(stored), run_number(stored.path), clock, timeline, random)
        self._step = 0
        return self._run

    async def leap(self, stored: StoredRun, to_s: float) -> int:
        """From the start, fold what lies so far before a moment that the figures do not cover it.

        Returns:
            Milliseconds from the run's start up to which that was done by blocks.
        """
        assert self._run is not None
        until = int((to_s - RECENT_S) * 1e9) // GRID_NS
        if until <= 0:
            return 0
        self._exemplars.add(stored)
        reached, blocks = stored.blocks(max(0, until - CLOSE_STEPS))
        await self._fold((*blocks, *stored.windows(reached, until)), self._run.add_past)
        self._step = until
        return reached * GRID_NS // 1_000_000

    async def advance(self, stored: StoredRun, to_s: float) -> None:
        """Fold every window up to a moment."""
        assert self._run is not None
        until = int(round(to_s * 1e9) // GRID_NS)
        self._exemplars.add(stored)
        await self._fold(stored.windows(self._step, until), self._run.add)
        self._step = max(self._step, until)

    async def _fold(self, windows: Iterable[Window], add: Callable[[Window], None]) -> None:
        for number, window in enumerate(windows, start=1):
            add(self._exemplars.put_into(window))
            if number % CHUNK == 0:
                await asyncio.sleep(0)


def _plan(stored: StoredRun) -> Plan:
    """As far as it was kept: without headers and bodies."""
    head = stored.head
    return Plan(
        url=head.target,
        requests=(Request(name="request", method="GET"),),
        connections=head.connections,
        duration_s=head.duration_s,
        run_id=int(head.run_id, 16),
    )


class _Exemplars:
    """What the client saw of faults, put back into the windows in which it saw them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str, str], tuple[Exemplar, ...]] = {}
        self._number = 0

    def add(self, stored: StoredRun) -> None:
        """Those that the file has gained."""
        for key, seen in stored.exemplars(self._number).items():
            self._kept[key] = (*self._kept.get(key, ()), *seen)
            self._number += len(seen)

    def put_into(self, window: Window) -> Window:
        if not window.faults or not self._kept:
            return window
        end_ns = window.start_ns + window.length_ns
        faults = tuple(self._with(fault, window.start_ns, end_ns) for fault in window.faults)
        return replace(window, faults=faults)

    def _with(self, fault: Fault, start_ns: int, end_ns: int) -> Fault:
        kept = self._kept.get(fault.key, ())
        first = bisect_left(kept, start_ns, key=_at_ns)
        last = bisect_left(kept, end_ns, key=_at_ns)
        return replace(fault, exemplars=kept[first:last]) if last > first else fault


def _at_ns(exemplar: Exemplar) -> int:
    return exemplar.at_ns
