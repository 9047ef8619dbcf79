"""The clients of the embedded database, on real sockets: who gets in, and who harms whom."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from asyncmy.errors import MySQLError
from databases import (
    INSERT,
    RunningDatabase,
    ask,
    embedded,
    eventually,
    insert,
    insert_text,
    row,
)

END_S = 60


def read_packet(client: socket.socket) -> bytes:
    header = client.recv(4, socket.MSG_WAITALL)
    return client.recv(int.from_bytes(header[:3], "little"), socket.MSG_WAITALL)


def raw_socket(connection: Any) -> Any:
    return connection._transport


class TestConnections:
    async def test_four_hundred_clients_at_once_get_the_limit_and_no_more(
        self, database: RunningDatabase
    ) -> None:
        async with AsyncExitStack() as stack:

            async def enter() -> Any:
                return await stack.enter_async_context(database.client())

            results = await asyncio.gather(*[enter() for _ in range(400)], return_exceptions=True)
            refused = [result for result in results if isinstance(result, Exception)]
            assert len(refused) == 400 - 151
            assert {error.args for error in refused} == {(1040, "Too many connections")}

    async def test_the_limit_is_kept_while_connections_come_and_go(self, database: RunningDatabase) -> None:
        await database.admin("SET GLOBAL max_connections = 20")
        open_now, most = 0, 0

        async def come_and_go() -> None:
            nonlocal open_now, most
            for _ in range(10):
                with suppress(MySQLError):
                    async with database.client() as connection:
                        open_now += 1
                        most = max(most, open_now)
                        await ask(connection, "SELECT 1")
                        open_now -= 1

        await asyncio.gather(*[come_and_go() for _ in range(40)])
        status = dict(await database.admin("SHOW GLOBAL STATUS"))
        assert 1 < most <= 20
        assert int(status["Max_used_connections"]) <= 21
        assert int(status["Connection_errors_max_connections"]) > 0
        assert int(status["Threads_connected"]) == 1

    def test_1040_is_said_before_the_handshake(self, tmp_path: Path) -> None:
        with embedded(tmp_path, "--max-connections", "1") as server:
            address = ("127.0.0.1", server.port)
            with (
                socket.create_connection(address, END_S) as first,
                socket.create_connection(address, END_S) as extra,
                socket.create_connection(address, END_S) as refused,
            ):
                assert read_packet(first)[0] == 10
                assert read_packet(extra)[0] == 10
                assert read_packet(refused) == b"\xff\x10\x04#08004Too many connections"
                assert refused.recv(1) == b""


class TestClients:
    async def test_a_client_that_hangs_up_during_its_insert_harms_no_other(
        self, database: RunningDatabase
    ) -> None:
        async with database.client() as stays, database.client() as leaves:
            statement = asyncio.create_task(ask(leaves, INSERT, row(1)))
            await asyncio.sleep(0)
            raw_socket(leaves).abort()
            await insert(stays, 2)
            with suppress(MySQLError, OSError):
                await statement
            assert (2,) in await ask(stays, "SELECT id FROM incoming")

    async def test_statements_sent_without_waiting_are_answered_in_order(
        self, database: RunningDatabase
    ) -> None:
        async with database.client() as connection:
            transport = raw_socket(connection)
            statements = [insert_text([row(number)]) for number in range(20)]
            packets = [b"\x03" + statement.encode() for statement in [*statements, "SELECT 1 FROM nowhere"]]
            transport.writelines([len(packet).to_bytes(3, "little") + b"\0" + packet for packet in packets])

            async def stored() -> bool:
                return bool(await database.admin("SELECT COUNT(*) FROM incoming") == [(20,)])

            await eventually(stored)

    async def test_an_insert_larger_than_a_read_is_stored(self, database: RunningDatabase) -> None:
        rows = [row(number) for number in range(20_000)]
        async with database.client() as connection, connection.cursor() as cursor:
            assert await cursor.execute(insert_text(rows)) == 20_000
            assert len(await ask(connection, "SELECT id FROM incoming")) == 20_000

    @pytest.mark.parametrize(
        "junk",
        [
            b"GET / HTTP/1.1\r\nHost: here\r\n\r\n",
            b"\x05\x00\x00\x01junk!",
            b"\x01\x00\x00\x01\x00",
            b"\xff\xff\xff\xff" * 8,
            b"\x00",
        ],
    )
    async def test_junk_instead_of_a_handshake_ends_that_connection_only(
        self, database: RunningDatabase, junk: bytes
    ) -> None:
        before = dict(await database.admin("SHOW GLOBAL STATUS"))["Aborted_connects"]
        with socket.create_connection(("127.0.0.1", database.port), END_S) as client:
            read_packet(client)
            client.sendall(junk)
            client.shutdown(socket.SHUT_WR)
            while await asyncio.to_thread(client.recv, 4096):
                pass
        after = dict(await database.admin("SHOW GLOBAL STATUS"))["Aborted_connects"]
        assert int(after) == int(before) + 1

    @pytest.mark.parametrize("junk", [b"\x01\x00\x00\x05\x03", b"\x00\x00\x00\x00", b"\x01\x00\x00\x00\xfe"])
    async def test_junk_instead_of_a_command_harms_no_other(
        self, database: RunningDatabase, junk: bytes
    ) -> None:
        async with database.client() as stays, database.client() as babbles:
            raw_socket(babbles).write(junk)
            await insert(stays)
            assert await ask(stays, "SELECT COUNT(*) FROM incoming") == [(1,)]

    async def test_every_connection_has_its_own_number(self, database: RunningDatabase) -> None:
        async with AsyncExitStack() as stack:
            clients = await asyncio.gather(*[stack.enter_async_context(database.client()) for _ in range(30)])
            assert len({client.thread_id() for client in clients}) == 30

    async def test_a_wrong_password_lets_no_statement_through(self, database: RunningDatabase) -> None:
        with pytest.raises(MySQLError, match="1045"):
            async with database.client(password="guess"):
                pass
        assert dict(await database.admin("SHOW GLOBAL STATUS"))["Aborted_connects"] == "1"

    async def test_prepared_statements_are_refused_and_the_connection_goes_on(
        self, database: RunningDatabase
    ) -> None:
        async with database.client() as connection:
            with pytest.raises(MySQLError, match="1047"):
                await connection.prepare("SELECT ?")
            assert await ask(connection, "SELECT 1") == [(1,)]

    async def test_a_client_without_utf8_goes_through_the_parser(self, database: RunningDatabase) -> None:
        async with database.client(charset="latin1") as connection:
            await insert(connection, 1, property="café")
        assert await database.admin("SELECT property FROM incoming") == [("café",)]

    async def test_kill_ends_another_connection(self, database: RunningDatabase) -> None:
        async with database.client() as victim:
            await database.admin("KILL %s", (victim.thread_id(),))
            with pytest.raises(MySQLError):
                await ask(victim, "SELECT 1")

    async def test_tables_can_be_listed(self, database: RunningDatabase) -> None:
        assert await database.admin("SHOW TABLES") == [("incoming",)]

    async def test_a_now_in_an_insert_is_the_parsers_business(self, database: RunningDatabase) -> None:
        async with database.client() as connection:
            await ask(connection, "INSERT INTO incoming VALUES (1, 'it\\'s', 1, 1, \"b\", NOW())")
            ((name, stamp),) = await ask(connection, "SELECT property, stamp FROM incoming")
            assert name == "it's"
            assert stamp.year >= 2026
