"""The doctor: each finding with what helps, nothing secret, and an end that tells whether all is well."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressdash.commands.doctor import run
from stressdash.doctor import Asked, Finding, Level, examine
from stressdash.doctor.machine import check_folder, check_limits, check_python, check_terminal
from stressdash.stack import leftovers
from stressdash.stack.docker_project import Owner, Project
from stressdash.stack.folder import StateFolder, Whereabouts

SECRET = "hush-hush"


@pytest.fixture(autouse=True)
def undisturbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever daemon this machine has, these tests know it to be away, and nothing left by others."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setattr(leftovers, "data_left", lambda: ())


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


async def found(state: Path, **more: str) -> dict[str, Finding]:
    examined = await examine(Asked(state=state, **({"stack": "embedded"} | more)))
    return {finding.area: finding for finding in examined.findings}


class TestMachine:
    def test_python_limits_and_folder_are_well_where_the_tests_run(self, tmp_path: Path) -> None:
        findings = [*check_python(), *check_limits(), *check_folder(tmp_path / "s")]
        assert {finding.level for finding in findings} <= {Level.OK, Level.NOTE}
        assert {"python", "processors", "open files", "state folder", "disk"} <= {f.area for f in findings}

    def test_a_folder_that_cannot_be_used_is_bad_and_says_what_helps(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        (finding,) = check_folder(tmp_path / "file" / "s")
        assert finding.level is Level.BAD
        assert "cannot be used" in finding.text
        assert finding.remedy == "name another one by --state"

    def test_a_folder_that_others_can_enter_is_noted(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o755)
        finding = next(iter(check_folder(tmp_path)))
        assert (finding.level, finding.remedy) == (Level.NOTE, f"chmod 700 {tmp_path}")

    def test_no_terminal_is_no_fault_of_run(self) -> None:
        (finding,) = check_terminal()
        assert finding.level is Level.NOTE
        assert "'stressdash run' does not" in finding.remedy


class TestExamination:
    async def test_without_docker_is_well_unless_docker_was_asked_for(self, tmp_path: Path) -> None:
        assert (await found(tmp_path))["docker"].level is Level.NOTE
        asked = await found(tmp_path, stack="docker")
        assert asked["docker"].level is Level.BAD
        assert asked["docker"].text

    async def test_ends_that_were_given_must_answer(self, tmp_path: Path, listening: int) -> None:
        url = f"http://127.0.0.1:{listening}"
        assert (await found(tmp_path, target=url))["target"].level is Level.OK
        dead = "http://127.0.0.1:1"
        findings = await found(tmp_path, target=dead, elasticsearch=dead, dsn="mysql://me@127.0.0.1:1/stats")
        for area in ("target", "elasticsearch", "dsn"):
            assert findings[area].level is Level.BAD, area
            assert findings[area].remedy, area

    async def test_no_credential_is_shown(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("STRESSDASH_ES_PASSWORD", SECRET)
        findings = await examine(
            Asked(
                "embedded",
                tmp_path,
                target=f"http://me:{SECRET}@127.0.0.1:1",
                elasticsearch=f"http://me:{SECRET}@127.0.0.1:1",
                dsn=f"mysql://me:{SECRET}@127.0.0.1:1/stats",
            )
        )
        assert SECRET not in findings.text()
        assert SECRET not in findings.json()

    async def test_a_dsn_of_no_form_is_bad_and_not_repeated(self, tmp_path: Path) -> None:
        finding = (await found(tmp_path, dsn=f"{SECRET}@nowhere"))["dsn"]
        assert finding.level is Level.BAD
        assert SECRET not in finding.text

    async def test_what_a_dead_owner_left_is_told(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path)
        folder.make()
        folder.record(Whereabouts(2**22 + 1, str(tmp_path / "nobody")))
        finding = (await found(tmp_path))["left behind"]
        assert finding.level is Level.NOTE
        assert "supervisor that is gone" in finding.text
        assert "stressdash down" in finding.remedy

    async def test_containers_that_cannot_be_asked_for_are_no_missing_stack(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path)
        folder.make()
        project = Project(folder)
        project.prepare(folder.secrets(), renew_ports=True)
        project.own(Owner.me(kept=True))
        finding = (await found(tmp_path))["stack"]
        assert finding.level is Level.NOTE
        assert "containers were brought up from" in finding.text
        assert "the Docker daemon does not run" in finding.text

    async def test_the_choice_of_auto_is_explained(self, tmp_path: Path) -> None:
        text = (await found(tmp_path, stack="auto", target="http://127.0.0.1:1"))["choice"].text
        assert text == "--stack auto is external: a URL was given, so it attaches to what runs there"


class TestCommand:
    def test_ends_well_when_what_was_asked_for_works(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run(["--stack", "embedded", "--state", str(tmp_path), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["ok"]
        assert told["backend"] == "embedded"
        assert {"area", "level", "text", "remedy"} == set(told["findings"][0])

    def test_ends_with_3_when_it_does_not(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert run(["--stack", "docker", "--state", str(tmp_path)]) == 3
        assert "!! docker" in capsys.readouterr().out
