"""A real terminal for the dashboard: tmux, on a server of its own, with the keys and the screen as text."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil

from benchmarks.harness import Unavailable, wait_until

MARK = "STARTED_BY_BENCHMARK"
"""Variable that everything inherits which the dashboard starts, its stack included."""


class Terminal:
    """One program on one screen."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", os.devnull]

    def tmux(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=False)
        return done.stdout

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names."""
        self.tmux("send-keys", "-t", "it", *names)

    def text(self) -> str:
        """What the screen shows now."""
        return self.tmux("capture-pane", "-p", "-t", "it")

    def wait_for(self, words: str | Callable[[str], bool], limit_s: float = 30.0) -> None:
        """Wait until the screen shows the words, or meets the condition."""
        shows = (lambda text: words in text) if isinstance(words, str) else words
        try:
            wait_until(lambda: shows(self.text()), limit_s)
        except Unavailable as error:
            raise Unavailable(f"the screen never showed {words!r}, but:\n{self.text()}") from error

    @property
    def processes(self) -> list[psutil.Process]:
        """The program and its descendants."""
        root = psutil.Process(int(self.tmux("display-message", "-p", "-t", "it", "#{pane_pid}")))
        return [root, *root.children(recursive=True)]

    @property
    def dashboard(self) -> list[psutil.Process]:
        """The processes that are the dashboard: all but the load workers."""
        return [process for process in self.processes if "stressdash.load.worker" not in process.cmdline()]


@contextlib.contextmanager
def terminal(
    words: Sequence[str], state: Path, columns: int = 200, rows: int = 50, *, module: str = "stressdash.cli"
) -> Iterator[Terminal]:
    """Run the dashboard with these flags in a terminal of this size; `q` and then force end it."""
    if not shutil.which("tmux"):
        raise Unavailable("tmux is not installed")
    folder = Path(tempfile.mkdtemp(prefix="sd-"))
    shown = Terminal(folder / "tmux")
    marks = [f"STRESSDASH_STATE={state}", f"{MARK}={state}"]
    command = ["env", *marks, sys.executable, "-m", module, *words]
    size = ["-x", str(columns), "-y", str(rows)]
    try:
        shown.tmux("new-session", "-d", "-s", "it", *size, *command, ";", "set", "-g", "escape-time", "0")
        yield shown
    finally:
        shown.keys("q")
        with contextlib.suppress(Unavailable):
            wait_until(lambda: not _lives(shown), 3)
        shown.keys("Enter")
        with contextlib.suppress(Unavailable):
            wait_until(lambda: not _lives(shown), 10)
        shown.tmux("kill-server")
        shutil.rmtree(folder, ignore_errors=True)


def marked(state: Path) -> list[psutil.Process]:
    """Everything alive that a dashboard on this state folder started, itself included."""
    return [process for process in psutil.process_iter() if _mark_of(process) == str(state)]


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARK)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None


def _lives(shown: Terminal) -> bool:
    return "it" in shown.tmux("list-sessions", "-F", "#{session_name}").split()
