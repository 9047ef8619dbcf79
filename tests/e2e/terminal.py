"""A real terminal: one tmux server per test, typed into and read as a person would."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import threading
import time
from pathlib import Path

__all__ = ["Terminal"]


class Terminal:
    """An 80x24 (or larger) tmux pane that runs one command."""

    def __init__(self, tmux: str, folder: Path, *, columns: int = 80, rows: int = 24) -> None:
        self._tmux = [tmux, "-f", os.devnull, "-S", str(folder / "tmux")]
        self._size = (columns, rows)

    def run(self, *words: str, **environment: str) -> None:
        """Start the command; the pane stays when it ends, with its exit code as the last line."""
        columns, rows = self._size
        line = f"trap : INT; {shlex.join(words)}; code=$?; echo; echo exit-code=$code; exec cat"
        variables = [f"-e{name}={value}" for name, value in environment.items()]
        size = ["-x", str(columns), "-y", str(rows)]
        self._call("new-session", "-d", *size, *variables, "sh", "-c", line)

    def screen(self) -> str:
        """What the pane shows now."""
        return self._call("capture-pane", "-p")

    def type(self, *keys: str) -> None:
        """Press keys, by tmux's names for them."""
        self._call("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        """Another size of the window."""
        self._call("resize-window", "-x", str(columns), "-y", str(rows))

    def wait_for(self, pattern: str, within_s: float = 30) -> str:
        """The screen, once it shows the pattern."""
        deadline = time.monotonic() + within_s
        pause = threading.Event()
        while True:
            screen = self.screen()
            if re.search(pattern, screen):
                return screen
            assert time.monotonic() < deadline, f"{pattern!r} did not appear on\n{screen}"
            pause.wait(0.05)

    def pane_pid(self) -> int:
        """Process of the shell in the pane."""
        return int(self._call("display-message", "-p", "#{pane_pid}"))

    def flags(self) -> dict[str, bool]:
        """Whether the pane is on the alternate screen, hides its cursor, or reports the mouse."""
        told = self._call("display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}").split()
        return dict(zip(("alternate", "cursor", "mouse"), (flag == "1" for flag in told), strict=True))

    def close(self) -> None:
        """End the tmux server and what runs in it."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)

    def _call(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout
