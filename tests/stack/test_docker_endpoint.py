"""Where Docker is found, and what is said when it is not there; with real sockets."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressdash.errors import StackError
from stressdash.stack import docker_endpoint
from stressdash.stack.docker_endpoint import Endpoint, find_endpoint


@pytest.fixture
def home(state_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder on a machine without a system-wide daemon; its path is short, as sockets need it."""
    monkeypatch.setattr(docker_endpoint, "SYSTEM_SOCKET", state_root / "no-docker.sock")
    return Path(tempfile.mkdtemp(dir=state_root, prefix=""))


def environ(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run"), **more}


def context(home: Path, name: str, host: str) -> None:
    """What `docker context create` writes."""
    folder = home / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


@pytest.fixture
def listener(home: Path) -> Iterator[Path]:
    """A socket on which somebody listens."""
    path = home / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield path


class TestFind:
    def test_docker_host_wins(self, home: Path) -> None:
        found = find_endpoint(environ(home, DOCKER_HOST="unix:///x.sock", DOCKER_CONTEXT="other"))
        assert (found.url, found.named_by) == ("unix:///x.sock", "DOCKER_HOST")

    def test_then_the_context_of_the_environment(self, home: Path) -> None:
        context(home, "own", "unix:///own.sock")
        found = find_endpoint(environ(home, DOCKER_CONTEXT="own"))
        assert (found.url, found.named_by) == ("unix:///own.sock", "the context 'own'")

    def test_then_the_context_that_was_chosen(self, home: Path) -> None:
        context(home, "own", "unix:///own.sock")
        (home / ".docker" / "config.json").write_text('{"currentContext": "own"}')
        assert find_endpoint(environ(home)).url == "unix:///own.sock"

    def test_then_a_daemon_of_the_users_own(self, home: Path) -> None:
        (home / "run").mkdir()
        (home / "run" / "docker.sock").touch()
        found = find_endpoint(environ(home))
        assert (found.url, found.rootless) == (f"unix://{home}/run/docker.sock", True)

    def test_else_the_system(self, home: Path) -> None:
        found = find_endpoint(environ(home))
        assert (found.url, found.named_by, found.rootless) == (
            f"unix://{docker_endpoint.SYSTEM_SOCKET}",
            "the system",
            False,
        )

    @pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"currentContext": ""}'])
    def test_a_configuration_that_says_nothing_counts_for_nothing(self, home: Path, text: str) -> None:
        (home / ".docker").mkdir()
        (home / ".docker" / "config.json").write_text(text)
        assert find_endpoint(environ(home)).named_by == "the system"

    def test_a_context_that_does_not_exist_is_named(self, home: Path) -> None:
        with pytest.raises(StackError, match=r"context 'gone' cannot be read.*docker context use"):
            find_endpoint(environ(home, DOCKER_CONTEXT="gone"))


class TestRemote:
    @pytest.mark.parametrize("url", ["tcp://192.0.2.7:2376", "ssh://me:secret@far.example", "http://far"])
    def test_another_machine_is_refused_without_its_password(self, home: Path, url: str) -> None:
        with pytest.raises(StackError, match=r"Docker is on another machine .*DOCKER_HOST.*unset it") as told:
            find_endpoint(environ(home, DOCKER_HOST=url))
        assert "secret" not in str(told.value)

    def test_so_is_a_context_of_another_machine(self, home: Path) -> None:
        context(home, "far", "ssh://far.example")
        with pytest.raises(
            StackError, match=r"another machine \(ssh://far.example, named by the context 'far'"
        ):
            find_endpoint(environ(home, DOCKER_CONTEXT="far"))

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
    def test_this_machine_by_tcp_is_not(self, home: Path, host: str) -> None:
        assert find_endpoint(environ(home, DOCKER_HOST=f"tcp://{host}:2375")).url == f"tcp://{host}:2375"


class TestObstacle:
    def test_is_none_where_somebody_listens(self, listener: Path) -> None:
        assert Endpoint(f"unix://{listener}", "the system").obstacle() == ""

    def test_of_a_socket_that_is_not_there_is_a_stopped_daemon(self, home: Path) -> None:
        told = Endpoint(f"unix://{home}/none.sock", "DOCKER_HOST").obstacle()
        assert told.startswith(
            f"the Docker daemon does not run (unix://{home}/none.sock, named by DOCKER_HOST)"
        )
        assert "sudo systemctl start docker" in told
        assert told.endswith("or use --stack process")

    def test_of_a_rootless_daemon_tells_how_to_start_that_one(self, home: Path) -> None:
        told = Endpoint(f"unix://{home}/none.sock", "the system", rootless=True).obstacle()
        assert "'systemctl --user start docker'" in told

    def test_of_a_socket_without_a_listener_is_a_stopped_daemon(self, home: Path) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(home / "dead.sock"))
        assert "daemon does not run" in Endpoint(f"unix://{home}/dead.sock", "the system").obstacle()

    def test_of_a_port_that_refuses_is_a_stopped_daemon(self) -> None:
        assert "daemon does not run" in Endpoint("tcp://127.0.0.1:1", "DOCKER_HOST").obstacle()

    def test_of_missing_rights_is_the_group(self, listener: Path) -> None:
        listener.chmod(0)
        for folder in (listener.parent, listener.parent.parent):
            folder.chmod(0o755)
        told = _as_nobody(Endpoint(f"unix://{listener}", "the system"))
        assert told.startswith(f"you may not use Docker's socket {listener}: join its group")
        assert "usermod -aG docker" in told

    def test_of_a_folder_in_between_that_is_a_file_names_the_reason(self, listener: Path) -> None:
        told = Endpoint(f"unix://{listener}/x", "DOCKER_HOST").obstacle()
        assert "Not a directory" in told
        assert "check DOCKER_HOST" in told


def _as_nobody(endpoint: Endpoint) -> str:
    """What an account without rights is told: root may use any socket."""
    if os.geteuid():
        return endpoint.obstacle()
    os.seteuid(65534)
    try:
        return endpoint.obstacle()
    finally:
        os.seteuid(0)
