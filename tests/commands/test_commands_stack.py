"""`up`, `status`, `logs`, `restart` and `down` as a shell uses them, on the embedded stack."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from command import PASSED_OR_VOID, Command, Ended, survivors

from stressdash.cli import main
from stressdash.paths import state_dir
from stressdash.stack import choose
from stressdash.stack.docker_project import Owner, Project
from stressdash.stack.folder import StateFolder

Do = Callable[..., Awaitable[Ended]]


@pytest.fixture
async def do() -> AsyncIterator[Do]:
    """`await do("up")` runs a command to its end, always on the same state folder."""
    parent = Path(tempfile.mkdtemp(prefix="sd-"))
    done: list[Command] = []

    async def run(*words: str) -> Ended:
        done.append(await Command.start(*words, state=parent / "s"))
        return await done[-1].ended()

    try:
        yield run
    finally:
        for command in done:
            await command.close()
        shutil.rmtree(parent, ignore_errors=True)


def pids(told: dict[str, Any]) -> dict[str, int]:
    return {one["name"]: one["pid"] for one in told["components"]}


class TestLife:
    async def test_from_up_to_down(self, do: Do) -> None:
        up = await do("up", "--stack", "embedded", "--knob", "workers=2", "--json")
        told = json.loads(up.out)
        assert (up.code, told["backend"], told["kept"]) == (0, "embedded", True)
        knobs = {knob["name"]: knob["actual"] for knob in told["knobs"]}
        assert (knobs["workers"], knobs["max_open"]) == ("2", "0")
        assert b"the stack is ready" in up.err

        again = await do("up", "--json")
        assert pids(json.loads(again.out)) == pids(told), "what runs is adopted"
        assert b"one stands in" in again.err, "and auto says so"

        ran = await do("run", "act3", "--duration", "1s", "--connections", "5", "--json", "-")
        assert ran.code in PASSED_OR_VOID, ran.err.decode()
        assert ran.report["knobs"]["workers"] == 2
        status = await do("status", "--json")
        assert (status.code, pids(json.loads(status.out))) == (0, pids(told)), "and a run leaves it running"

        log = await do("logs", "service", "--grep", "^listening on")
        assert b" service       listening on http://127.0.0.1:" in log.out
        restarted = await do("restart", "service")
        assert (restarted.code, restarted.err) == (0, b"restarting service\n")
        now = json.loads((await do("status", "--json")).out)
        assert pids(now)["service"] != pids(told)["service"]
        assert pids(now)["database"] == pids(told)["database"]

        processes = [psutil.Process(pid) for pid in (*pids(now).values(), now["supervisor_pid"])]
        down = await do("down", "--data")
        assert down.code == 0
        assert down.out.startswith(b"ended service, database, apm of the stack embedded in ")
        assert not survivors(processes)
        assert (await do("down")).code == 0, "nothing to end is no error"
        gone = await do("status")
        assert (gone.code, gone.sentence.startswith("stressdash: no stack runs in ")) == (3, True)


class TestMistakes:
    @pytest.mark.parametrize(
        ("words", "code", "sentence"),
        [
            (("restart", "databse"), 3, "no stack runs in"),
            (("logs", "-f"), 3, "'stressdash up' starts one"),
            (("logs", "--grep", "("), 2, "--grep: '(' is no regular expression"),
            (("logs", "--since", "soon"), 2, "'soon' is not a duration"),
            (("up", "--stack", "external"), 2, "an external stack is run by somebody else"),
            (("up", "--stack", "cloud"), 2, "'cloud' is not one of"),
            (("up", "--knob", "max_open"), 2, "is not of the form NAME=VALUE"),
            (("up", "--knob", "max_open=many"), 2, "max_open is a whole number from 0 to 100000, not 'many'"),
            (("up", "--knob", "sampling=2"), 2, "sampling is a number from 0 to 1, not '2'"),
            (("up", "--knob", "max_opne=1"), 2, "no knob 'max_opne'; did you mean 'max_open'?"),
            (("down", "--dta"), 2, "did you mean --data?"),
        ],
    )
    def test_are_one_sentence_and_start_nothing(
        self, words: tuple[str, ...], code: int, sentence: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(words) == code
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("stressdash: ")
        assert told.err.count("\n") == 1
        assert sentence in told.err
        assert not (state_dir() / "supervisor.json").exists()


class TestStoppedDaemon:
    @pytest.fixture(autouse=True)
    def no_daemon(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")

    @pytest.fixture
    def brought_up(self) -> None:
        """Containers were brought up from this test's state folder and never taken down."""
        folder = StateFolder(state_dir())
        folder.make()
        project = Project(folder)
        project.prepare(folder.secrets(), renew_ports=True)
        project.own(Owner.me(kept=True))

    @pytest.mark.parametrize("command", ["down", "status", "logs", "restart"])
    def test_is_told_with_its_remedy(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main((command, "--stack", "docker")) == 3
        told = capsys.readouterr()
        assert told.out == ""
        assert re.fullmatch(
            r"stressdash: the Docker daemon does not run .*systemctl start docker.*\n", told.err
        )

    @pytest.mark.usefixtures("brought_up")
    @pytest.mark.parametrize("command", ["down", "status", "logs", "restart"])
    def test_is_told_where_no_stack_was_named(self, command: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert main((command,)) == 3
        told = capsys.readouterr()
        assert told.out == ""
        assert "containers were brought up from" in told.err
        assert "the Docker daemon does not run" in told.err

    @pytest.mark.usefixtures("brought_up")
    def test_is_told_by_the_choice_of_a_stack(self) -> None:
        assert "the Docker daemon does not run" in choose("auto", state=state_dir()).why

    @pytest.mark.usefixtures("brought_up")
    def test_is_nobodys_business_once_the_containers_were_taken_down(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        Project(StateFolder(state_dir())).own(None)
        assert main(("down",)) == 0
        assert capsys.readouterr().out.startswith("no stack runs in ")
