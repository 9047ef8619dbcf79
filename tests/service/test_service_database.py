"""asyncmy behind the pool, on a real server: error classes, broken connections, and none leaked."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import asyncmy.errors
import pytest
from service_harness import MariaDb, insert_waits, locked_table, until

from service.database import Connection, Connector
from service.errors import (
    AccessDenied,
    DatabaseError,
    DatabaseGone,
    DuplicateId,
    LockWaitTimeout,
    MissingTable,
    UnknownDatabase,
    database_error,
)
from service.ids import IdSource
from service.pool import Limits, Pool
from service.settings import Dsn
from service.trail import Trail

IDS = IdSource(time.time, machine=1)


def row(number: int, section: int = 1) -> tuple[object, ...]:
    return (number, "news", section, 1, "127.0.0.1", "2026-01-02 03:04:05")


@pytest.fixture
async def connector(mariadb: MariaDb) -> Connector:
    connector = Connector(Dsn.parse(mariadb.dsn))
    await connector.create_tables()
    return connector


async def threads(mariadb: MariaDb) -> int:
    rows = await mariadb.query("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'stats'")
    return int(rows[0][0])


class TestErrors:
    async def test_of_the_server_have_their_class_and_leave_the_connection_whole(
        self, connector: Connector
    ) -> None:
        connection = await connector.connect(Trail())
        number = IDS.next()
        await connection.insert(row(number), Trail())
        with pytest.raises(DuplicateId, match=r"^Error 1062: Duplicate entry"):
            await connection.insert(row(number), Trail())
        with pytest.raises(MissingTable, match=r"^Error 1146: "):
            await connection.execute("SELECT 1 FROM nowhere")
        assert not connection.broken
        await connection.insert(row(IDS.next()), Trail())
        connection.close()
        await connector.settle()

    async def test_of_a_held_lock_are_lock_wait_timeouts(self, connector: Connector) -> None:
        number = IDS.next()
        holder, waiter = await connector.connect(Trail()), await connector.connect(Trail())
        await holder.execute("BEGIN")
        await holder.insert(row(number), Trail())
        await waiter.execute("SET SESSION innodb_lock_wait_timeout = 1")
        with pytest.raises(LockWaitTimeout, match=r"^Error 1205: "):
            await waiter.insert(row(number), Trail())
        for connection in (holder, waiter):
            connection.close()
        await connector.settle()

    @pytest.mark.parametrize(
        ("change", "expected"),
        [(("stats:", "nobody:"), AccessDenied), (("/stats", "/elsewhere"), UnknownDatabase)],
    )
    async def test_at_connecting_have_their_class(
        self, mariadb: MariaDb, change: tuple[str, str], expected: type[DatabaseError]
    ) -> None:
        connector = Connector(Dsn.parse(mariadb.dsn.replace(*change)))
        # A user without rights on a database learns that it is denied, not whether the database exists.
        with pytest.raises((expected, AccessDenied)):
            await connector.connect(Trail())

    def test_without_a_number_mean_that_the_connection_ended(self) -> None:
        error = database_error(0, "Not connected")
        assert (type(error), str(error)) == (DatabaseGone, "Error 2006: Not connected")


class TestBrokenConnections:
    async def test_are_those_whose_statement_was_cancelled(
        self, mariadb: MariaDb, connector: Connector
    ) -> None:
        connection = await connector.connect(Trail())
        async with locked_table(mariadb):
            insert = asyncio.create_task(connection.insert(row(IDS.next()), Trail()))
            await until(lambda: insert_waits(mariadb))
            insert.cancel()
            with pytest.raises(asyncio.CancelledError):
                await insert
        assert connection.broken
        connection.close()

    async def test_are_replaced_by_the_pool_without_an_error(
        self, mariadb: MariaDb, connector: Connector
    ) -> None:
        pool: Pool[Connection] = Pool(connector.connect, time.monotonic, Limits())
        connection = await pool.acquire(Trail())
        pool.release(connection)
        rows = await mariadb.query("SELECT id FROM information_schema.processlist WHERE user = 'stats'")
        for (thread,) in rows:
            with suppress(asyncmy.errors.Error):  # one of an earlier test may end by itself meanwhile
                await mariadb.query(f"KILL {thread}")

        async def noticed() -> bool:
            return connection.broken

        await until(noticed)
        replaced = await pool.acquire(Trail())
        await replaced.insert(row(IDS.next()), Trail())
        pool.release(replaced)
        assert (replaced is not connection, pool.stats().closed_broken) == (True, 1)
        pool.close()
        await connector.settle()


class TestManyAtOnce:
    async def test_store_every_row_and_leak_no_connection(
        self, mariadb: MariaDb, connector: Connector
    ) -> None:
        pool: Pool[Connection] = Pool(connector.connect, time.monotonic, Limits(max_open=5, max_idle=1))

        async def store() -> None:
            connection = await pool.acquire(Trail())
            try:
                await connection.insert(row(IDS.next(), section=88001), Trail())
            finally:
                pool.release(connection)

        tasks = [asyncio.create_task(store()) for _ in range(60)]
        for task in tasks[::6]:
            await asyncio.sleep(0)
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        stored = sum(outcome is None for outcome in outcomes)
        rows = await mariadb.query("SELECT COUNT(*) FROM incoming WHERE property_section = 88001")
        assert stored <= rows[0][0] <= 60
        assert stored >= 50
        assert pool.stats().in_use == 0
        pool.close()
        await connector.settle()

        async def all_gone() -> bool:
            return await threads(mariadb) == 0

        await until(all_gone)
