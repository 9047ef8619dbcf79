"""The dashboard in a real terminal: the three acts, an error opened, and every way to leave."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from ran import gone, processes_of
from terminal import Terminal

pytestmark = pytest.mark.serial

Dashboard = Callable[..., Terminal]
LEFT = {"alternate": False, "cursor": True, "mouse": False}
"""The flags of a terminal that was given back."""


def _until(happens: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


class TestActs:
    def test_act_1_leads_from_the_charts_to_the_stack_trace_of_error_1040(self, dashboard: Dashboard) -> None:
        terminal = dashboard("--duration", "20s", "--timeout", "60s")  # a busy machine answers late
        terminal.type("s")
        terminal.wait_for(r"RUN 00:")
        live = terminal.wait_for(r"rpc internal\s+Error 1040")
        assert "client" in live
        assert "apm" in live
        terminal.type("2")
        terminal.wait_for("» Errors")
        terminal.type("/")
        terminal.wait_for("filter: words")
        terminal.type("1040", "Enter")
        terminal.wait_for(r"filter +1040")
        terminal.wait_for(r"rpc internal\s+Error 1040")
        terminal.wait_for(r"\d+%")
        terminal.type("Enter")
        page = terminal.wait_for(r"service/\w+\.py:\d+\s+in \w+")
        assert "TooManyConnections" in page
        assert "max_connections" in page
        terminal.type("Escape")
        terminal.wait_for("» Errors")
        terminal.type("C-c")
        terminal.wait_for("Stop it and quit|exit-code")
        terminal.type("y")
        terminal.wait_for("exit-code=0")

    @pytest.mark.parametrize(
        ("act", "errors"),
        [("act2", r"apm only\s+twirp error interna"), ("act3", r"ERRORS 0|No errors|no errors")],
    )
    def test_the_later_acts_run_to_their_end(self, dashboard: Dashboard, act: str, errors: str) -> None:
        terminal = dashboard("--scenario", act, "--duration", "4s")
        terminal.type("s")
        terminal.wait_for(r"RUN 00:")
        terminal.wait_for(r"DONE|FINISHED|END")
        terminal.wait_for(errors)
        terminal.type("q")
        terminal.wait_for("exit-code=0")


class TestFaults:
    def test_a_killed_service_is_shown_counted_and_started_again(self, dashboard: Dashboard) -> None:
        terminal = dashboard("--scenario", "act3", "--duration", "10m")
        terminal.type("s")
        terminal.wait_for(r"RUN 00:")
        terminal.type("3")
        terminal.wait_for(r"service\s+running")
        terminal.type("X")
        terminal.wait_for("Kill the service")
        terminal.type("y")
        terminal.wait_for(r"service\s+failed\s+-9")
        terminal.type("1")
        terminal.wait_for(r"connect ECON\S+\s+Connection")
        terminal.type("3")
        terminal.wait_for("» Stack")
        terminal.type("u")
        terminal.wait_for(r"service\s+running\s+-9")
        terminal.type("1")
        terminal.wait_for(r"client +[1-9]")
        terminal.type("q")
        terminal.wait_for("Stop it and quit")
        terminal.type("y")
        terminal.wait_for("exit-code=0")


class TestLeaving:
    def test_nothing_of_the_screens_stays_on_a_terminal_that_has_grown(self, dashboard: Dashboard) -> None:
        terminal = dashboard("--scenario", "act3", "--duration", "10m")
        terminal.type("s")
        terminal.wait_for(r"RUN 00:")
        terminal.resize(100, 30)
        terminal.wait_for(r"\n.{81,}")
        terminal.type("C-c")
        terminal.wait_for("Stop it and quit")
        terminal.type("y")
        assert "╭" not in terminal.wait_for("exit-code=0")

    def test_nothing_outlives_a_dashboard_that_is_killed_and_the_terminal_comes_back(
        self, dashboard: Dashboard, state: Path
    ) -> None:
        terminal = dashboard("--scenario", "act3")
        terminal.type("s")
        terminal.wait_for(r"RUN 00:")
        shell = psutil.Process(terminal.pane_pid())
        (guard,) = shell.children()
        (child, *_) = guard.children()
        everything = processes_of(state)
        os.kill(child.pid, signal.SIGKILL)
        terminal.wait_for("exit-code=137")
        assert gone(everything) == []
        assert terminal.flags() == LEFT

    def test_nothing_outlives_a_terminal_that_is_closed(self, dashboard: Dashboard, state: Path) -> None:
        terminal = dashboard("--scenario", "act3", "--duration", "10m")
        terminal.type("s")
        terminal.wait_for(r"RUN 00:")
        everything = processes_of(state)
        assert everything
        terminal.close()
        assert gone(everything) == []

    def test_it_leaves_in_good_order_when_its_guard_is_killed(
        self, dashboard: Dashboard, state: Path
    ) -> None:
        terminal = dashboard()
        (guard,) = psutil.Process(terminal.pane_pid()).children()
        everything = processes_of(state)
        os.kill(guard.pid, signal.SIGKILL)
        assert gone(everything) == []
        _until(lambda: terminal.flags() == LEFT)

    @pytest.mark.parametrize("key", ["q", "C-c"])
    def test_without_load_a_key_is_enough(self, dashboard: Dashboard, state: Path, key: str) -> None:
        terminal = dashboard()
        terminal.type(key)
        terminal.wait_for("exit-code=0")
        assert gone(processes_of(state)) == []

    def test_ctrl_c_before_there_is_a_screen_ends_it_without_a_traceback(
        self, terminal: Terminal, state: Path
    ) -> None:
        terminal.run(
            sys.executable, "-m", "stressdash.cli", "--stack", "embedded", STRESSDASH_STATE=str(state / "s")
        )
        shell = psutil.Process(terminal.pane_pid())
        _until(lambda: any(guard.children() for guard in shell.children()))
        terminal.type("C-c")
        screen = terminal.wait_for(r"exit-code=(0|130)\b")
        assert "Traceback" not in screen
        assert gone(processes_of(state)) == []

    def test_an_interrupt_from_elsewhere_ends_it_in_good_order(
        self, dashboard: Dashboard, state: Path
    ) -> None:
        terminal = dashboard()
        (guard,) = psutil.Process(terminal.pane_pid()).children()
        (child, *_) = guard.children()
        os.kill(child.pid, signal.SIGINT)
        screen = terminal.wait_for("exit-code=130")
        assert "Traceback" not in screen
        assert gone(processes_of(state)) == []
        assert terminal.flags() == LEFT


class TestWithoutAProperTerminal:
    def test_a_dumb_terminal_is_told_what_to_do_instead(self, terminal: Terminal) -> None:
        terminal.run("env", "TERM=dumb", sys.executable, "-m", "stressdash.cli")
        screen = terminal.wait_for("exit-code=2")
        assert "stressdash run act1" in screen
