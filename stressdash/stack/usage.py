"""CPU time and memory of a process by its id, with those of the processes that it forked."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

__all__ = ["Usage", "Usages"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used; None where the system does not tell."""

    cpu_seconds: float | None = None
    rss_bytes: int | None = None
    age_s: float | None = None


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
            used = [_own(process), *map(_own, self._children(process))]
            age_s = time.time() - process.create_time()
            return Usage(sum(cpu_s for cpu_s, _ in used), sum(rss for _, rss in used), age_s)
        except psutil.Error:
            self._processes.pop(pid, None)
            return Usage()

    def _children(self, process: psutil.Process) -> list[psutil.Process]:
        """Those that it forked to share its work; the system's own list, for a search would be dear."""
        pid = process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        except OSError:
            return process.children()
        return [psutil.Process(int(child)) for child in children]


def _own(process: psutil.Process) -> tuple[float, int]:
    with process.oneshot():
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss
