"""A system that already runs: looked at, never touched."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stressdash.errors import StackError, UsageError
from stressdash.samples import Component, ComponentState
from stressdash.stack import choose, external, open_stack
from stressdash.stack.backend import Addresses
from stressdash.stack.external import ExternalStack


@pytest.fixture
def listening() -> Iterator[str]:
    """URL of something that listens, and no more."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def components(stack: ExternalStack) -> dict[str, Component]:
    return {one.name: one for one in await stack.components()}


class TestComponents:
    async def test_that_listen_run(self, listening: str) -> None:
        seen = await components(ExternalStack(Addresses(listening)))
        assert seen["service"].state is ComponentState.RUNNING
        assert seen["service"].endpoints == {"address": listening}

    async def test_that_run_here_tell_what_they_use(self, listening: str) -> None:
        service = (await components(ExternalStack(Addresses(listening))))["service"]
        assert service.pid == os.getpid()
        assert service.cpu_seconds is not None
        assert service.rss_bytes is not None
        assert service.rss_bytes > 1_000_000

    async def test_that_were_started_anew_between_two_looks_are_found(
        self, listening: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
        listeners = iter((before.pid, os.getpid()))
        monkeypatch.setattr(external, "listener_on", lambda _: next(listeners))
        stack = ExternalStack(Addresses(listening))
        assert (await components(stack))["service"].pid == before.pid
        before.kill()
        await before.wait()
        for _ in range(2):
            service = (await components(stack))["service"]
            assert (service.pid, service.uptime_s is not None) == (os.getpid(), True)

    async def test_that_do_not_have_failed(self, listening: str) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            seen = await components(ExternalStack(Addresses(f"http://127.0.0.1:{port}/")))
        assert (seen["service"].state, seen["service"].detail) == (
            ComponentState.FAILED,
            f"nothing listens on 127.0.0.1:{port}",
        )

    async def test_that_were_not_given_say_what_they_need(self, listening: str) -> None:
        seen = await components(ExternalStack(Addresses(listening)))
        assert seen["database"].state is ComponentState.ABSENT
        assert "--dsn" in seen["database"].detail
        assert "--elasticsearch" in seen["apm"].detail

    async def test_on_other_machines_get_no_packet(self) -> None:
        seen = await components(ExternalStack(Addresses("http://stressdash.invalid")))
        assert seen["service"].detail == "on another machine: not watched from here"

    async def test_addresses_are_shown_without_credentials(self, listening: str) -> None:
        dsn = listening.replace("http://", "mysql://me:hush@") + "/stats"
        seen = await components(ExternalStack(Addresses(listening, database_dsn=dsn)))
        assert "hush" not in repr(seen)


class TestControl:
    async def test_of_components_is_refused(self, listening: str) -> None:
        with pytest.raises(UsageError, match="cannot stop the service: it is not run by stressdash"):
            await ExternalStack(Addresses(listening)).action("service", "stop")

    async def test_of_knobs_needs_the_ends_they_are_on(self, listening: str) -> None:
        bare = ExternalStack(Addresses(listening))
        with_token = ExternalStack(Addresses(listening), "token")
        assert await bare.knobs() == ()
        assert {knob.component for knob in await with_token.knobs()} == {"service"}

    async def test_status_of_what_is_not_given_is_unknown(self, listening: str) -> None:
        stack = ExternalStack(Addresses(listening))
        assert await stack.service_status() is None
        assert await stack.database_status() is None
        with pytest.raises(StackError, match="the service's log is where whoever runs it keeps it"):
            await stack.logs("service")


class TestChoice:
    def test_auto_attaches_where_there_is_a_url(self, tmp_path: Path) -> None:
        assert open_stack("auto", state=tmp_path, target_url="http://127.0.0.1:1").name == "external"

    def test_auto_adds_why(self, tmp_path: Path) -> None:
        choice = choose("auto", state=tmp_path, target_url="http://127.0.0.1:1")
        assert choice.sentence == "stack external: a URL was given, so it attaches to what runs there"
        assert choose("embedded", state=tmp_path).sentence == ""

    def test_auto_without_a_database_program_is_embedded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr("stressdash.stack.server_program.MORE_FOLDERS", ())
        choice = choose("auto", state=tmp_path)
        assert choice.backend == "embedded"
        assert "neither mariadbd nor mysqld is on the PATH" in choice.why

    def test_auto_with_one_is_a_real_database(self, tmp_path: Path, needs: Callable[[str], str]) -> None:
        server = needs("mariadbd")
        choice = choose("auto", state=tmp_path)
        assert choice.backend == "process"
        assert choice.why.endswith(f"is installed ({server})")

    def test_external_needs_a_url(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="needs the URL"):
            open_stack("external", state=tmp_path)

    def test_an_unknown_backend_names_the_known_ones(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no stack 'cloud'; the stacks are auto, embedded"):
            open_stack("cloud", state=tmp_path)
