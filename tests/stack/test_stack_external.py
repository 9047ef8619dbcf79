"""A system that already runs: looked at, never touched."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stressdash.errors import UsageError
from stressdash.samples import Component, ComponentState
from stressdash.stack import open_stack
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
        assert await stack.logs("service") == ()


class TestChoice:
    def test_auto_attaches_where_there_is_a_url(self, tmp_path: Path) -> None:
        assert open_stack("auto", state=tmp_path, target_url="http://127.0.0.1:1").name == "external"

    def test_external_needs_a_url(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="needs the URL"):
            open_stack("external", state=tmp_path)

    def test_an_unknown_backend_names_the_known_ones(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no stack 'cloud'; the stacks are auto, embedded"):
            open_stack("cloud", state=tmp_path)
