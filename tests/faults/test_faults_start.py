"""What keeps a run from starting: one sentence, the documented exit code, nothing left behind."""

# ruff: noqa: ASYNC240  nothing else waits for this event loop

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from command import Command, survivors

Start = Callable[..., Awaitable[Command]]

ACT = ("run", "act3", "--stack", "embedded", "--duration", "1s", "--json", "-")


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port on which nothing listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


class TestKnobs:
    @pytest.mark.parametrize(
        ("knob", "sentence"),
        [
            ("max_opne=3", "there is no knob 'max_opne'; did you mean 'max_open'?"),
            ("max_open=-3", "max_open is a whole number from 0 to 100000, not '-3'"),
            ("max_connections=0", "max_connections is a whole number from 1 to 100000, not '0'"),
            ("cancellation=maybe", "cancellation is one of inherit, shield, not 'maybe'"),
            ("sampling=\x1b[2J", "sampling is a number from 0 to 1, not '\\x1b[2J'"),
        ],
    )
    async def test_one_that_cannot_be_turned_ends_with_exit_code_2_before_anything_starts(
        self, stressdash: Start, state: Path, knob: str, sentence: str
    ) -> None:
        command = await stressdash(*ACT, "--knob", knob)
        ended = await command.ended()
        assert ended.code == 2
        assert ended.out == b""
        assert sentence in ended.sentence
        assert not state.exists()


class TestStateFolder:
    async def test_a_file_in_its_place_is_named(self, stressdash: Start, state: Path) -> None:
        state.write_text("here already")
        ended = await (await stressdash(*ACT)).ended()
        assert ended.code == 3
        assert f"the state folder {state} cannot be used: File exists" in ended.sentence
        assert state.read_text() == "here already"

    async def test_a_folder_without_permission_is_named(
        self, stressdash: Start, state: Path, needs: Callable[[str], str]
    ) -> None:
        state.mkdir(mode=0o500)
        # Root may write everywhere as long as it has its capabilities.
        powerless = (needs("setpriv"), "--bounding-set=-all") if os.getuid() == 0 else ()
        ended = await (await stressdash(*ACT, prefix=powerless)).ended()
        assert ended.code == 3
        assert f"the state folder {state} cannot be used: Permission denied" in ended.sentence

    @pytest.mark.parametrize("words", [("runs",), ("compare", "1", "2"), ("down",)], ids=" ".join)
    async def test_one_that_may_not_be_looked_into_is_named(
        self, stressdash: Start, state: Path, needs: Callable[[str], str], words: tuple[str, ...]
    ) -> None:
        state.mkdir(mode=0o300)
        powerless = (needs("setpriv"), "--bounding-set=-all") if os.getuid() == 0 else ()
        ended = await (await stressdash(*words, "--state", str(state), prefix=powerless)).ended()
        state.chmod(0o700)
        assert (ended.code, ended.out) == (2, b"")
        assert f"the state folder {str(state)!r} cannot be read: Permission denied" in ended.sentence

    async def test_damaged_secrets_are_named_and_kept(self, stressdash: Start, state: Path) -> None:
        state.mkdir()
        (state / "secrets.json").write_text("{")
        ended = await (await stressdash(*ACT)).ended()
        assert ended.code == 3
        assert "secrets.json is damaged" in ended.sentence
        assert (state / "secrets.json").read_text() == "{"

    async def test_a_damaged_database_is_named_and_the_rest_of_the_stack_ended(
        self, stressdash: Start, state: Path
    ) -> None:
        (state / "database").mkdir(parents=True)
        (state / "database" / "stats.sqlite3").write_bytes(b"no database" * 1_000)
        command = await stressdash(*ACT)
        ended = await command.ended()
        assert ended.code == 3
        assert "the database file" in ended.sentence
        assert "cannot be used" in ended.sentence
        assert survivors(command.family()) == []


class TestTarget:
    async def test_one_on_which_nothing_listens_is_reported_and_ends_with_exit_code_3(
        self, stressdash: Start, closed_port: int
    ) -> None:
        url = f"http://127.0.0.1:{closed_port}/"
        ended = await (await stressdash("run", url, "--requests", "20", "--json", "-")).ended()
        assert ended.code == 3
        assert f"no request reached {url}: Connection refused" in ended.sentence
        assert ended.report["requests"] == {
            "scheduled": 20, "sent": 0, "completed": 0, "failed": 20, "in_flight_at_stop": 0,
        }  # fmt: skip
        assert ended.report["verdict"]["status"] == "void"
        assert ended.report["faults"][0]["code"] == "ECONNREFUSED"
