"""The warden: a foreign program lives no longer than the warden's standard input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from stack_processes import PATIENCE_S, alive, until

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")
OWNER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-m", "stressdash.stack.warden", *sys.argv[1:]], stdin=subprocess.PIPE)
time.sleep(600)
"""
DEAF = (SLEEP[0], SLEEP[1], f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP[2]}")


class Warded:
    """A running warden and the program that it announced."""

    def __init__(self, *command: str) -> None:
        self.warden = subprocess.Popen(
            (sys.executable, "-m", "stressdash.stack.warden", *command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.warden.stdout is not None
        first = self.warden.stdout.readline()
        self.pid = int(first.removeprefix("warden: pid ")) if first else 0
        if command in (SLEEP, DEAF):
            assert self.warden.stdout.readline() == "up\n"

    def end(self) -> None:
        self.warden.communicate()


class TestEnd:
    @pytest.mark.parametrize("command", [SLEEP, DEAF], ids=["obedient", "deaf"])
    async def test_comes_when_standard_input_closes(self, command: tuple[str, ...]) -> None:
        warded = Warded(*command)
        warded.end()
        await until(lambda: not alive(warded.pid))

    def test_comes_when_its_owner_is_killed(self) -> None:
        owner = subprocess.Popen((sys.executable, "-c", OWNER, *SLEEP), stdout=subprocess.PIPE, text=True)
        assert owner.stdout is not None
        pid = int(owner.stdout.readline().removeprefix("warden: pid "))
        owner.kill()
        owner.communicate()  # its output ends with the last process that holds it
        assert not alive(pid)

    def test_sigterm_is_passed_on(self) -> None:
        warded = Warded(*SLEEP)
        warded.warden.send_signal(signal.SIGTERM)
        assert warded.warden.wait(PATIENCE_S) == -signal.SIGTERM
        assert not alive(warded.pid)
        warded.end()


class TestCode:
    def test_is_that_of_the_program(self) -> None:
        warded = Warded(sys.executable, "-c", "raise SystemExit(7)")
        assert warded.warden.wait(PATIENCE_S) == 7
        warded.end()

    def test_is_its_signal_where_one_ended_it(self) -> None:
        warded = Warded(*SLEEP)
        os.kill(warded.pid, signal.SIGKILL)
        assert warded.warden.wait(PATIENCE_S) == -signal.SIGKILL
        warded.end()

    def test_is_127_where_it_cannot_be_run(self) -> None:
        warded = Warded("/no/such/program")
        _, said = warded.warden.communicate()
        assert warded.warden.returncode == 127
        assert said == "cannot run /no/such/program: No such file or directory\n"
