"""What a run said, and which processes are its own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import psutil

PATIENCE_S = 30.0

Ran = subprocess.CompletedProcess[bytes]


def report_of(ran: Ran) -> dict[str, Any]:
    """The JSON on stdout."""
    assert ran.stdout, ran.stderr.decode()
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def processes_of(state: Path) -> list[psutil.Process]:
    """Our living processes that belong to a state folder, by their environment or command line."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            told = [*words, process.environ().get("STRESSDASH_STATE", "")]
        except psutil.Error:
            continue
        if "python" in " ".join(words[:1]) and any(str(state) in text for text in told):
            found.append(process)
    return found


def gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that do not end soon; one that only waits to be reaped runs no more."""
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    return [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
