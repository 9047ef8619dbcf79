"""CPU time and memory of a process by its id."""

from __future__ import annotations

from dataclasses import dataclass

import psutil

__all__ = ["Usage", "Usages"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used; None where the system does not tell."""

    cpu_seconds: float | None = None
    rss_bytes: int | None = None


class Usages:
    """Looks at processes again and again; remembers them, so that a reused id is not mistaken."""

    def __init__(self) -> None:
        self._processes: dict[int, psutil.Process] = {}

    def of(self, pid: int | None) -> Usage:
        """Usage of a process; unknown for one that is gone."""
        if pid is None:
            return Usage()
        try:
            process = self._processes.get(pid)
            if process is None or not process.is_running():
                process = self._processes[pid] = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                return Usage(times.user + times.system, process.memory_info().rss)
        except psutil.Error:
            self._processes.pop(pid, None)
            return Usage()
