"""The embedded database as a process: what outlives it, how it ends, and why it does not start."""

from __future__ import annotations

import asyncio
import itertools
import re
import resource
import signal
import subprocess
from collections.abc import Callable
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
    row,
)

END_S = 60


def run(*flags: str, data: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        embedded_command(data, *flags),
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=END_S,
        stdin=subprocess.DEVNULL,
    )


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
