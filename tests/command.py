"""`stressdash` as scripts run it: a process of its own session, its output, and all that it started."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

PATIENCE_S = 60.0
PASSED_OR_VOID = (0, 5)
"""On a busy machine a short run may be void; what it sent, stored and left running counts all the same."""


@dataclass(frozen=True)
class Ended:
    """How a run ended."""

    code: int
    out: bytes
    err: bytes

    @property
    def report(self) -> dict[str, Any]:
        """The JSON on stdout."""
        assert self.out, self.err.decode()
        report: dict[str, Any] = json.loads(self.out)
        return report

    @property
    def sentence(self) -> str:
        """The one line on stderr."""
        text = self.err.decode()
        assert text.startswith("stressdash: "), text
        assert text.count("\n") == 1, text
        return text


class Command:
    """A running `stressdash`; `state` is the folder of its stack."""

    def __init__(self, process: asyncio.subprocess.Process, state: Path) -> None:
        self._process = process
        self.state = state
        self._output = asyncio.create_task(process.communicate())

    @classmethod
    async def start(
        cls,
        *words: str,
        state: Path,
        prefix: tuple[str, ...] = (),
        stdout: int = asyncio.subprocess.PIPE,
        stderr: int = asyncio.subprocess.PIPE,
    ) -> Command:
        """Start `stressdash WORDS`, with another program before it if need be."""
        process = await asyncio.create_subprocess_exec(
            *prefix,
            *(sys.executable, "-m", "stressdash.cli", *words),
            env={**os.environ, "STRESSDASH_STATE": str(state)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        return cls(process, state)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        os.kill(self.pid, number)  # asyncio's own may take the exit code from who waits for it

    def press_ctrl_c(self) -> None:
        """What a terminal does: SIGINT to the whole foreground group."""
        os.killpg(self.pid, signal.SIGINT)

    async def ended(self) -> Ended:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await self._output
        assert self._process.returncode is not None
        return Ended(self._process.returncode, out or b"", err or b"")

    def family(self) -> list[psutil.Process]:
        """Every living process of this run and of its stack."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                told = [process.cwd(), *process.cmdline(), process.environ().get("STRESSDASH_STATE", "")]
                ours = process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE
                if ours and any(str(self.state) in text for text in told):
                    found.append(process)
        return found

    def member(self, module: str) -> psutil.Process | None:
        """The process that runs `python -m MODULE`."""
        for process in self.family():
            with suppress(psutil.Error):
                words = process.cmdline()
                if module in words and words[words.index(module) - 1] == "-m":
                    return process
        return None

    async def comes(self, module: str) -> psutil.Process:
        """Wait for the process that runs a module."""
        await until(lambda: self.member(module) is not None or not self.running)
        found = self.member(module)
        assert found is not None, (await self.ended()).err.decode()
        return found

    def rows(self) -> int:
        """Rows that the embedded database holds on disk."""
        return len(stored(self.state))

    async def loads(self, rows: int = 50) -> None:
        """Wait until load has stored some rows."""
        await until(lambda: self.rows() >= rows or not self.running)
        assert self.running, (await self.ended()).err.decode()

    async def close(self) -> None:
        """Leave nothing behind, whatever the test did."""
        for process in self.family():
            with suppress(psutil.Error):
                process.kill()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._output


def stored(state: Path) -> list[tuple[int, int]]:
    """(section, id) of each row in the embedded database's file."""
    file = state / "database" / "stats.sqlite3"
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return database.execute("SELECT property_section, property_id FROM incoming").fetchall()
        except sqlite3.OperationalError:  # the tables are not there yet
            return []


def survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that do not end soon; one that only waits to be reaped runs no more."""
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    return [process for process in alive if runs(process)]


def runs(process: psutil.Process) -> bool:
    """Whether it does more than wait to be reaped."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that only looking can tell."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  other processes have no events
            await asyncio.sleep(0.02)
