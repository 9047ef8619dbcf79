"""Who used the machine: the share of busy CPU that went into measuring rather than into what is measured.

Two readings of CPU clocks make a `Usage`; usages add up, so one run is the sum of its intervals and a process
that came or went in between spoils one interval instead of the whole. A process seen in only one of the two
readings has no difference and counts as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stressdash.snapshot import Interference

__all__ = ["CpuReading", "Usage", "interference", "usage"]


@dataclass(frozen=True, slots=True)
class CpuReading:
    """CPU clocks at one moment, in seconds since whenever they started."""

    at_s: float
    """Monotonic."""
    busy_s: float | None
    """Of all cores together, steal left out; None when the system does not tell."""
    steal_s: float | None
    groups: Mapping[str, Mapping[str, float]]
    """User and system time of each process by its id, under generator, dashboard, apm, service or database.

    An id must not be used again for another process: a pid with its start time will do.
    """


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds spent in a stretch of time; adds up."""

    elapsed_s: float = 0.0
    busy_s: float | None = 0.0
    steal_s: float | None = 0.0
    groups: Mapping[str, float] = field(default_factory=dict)

    def __add__(self, other: Usage) -> Usage:
        names = {*self.groups, *other.groups}
        return Usage(
            self.elapsed_s + other.elapsed_s,
            _sum(self.busy_s, other.busy_s),
            _sum(self.steal_s, other.steal_s),
            {name: self.groups.get(name, 0.0) + other.groups.get(name, 0.0) for name in sorted(names)},
        )


def usage(before: CpuReading, after: CpuReading) -> Usage:
    """What was spent between two readings."""
    return Usage(
        max(0.0, after.at_s - before.at_s),
        _difference(before.busy_s, after.busy_s),
        _difference(before.steal_s, after.steal_s),
        {
            name: sum(
                max(0.0, spent - before.groups[name][process])
                for process, spent in processes.items()
                if process in before.groups[name]
            )
            for name, processes in after.groups.items()
            if name in before.groups
        },
    )


def interference(
    spent: Usage, cores: int, *, generator_core: float | None = None, requests: int | None = None
) -> Interference:
    """Shares of the machine (1.0 = all `cores`) over a stretch of time, each within 0 and 1.

    Args:
        spent: Of the last seconds, or of a whole run.
        cores: Of the machine.
        generator_core: Share of its core that the busiest load worker spent.
        requests: Requests that ended in the same time.
    """
    capacity_s = spent.elapsed_s * cores

    def share(seconds: float | None) -> float | None:
        return None if seconds is None or not capacity_s else min(1.0, seconds / capacity_s)

    groups = spent.groups
    measuring = [groups[name] for name in ("generator", "dashboard", "apm") if name in groups]
    generator_s = groups.get("generator")
    return Interference(
        machine=share(spent.busy_s),
        generator=share(generator_s),
        dashboard=share(groups.get("dashboard")),
        apm=share(groups.get("apm")),
        service=share(groups.get("service")),
        database=share(groups.get("database")),
        steal=share(spent.steal_s),
        share=min(1.0, sum(measuring) / spent.busy_s) if measuring and spent.busy_s else None,
        generator_core=generator_core,
        generator_cpu_us_per_request=generator_s * 1e6 / requests
        if generator_s is not None and requests
        else None,
    )


def _difference(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else max(0.0, after - before)


def _sum(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b
