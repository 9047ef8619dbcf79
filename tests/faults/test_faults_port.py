"""A component whose port somebody else has taken meanwhile: one sentence, and a start once it is free."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stressdash.errors import ComponentFailed
from stressdash.samples import ComponentState
from stressdash.scenario import find_scenario, scenario_layer
from stressdash.session import Session, make_session
from stressdash.settings import resolve

pytestmark = pytest.mark.serial


@pytest.fixture
async def session(state: Path) -> AsyncIterator[Session]:
    scenario = find_scenario("act3")
    flags = {
        "stack": ("the test", "embedded"),
        "state": ("the test", state),
        "duration_s": ("the test", None),
        "max_requests": ("the test", 50),
    }
    made = make_session(resolve(scenario_layer(scenario), flags), scenario)
    await made.open()
    yield made
    await made.close()


def state_of(session: Session, name: str) -> ComponentState:
    return {component.name: component.state for component in session.watch.components}[name]


class TestPortTaken:
    @pytest.mark.parametrize("name", ["service", "database", "apm"])
    async def test_the_sentence_names_the_port_and_a_free_one_heals_all(
        self, session: Session, name: str
    ) -> None:
        address = {c.name: c for c in session.watch.components}[name].endpoints["address"]
        port = urlsplit(address).port
        assert port is not None
        await session.component_action(name, "kill")
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.bind(("127.0.0.1", port))
            thief.listen()
            with pytest.raises(ComponentFailed, match=rf"{port}.*in use"):
                await session.component_action(name, "start")
            await session.watch.poll_components()
            assert state_of(session, name) is ComponentState.FAILED
        await session.component_action(name, "start")
        assert state_of(session, name) is ComponentState.RUNNING
        await session.start_load()
        report = await session.finished()
        assert report is not None
        assert report.requests.completed == 50
