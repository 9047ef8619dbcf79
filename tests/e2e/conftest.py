"""Runs the installed `stressdash` as a user would, on the embedded stack, in a state folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ran import Ran
from terminal import Terminal


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
