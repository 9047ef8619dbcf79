"""A port that nobody else is given while its component is down."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from stressdash.stack import reservation as module
from stressdash.stack.reservation import Reservation


@pytest.fixture
def reservation() -> Iterator[Reservation]:
    made = Reservation()
    yield made
    made.close()


def server() -> socket.socket:
    """A socket as servers use it."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return made


class TestPort:
    async def test_is_the_same_for_every_life(self, reservation: Reservation) -> None:
        port = await reservation.take(0)
        assert port > 0
        assert (await reservation.take(port), await reservation.take(0)) == (port, port)

    async def test_is_open_to_a_server_and_to_nobody_by_chance(self, reservation: Reservation) -> None:
        port = await reservation.take(0)
        with socket.socket() as stranger, pytest.raises(OSError, match="in use") as caught:
            stranger.bind(("127.0.0.1", port))
        assert caught.value.errno == errno.EADDRINUSE
        for _ in range(2):
            with server() as listener:
                listener.bind(("127.0.0.1", port))
                listener.listen()
                socket.create_connection(("127.0.0.1", port), 30).close()
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 30)

    async def test_can_be_another_one_later(self, reservation: Reservation) -> None:
        first = await reservation.take(0)
        with server() as chosen:
            chosen.bind(("127.0.0.1", 0))
            second = chosen.getsockname()[1]
            assert await reservation.take(second) == second
        with socket.socket() as stranger:
            stranger.bind(("127.0.0.1", first))


class TestPortOfOthers:
    async def test_is_waited_for(self, reservation: Reservation) -> None:
        with server() as before:
            before.bind(("127.0.0.1", 0))
            before.listen()
            port = before.getsockname()[1]
            taking = asyncio.create_task(reservation.take(port))
            await asyncio.sleep(0)
            assert not taking.done()
        assert await taking == port
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))

    async def test_is_left_to_them_in_the_end(
        self, reservation: Reservation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PATIENCE_S", 0.01)
        with server() as before:
            before.bind(("127.0.0.1", 0))
            before.listen()
            port = before.getsockname()[1]
            assert await reservation.take(port) == port
