"""The compose command line, played by a script: progress, failures and their remedies."""

from __future__ import annotations

from pathlib import Path

import pytest

from stressdash.errors import StackError
from stressdash.stack.compose import Compose, find_compose


def compose(folder: Path, script: str) -> Compose:
    """A compose that does what the script says; its arguments are `$@`."""
    return Compose(("/bin/sh", "-c", script, "compose"), folder / "docker-compose.yml", "p1", folder / "env")


class TestRun:
    async def test_every_line_is_progress_without_its_escapes(self, tmp_path: Path) -> None:
        told: list[str] = []
        script = r"printf 'Pulling \033[32mdb\033[0m\n\n'; printf 'bell \007\n' >&2"
        await compose(tmp_path, script).run("up", progress=told.append)
        assert told == ["Pulling db", "bell \\x07"]

    async def test_project_file_and_variables_are_named(self, tmp_path: Path) -> None:
        told: list[str] = []
        await compose(tmp_path, 'printf "%s\\n" "$@"').run("up", "--detach", "db", progress=told.append)
        assert told == [
            *("--file", f"{tmp_path}/docker-compose.yml", "--project-name", "p1"),
            *("--project-directory", str(tmp_path), "--env-file", f"{tmp_path}/env", "up", "--detach", "db"),
        ]

    async def test_extra_variables_reach_it(self, tmp_path: Path) -> None:
        told: list[str] = []
        await compose(tmp_path, 'echo "$SERVICE_DIR"').run(
            "up", progress=told.append, extra={"SERVICE_DIR": "/there"}
        )
        assert told == ["/there"]


class TestFailure:
    @pytest.mark.parametrize(
        ("said", "remedy"),
        [
            ("Got permission denied while trying to connect", "join the group docker"),
            ("Cannot connect to the Docker daemon at unix:///x", "the Docker daemon does not run: start it"),
            ("Bind for 127.0.0.1:3000 failed: port is already allocated", "a port is taken"),
            ("pull access denied for nope", "an image cannot be pulled"),
            ("lookup registry-1.docker.io: no such host", "the registry cannot be reached"),
        ],
    )
    async def test_that_is_known_comes_with_what_helps(self, tmp_path: Path, said: str, remedy: str) -> None:
        with pytest.raises(StackError, match=f"compose up failed: .*{remedy}"):
            await compose(tmp_path, f"echo '{said}'; exit 1").run("up", progress=lambda _: None)

    async def test_that_is_not_comes_with_its_last_words(self, tmp_path: Path) -> None:
        with pytest.raises(StackError, match="compose up failed: line 3 is no YAML"):
            await compose(tmp_path, "echo reading; echo line 3 is no YAML; exit 1").run(
                "up", progress=lambda _: None
            )


class TestFind:
    @pytest.fixture
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("PATH", str(tmp_path))
        return tmp_path

    @staticmethod
    def program(path: Path, code: int) -> None:
        path.write_text(f"#!/bin/sh\nexit {code}\n")
        path.chmod(0o755)

    async def test_prefers_the_plugin(self, path: Path) -> None:
        self.program(path / "docker", 0)
        self.program(path / "docker-compose", 0)
        assert await find_compose() == (f"{path}/docker", "compose")

    async def test_takes_the_old_program_where_docker_lacks_the_plugin(self, path: Path) -> None:
        self.program(path / "docker", 1)
        self.program(path / "docker-compose", 0)
        assert await find_compose() == (f"{path}/docker-compose",)

    async def test_says_what_to_do_where_there_is_none(self, path: Path) -> None:
        with pytest.raises(StackError, match="install one, or use --stack process"):
            await find_compose()
