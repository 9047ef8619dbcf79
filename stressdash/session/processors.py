"""CPU clocks of the machine and of the processes that share it, read through psutil and folded into usage."""

from __future__ import annotations

import os
import platform
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import psutil

from stressdash.metrics.interference import CpuReading, Usage, interference, usage
from stressdash.report.run_json import Machine
from stressdash.samples import Component
from stressdash.session.clock import Clock
from stressdash.snapshot import Interference

__all__ = ["Processors", "machine", "processor_model"]

RECENT_S: Final = 2.0
"""Seconds that the live shares cover."""
MODEL: Final = re.compile(r"^model name[ \t]*:[ \t]*(\S.*\S)", re.MULTILINE)


class Processors:
    """Samples CPU clocks; tells who used the machine in the last seconds and during the run."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._before: CpuReading | None = None
        self._recent: deque[Usage] = deque()
        self._run = Usage()
        self._running = False
        self.cores = psutil.cpu_count() or 1

    def begin_run(self, components: Sequence[Component], workers: Iterable[int]) -> None:
        """Count the run's usage from now on."""
        self.sample(components, workers)
        self._run, self._running = Usage(), True

    def end_run(self, components: Sequence[Component]) -> None:
        """Count up to now: what is done once load has stopped is not the run's usage."""
        self.sample(components, ())
        self._running = False

    def sample(self, components: Sequence[Component], workers: Iterable[int]) -> Interference:
        """Read all clocks and return the shares of the last seconds."""
        busy_s, steal_s = _machine_clocks()
        reading = CpuReading(
            at_s=self._clock.now_s(),
            busy_s=busy_s,
            steal_s=steal_s,
            groups=_groups(components, workers),
        )
        if self._before is not None:
            spent = usage(self._before, reading)
            if self._running:
                self._run += spent
            self._recent.append(spent)
            while sum(u.elapsed_s for u in self._recent) - self._recent[0].elapsed_s >= RECENT_S:
                self._recent.popleft()
        self._before = reading
        return self.recent()

    def recent(self, generator_core: float | None = None) -> Interference:
        """Shares of the last seconds."""
        return interference(_sum(self._recent), self.cores, generator_core=generator_core)

    def over_run(
        self, generator_core: float | None, requests: int, generator_s: float | None = None
    ) -> Interference:
        """Shares of the run up to the last sample, or to its end.

        Args:
            generator_core: Share of its core that the busiest load worker spent.
            requests: Requests that ended.
            generator_s: CPU time that the load workers booked themselves; who ends between two samples takes
                what it spent since the first of them with it.
        """
        spent = self._run
        if generator_s is not None:
            spent = replace(spent, groups={**spent.groups, "generator": generator_s})
        return interference(spent, self.cores, generator_core=generator_core, requests=requests)


def _sum(usages: Iterable[Usage]) -> Usage:
    total = Usage()
    for spent in usages:
        total += spent
    return total


def _groups(components: Sequence[Component], workers: Iterable[int]) -> Mapping[str, Mapping[str, float]]:
    groups: dict[str, dict[str, float]] = {
        "generator": _clocks(workers),
        "dashboard": _clocks([os.getpid()]),
    }
    for component in components:
        if component.cpu_seconds is not None and component.pid is not None:
            groups[component.name] = {f"{component.pid}": component.cpu_seconds}
    return groups


def _clocks(pids: Iterable[int]) -> dict[str, float]:
    clocks: dict[str, float] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
        except psutil.Error:
            continue
        clocks[f"{pid}@{process.create_time()}"] = times.user + times.system
    return clocks


def _machine_clocks() -> tuple[float, float | None]:
    """Seconds that all cores together were busy, and that others had them; None where that is not told."""
    times = psutil.cpu_times()
    busy_s = float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))
    return busy_s, getattr(times, "steal", None)


def machine() -> Machine:
    """What a reader of a report needs to know of this machine; no names."""
    system = os.uname()
    return Machine(
        cores=psutil.cpu_count() or 1,
        system=f"{system.sysname} {system.release} {system.machine}",
        python=platform.python_version(),
        cpu=processor_model(_cpuinfo()),
        memory_bytes=psutil.virtual_memory().total,
    )


def processor_model(cpuinfo: str) -> str:
    """The processor's name out of `/proc/cpuinfo`; empty where none is told, as on most ARM machines."""
    found = MODEL.search(cpuinfo)
    return found[1] if found is not None else ""


def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return ""
