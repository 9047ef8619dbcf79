"""The embedded database as a process, with real sockets, signals and files."""

from __future__ import annotations

import asyncio
import itertools
import re
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from asyncmy.errors import MySQLError
from databases import (
    INSERT,
    TABLE,
    RunningDatabase,
    ask,
    embedded,
    embedded_command,
    environment,
    eventually,
    insert,
    insert_text,
    row,
)

END_S = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningDatabase]:
    with embedded(tmp_path / "data") as running:
        yield running


@pytest.fixture
async def database(server: RunningDatabase) -> RunningDatabase:
    await server.admin(TABLE)
    return server


def run(*flags: str, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        embedded_command(data, *flags),
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=END_S,
        stdin=subprocess.DEVNULL,
    )


def read_packet(client: socket.socket) -> bytes:
    header = client.recv(4, socket.MSG_WAITALL)
    return client.recv(int.from_bytes(header[:3], "little"), socket.MSG_WAITALL)


def raw_socket(connection: Any) -> Any:
    return connection._transport


async def load(database: RunningDatabase, acknowledged: list[int], clients: int) -> None:
    """Insert from several clients until the server is gone; ids whose insert was answered are noted."""
    ids = itertools.count(1)

    async def keep_inserting() -> None:
        with suppress(MySQLError, OSError):
            async with database.client() as connection:
                while True:
                    number = next(ids)
                    await ask(connection, INSERT, row(number))
                    acknowledged.append(number)

    await asyncio.gather(*[keep_inserting() for _ in range(clients)])


class TestDurability:
    @pytest.mark.parametrize("after", [1, 300, 2_000])
    async def test_every_acknowledged_row_survives_kill_9(self, tmp_path: Path, after: int) -> None:
        acknowledged: list[int] = []
        with embedded(tmp_path) as database:
            await database.admin(TABLE)
            running = asyncio.create_task(load(database, acknowledged, clients=20))

            async def enough() -> bool:
                return len(acknowledged) >= after

            await eventually(enough, 60)
            database.process.kill()
            await running
        with embedded(tmp_path) as database:
            stored = [number for (number,) in await database.admin("SELECT id FROM incoming")]
        assert set(acknowledged) <= set(stored)
        assert len(stored) == len(set(stored)) <= len(acknowledged) + 20

    async def test_the_log_is_synced_before_an_insert_is_answered(
        self, tmp_path: Path, needs: Callable[[str], str]
    ) -> None:
        trace = tmp_path / "trace"
        watched = "trace=fdatasync,fsync,sendto,write,pwrite64"
        strace = (needs("strace"), "-f", "-y", "-s", "5000", "-e", watched, "-o", str(trace))
        with embedded(tmp_path / "data", prefix=strace) as database:
            await database.admin(TABLE)
            async with database.client() as connection:
                for _ in range(5):
                    await insert(connection, property="traced")
        calls = trace.read_text().splitlines()
        written = [
            at for at, call in enumerate(calls) if re.search(r"pwrite64\(\d+<[^>]*-wal>.*traced", call)
        ]
        assert len(written) == 5
        for at in written:
            rest = calls[at + 1 :]
            synced = next(n for n, call in enumerate(rest) if re.search(r"sync\(\d+<[^>]*-wal>", call))
            returned = synced + next(
                n for n, call in enumerate(rest[synced:]) if re.search(r"sync.*\) += 0", call)
            )
            answered = next(n for n, call in enumerate(rest) if "sendto(" in call)
            assert returned < answered

    async def test_inserts_of_many_clients_share_syncs(self, database: RunningDatabase) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(database.client()) for _ in range(50)]

            async def ten(connection: Any) -> None:
                for _ in range(10):
                    await insert(connection)

            await asyncio.gather(*[ten(connection) for connection in clients])
        rows = dict(await database.admin("SHOW GLOBAL STATUS"))
        assert int(rows["Handler_commit"]) == 501
        assert int(rows["Innodb_os_log_fsyncs"]) < 250


class TestTrouble:
    async def test_inserts_that_the_disk_does_not_take_fail_and_the_server_lives_on(
        self, database: RunningDatabase
    ) -> None:
        limit = resource.RLIMIT_FSIZE
        acknowledged: list[int] = []
        async with database.client() as connection:
            resource.prlimit(database.process.pid, limit, (400_000, resource.RLIM_INFINITY))

            async def insert_many() -> None:
                for number in range(2_000):
                    await insert(connection, number, remote_ip="x" * 255)
                    acknowledged.append(number)

            with pytest.raises(MySQLError, match=r"1021|1026"):
                await insert_many()
            resource.prlimit(database.process.pid, limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            acknowledged.append(await insert(connection, 5_000))
            stored = [number for (number,) in await ask(connection, "SELECT id FROM incoming")]
        assert stored == acknowledged


class TestLife:
    def test_it_ends_with_its_standard_input(self, server: RunningDatabase) -> None:
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.process.wait(END_S) == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_a_signal_ends_it_orderly(self, database: RunningDatabase, number: signal.Signals) -> None:
        async with database.client() as connection:
            await insert(connection)
            database.process.send_signal(number)
            assert await asyncio.to_thread(database.process.wait, END_S) == 0
            with pytest.raises(MySQLError):
                await ask(connection, "SELECT 1")

    async def test_statements_that_run_when_it_is_told_to_stop_are_answered(self, tmp_path: Path) -> None:
        acknowledged: list[int] = []
        with embedded(tmp_path) as database:
            await database.admin(TABLE)
            running = asyncio.create_task(load(database, acknowledged, clients=20))

            async def enough() -> bool:
                return len(acknowledged) >= 200

            await eventually(enough)
            database.process.terminate()
            await running
            assert database.process.wait(END_S) == 0
        with embedded(tmp_path) as database:
            stored = {number for (number,) in await database.admin("SELECT id FROM incoming")}
        assert stored == set(acknowledged)

    async def test_rows_are_there_after_a_restart(self, tmp_path: Path) -> None:
        with embedded(tmp_path) as database:
            await database.admin(TABLE)
            async with database.client() as connection:
                await insert(connection, 7)
        with embedded(tmp_path) as database:
            assert await database.admin("SELECT id FROM incoming") == [(7,)]


class TestRefusals:
    @pytest.mark.parametrize(
        "flags",
        [
            ("--port", "many"),
            ("--port", "70000"),
            ("--max-connections", "0"),
            ("--max-connections", "-5"),
            ("--colour", "red"),
        ],
    )
    def test_bad_flags_are_bad_usage(self, tmp_path: Path, flags: tuple[str, ...]) -> None:
        ended = run(*flags, data=tmp_path)
        assert ended.returncode == 2
        assert "Traceback" not in ended.stderr

    @pytest.mark.parametrize("variable", ["STRESSDASH_DB_PASSWORD", "STRESSDASH_DB_ADMIN_PASSWORD"])
    def test_a_missing_password_is_bad_usage(self, tmp_path: Path, variable: str) -> None:
        ended = run(data=tmp_path, **{variable: ""})
        assert ended.returncode == 2
        assert ended.stderr.count("\n") == 1
        assert variable in ended.stderr

    def test_a_port_that_is_taken_is_named(self, server: RunningDatabase, tmp_path: Path) -> None:
        ended = run("--port", str(server.port), data=tmp_path / "other")
        assert ended.returncode == 3
        assert ended.stderr == (
            f"stressdash.embedded.mysql: cannot listen on 127.0.0.1:{server.port} (Address already in use)\n"
        )

    async def test_a_second_server_on_the_same_folder_is_refused(
        self, database: RunningDatabase, tmp_path: Path
    ) -> None:
        ended = run(data=tmp_path / "data")
        assert ended.returncode == 3
        assert "in use by another server" in ended.stderr
        assert ended.stderr.count("\n") == 1
        assert await database.admin("SELECT COUNT(*) FROM incoming") == [(0,)]

    def test_a_folder_that_cannot_be_used_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        ended = run(data=tmp_path / "file" / "below")
        assert (ended.returncode, ended.stdout) == (3, "")
        assert "cannot be used" in ended.stderr
        assert ended.stderr.count("\n") == 1

    def test_a_damaged_file_is_named_with_the_remedy(self, tmp_path: Path) -> None:
        (tmp_path / "stats.sqlite3").write_bytes(b"junk" * 5000)
        ended = run(data=tmp_path)
        assert ended.returncode == 3
        assert "move it away" in ended.stderr
        assert ended.stderr.count("\n") == 1


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
