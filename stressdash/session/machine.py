"""CPU clocks of the machine and of the processes that share it, read through psutil."""

from __future__ import annotations

import os
from collections.abc import Iterable

import psutil

__all__ = ["cores", "machine_busy_seconds", "machine_steal_seconds", "process_seconds", "versions"]


def cores() -> int:
    """Logical processors of the machine."""
    return psutil.cpu_count() or 1


def machine_busy_seconds() -> float:
    """CPU seconds, over all cores since boot, that were neither idle nor waiting for I/O nor stolen."""
    times = psutil.cpu_times()
    return float(sum(getattr(times, name, 0.0) for name in ("user", "nice", "system", "irq", "softirq")))


def machine_steal_seconds() -> float | None:
    """CPU seconds that a hypervisor gave to others; None where the system does not tell."""
    steal = getattr(psutil.cpu_times(), "steal", None)
    return None if steal is None else float(steal)


def process_seconds(pids: Iterable[int]) -> float:
    """User and system seconds of these processes; those that are gone count nothing."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def versions() -> dict[str, str]:
    """What a reader needs to know of the machine: kernel, Python, cores and memory."""
    system = os.uname()
    memory = psutil.virtual_memory().total
    return {
        "system": f"{system.sysname} {system.release} {system.machine}",
        "cores": str(cores()),
        "memory_bytes": str(memory),
    }
