"""The compose command line, played by a script: progress, failures and their remedies."""

from __future__ import annotations

from pathlib import Path

import pytest

from stressdash.errors import StackError
from stressdash.stack.compose import Compose, find_compose


def compose(folder: Path, script: str, **environment: str) -> Compose:
    """A compose that does what the script says; its arguments are `$@`."""
    files = (folder / "docker-compose.yml", folder / "override.yml")
    return Compose(("/bin/sh", "-c", script, "compose"), files, "p1", folder / "env", environment)


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
            *("--file", f"{tmp_path}/docker-compose.yml", "--file", f"{tmp_path}/override.yml"),
            *("--project-name", "p1", "--project-directory", str(tmp_path), "--env-file"),
            *(f"{tmp_path}/env", "up", "--detach", "db"),
        ]

    async def test_its_environment_reaches_it(self, tmp_path: Path) -> None:
        told: list[str] = []
        await compose(tmp_path, 'echo "$SERVICE_DIR"', SERVICE_DIR="/there").run("up", progress=told.append)
        assert told == ["/there"]

    async def test_steps_of_a_build_have_a_bar(self, tmp_path: Path) -> None:
        told: list[str] = []
        script = "echo 'Step 8/14 : RUN pip install'; echo '#9 [stats build 3/4] COPY . /app'"
        await compose(tmp_path, script).run("up", progress=told.append)
        assert told == [
            "build ━━━━━━━━━━──────────  50%  8/14 RUN pip install",
            "build ━━━━━━━━━━──────────  50%  3/4 COPY . /app",
        ]


CONFIG_V1 = """\
services:
  db:
    environment:
      MYSQL_USER: stats
    image: local/db:8
  stats:
    build:
      args:
        BASE: python:3.11
        PIP_CERT: ''
      context: /there/service
    image: stressdash-stats
version: '3.9'
volumes:
  db: {}
"""
CONFIG_V2 = """\
name: p1
services:
  db:
    command: null
    image: "local/db:8"
    ports:
      - mode: ingress
        target: 3306
  stats:
    build:
      context: /there/service
      dockerfile: Dockerfile
      args:
        BASE: python:3.11
    image: stressdash-stats
networks:
  default:
    name: p1_default
"""


class TestImages:
    @pytest.mark.parametrize("config", [CONFIG_V1, CONFIG_V2])
    async def test_are_read_from_what_either_generation_of_compose_resolves(
        self, tmp_path: Path, config: str
    ) -> None:
        images = await compose(tmp_path, f"echo a warning >&2; cat <<'EOF'\n{config}EOF").images()
        assert images.pulled == {"db": "local/db:8"}
        assert images.bases == {"stats": "python:3.11"}

    async def test_of_a_malformed_file_are_refused_in_the_words_of_compose(self, tmp_path: Path) -> None:
        script = """echo "ERROR: The Compose file './o.yml' is invalid because:" >&2
        echo "Unsupported config option for services.db: 'imagee'" >&2; exit 1"""
        with pytest.raises(
            StackError, match=r"compose config failed: ERROR: .* because: Unsupported .*imagee"
        ):
            await compose(tmp_path, script).images()


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
