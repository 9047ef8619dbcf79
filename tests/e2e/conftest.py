"""Runs the installed `stressdash` as a user would, on the embedded stack, in a state folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

Ran = subprocess.CompletedProcess[bytes]


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="sd-e2e-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stressdash(state: Path) -> Callable[..., Ran]:
    """`stressdash("run", "act1", ...)` runs it to its end."""

    def run(*words: str) -> Ran:
        return subprocess.run(
            [sys.executable, "-m", "stressdash.cli", *words],
            env={**os.environ, "STRESSDASH_STATE": str(state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=110,
        )

    return run


def report_of(ran: Ran) -> dict[str, Any]:
    """The JSON on stdout."""
    assert ran.stdout, ran.stderr.decode()
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def processes_of(state: Path) -> list[psutil.Process]:
    """Processes that belong to a state folder, by their environment or command line."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), process.environ().get("STRESSDASH_STATE", "")]
        except psutil.Error:
            continue
        if any(str(state) in text for text in told):
            found.append(process)
    return found


def gone(processes: list[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Those that still live after at most `within_s`."""
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return alive
