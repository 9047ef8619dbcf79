"""The whole story in containers, from the shell: up, load, a killed database, down, and nothing is left.

The parts of Elastic cannot be pulled here, which is one of the stories: load runs without them.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import PASSED_OR_VOID, Command, until
from docker.errors import APIError
from docker_machine import NOT_THERE, clear, client, container_of, remains, require_docker
from ran import Ran, report_of

from stressdash.stack.docker_project import Project
from stressdash.stack.folder import StateFolder

pytestmark = [pytest.mark.serial, pytest.mark.xdist_group("docker")]

PATIENCE_S = 240


class Shell:
    """Runs `stressdash` on the containers of one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.project = Project(StateFolder(state)).name

    def run(self, *words: str) -> Ran:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "stressdash.cli", *words, "--stack", "docker"],
            env={**os.environ, "STRESSDASH_STATE": str(self.state)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
        )

    def act(self, act: str, seconds: int) -> dict[str, Any]:
        """The report of an act."""
        ran = self.run("run", act, "--duration", f"{seconds}s", "--json", "-")
        assert ran.returncode in PASSED_OR_VOID, ran.stderr.decode()
        return report_of(ran)

    def status(self) -> dict[str, Any]:
        """What `stressdash status` tells of each component."""
        told = json.loads(self.run("status", "--json").stdout)
        return {one["name"]: one for one in told["components"]}

    def ids(self) -> set[str]:
        """The project's containers."""
        filters: Any = {"label": f"com.docker.compose.project={self.project}"}
        with client() as opened:
            return {str(one.id) for one in opened.containers.list(filters=filters)}


@pytest.fixture(scope="module")
def no_elastic() -> Iterator[None]:
    """Images that nobody has, refused at once."""
    require_docker()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELASTICSEARCH_IMAGE", NOT_THERE)
        patch.setenv("APM_SERVER_IMAGE", NOT_THERE)
        yield


@pytest.fixture
def shell(no_elastic: None) -> Iterator[Shell]:
    """A state folder of its own; whatever the test leaves is removed."""
    folder = Path(tempfile.mkdtemp(prefix="sd-docker-"))
    made = Shell(folder)
    yield made
    clear(made.project)
    shutil.rmtree(folder, ignore_errors=True)


class TestStory:
    def test_up_three_acts_and_down_leave_nothing(self, shell: Shell) -> None:
        up = shell.run("up")
        assert up.returncode == 0, up.stderr.decode()
        assert "without APM" in up.stderr.decode()
        assert "cannot be pulled, name another by APM_SERVER_IMAGE" in up.stdout.decode()
        first = shell.ids()
        again = shell.run("up")
        assert again.returncode == 0, again.stderr.decode()
        assert shell.ids() == first, "a second up changes nothing"

        act1 = shell.act("act1", 3)
        assert any("Error 1040: Too many connections" in fault["message"] for fault in act1["faults"])
        act2, act3 = shell.act("act2", 2), shell.act("act3", 2)
        for report in (act1, act2, act3):
            requests = report["requests"]
            ended = requests["completed"] + requests["failed"]
            assert requests["completed"] > 0
            assert requests["scheduled"] == ended + requests["in_flight_at_stop"]
            assert report["audit"]["lost"] == 0
        for report in (act2, act3):
            assert not any("1040" in fault["message"] for fault in report["faults"])
        assert shell.ids() == first, "what runs on its own outlives a run"

        down = shell.run("down", "--data")
        assert down.returncode == 0, down.stderr.decode()
        assert remains(shell.project) == []

    def test_a_run_of_its_own_takes_its_containers_down(self, shell: Shell) -> None:
        report = shell.act("act3", 1)
        assert report["requests"]["completed"] > 0
        assert [name for name in remains(shell.project) if not name.endswith(("_db", "_elasticsearch"))] == []


class TestTrouble:
    async def test_a_database_killed_under_load_loses_nothing_and_comes_back(self, shell: Shell) -> None:
        up = await asyncio.to_thread(shell.run, "up")
        assert up.returncode == 0, up.stderr.decode()
        load = await Command.start(
            *("run", "act3", "--stack", "docker", "--duration", "20s", "--json", "-"), state=shell.state
        )
        try:
            with client() as opened:
                database = container_of(opened, shell.project, "db")
                await until(lambda: _rows(database) > 100)
                database.kill()
                told = await asyncio.to_thread(shell.status)
                assert told["database"]["state"] == "failed"
                assert told["database"]["exit_code"] == 137
                restart = await asyncio.to_thread(shell.run, "restart", "database")
                assert restart.returncode == 0, restart.stderr.decode()
                at_restart = _rows(database)
                await until(lambda: _rows(database) > at_restart)
            report = (await load.ended()).report
        finally:
            await load.close()
        assert report["requests"]["failed"] > 0
        assert report["audit"]["lost"] == 0, "an acknowledged row survives"
        stop = await asyncio.to_thread(shell.run, "down", "--data")
        assert stop.returncode == 0, stop.stderr.decode()
        assert remains(shell.project) == []

    async def test_containers_of_a_killed_stressdash_are_adopted_and_end_with_the_next_run(
        self, shell: Shell
    ) -> None:
        load = await Command.start("run", "act3", "--stack", "docker", "--duration", "2m", state=shell.state)
        try:
            with client() as opened:
                await until(lambda: len(shell.ids()) == 2 or not load.running)
                database = container_of(opened, shell.project, "db")
                await until(lambda: _rows(database) > 100 or not load.running)
            load.signal(signal.SIGKILL)
            await load.ended()
        finally:
            await load.close()
        left = shell.ids()
        assert len(left) == 2, "containers belong to Docker"
        up = await asyncio.to_thread(shell.run, "up")
        assert "adopting the containers of a stressdash that was killed" in up.stderr.decode()
        assert shell.ids() == left
        await asyncio.to_thread(shell.run, "down", "--data")
        assert remains(shell.project) == []


def _rows(database: Any) -> int:
    """Rows that the database holds, 0 while it does not answer."""
    ask = "MYSQL_PWD=$MYSQL_PASSWORD mysql -h127.0.0.1 -ustats -N -e 'SELECT COUNT(*) FROM incoming' stats"
    try:
        code, out = database.exec_run(["sh", "-c", ask])
    except APIError:  # it does not run
        return 0
    return int(out) if code == 0 else 0
