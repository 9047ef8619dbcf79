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
from terminal import Terminal

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


@pytest.fixture
def terminal(needs: Callable[[str], str], state: Path) -> Iterator[Terminal]:
    """A terminal of 80x24."""
    opened = Terminal(needs("tmux"), state)
    yield opened
    opened.close()


@pytest.fixture
def dashboard(terminal: Terminal, state: Path) -> Callable[..., Terminal]:
    """`dashboard("--scenario", "act1")` opens it on the embedded stack and waits until load can start."""

    def show(*words: str) -> Terminal:
        terminal.run(
            sys.executable, "-m", "stressdash.cli", "--stack", "embedded", *words,
            STRESSDASH_STATE=str(state / "s"),
        )  # fmt: skip
        terminal.wait_for("READY")
        return terminal

    return show


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


def gone(processes: list[psutil.Process], within_s: float) -> list[psutil.Process]:
    """Those that still run after at most `within_s`; one that only waits to be reaped runs no more."""
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
