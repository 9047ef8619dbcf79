"""What a connection and a connector make of their driver's errors, without a server."""

from __future__ import annotations

from typing import Any

import pytest
from asyncmy.errors import OperationalError

from service import database
from service.database import Connection, Connector
from service.errors import DatabaseError
from service.settings import Dsn
from service.trail import Trail


class FailingDriver:
    """A driver whose statements and connects end with one error."""

    _stream_broken = False

    def __init__(self, error: Exception) -> None:
        self._error = error

    def cursor(self) -> FailingDriver:
        return self

    async def execute(self, _sql: str, _row: Any) -> None:
        raise self._error

    async def connect(self) -> None:
        raise self._error


class TestAConnection:
    @pytest.mark.parametrize(
        ("errno", "broken"),
        [(1062, False), (1205, False), (3819, False), (1053, True), (1927, True), (4031, True), (2013, True)],
    )
    async def test_is_broken_by_errors_of_the_client_and_by_the_last_ones_of_a_server(
        self, errno: int, broken: bool
    ) -> None:
        connection = Connection(FailingDriver(OperationalError(errno, "no")), set())
        with pytest.raises(DatabaseError, match=f"^Error {errno}: no"):
            await connection.execute("SELECT 1")
        assert connection.broken is broken


class TestAConnector:
    async def test_tells_of_a_way_to_log_in_that_it_cannot_go(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = RuntimeError("'cryptography' package is required")
        monkeypatch.setattr(database, "MySQLConnection", lambda **_: FailingDriver(error))
        with pytest.raises(DatabaseError, match=r"^Error 2059: 'cryptography' package is required"):
            await Connector(Dsn.parse("mysql://stats@127.0.0.1/stats")).connect(Trail())
