"""What the service and the dashboard need of a MySQL server: the embedded one and a real MariaDB agree."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from asyncmy.errors import IntegrityError, MySQLError, OperationalError
from databases import (
    INSERT,
    TABLE,
    RunningDatabase,
    alone,
    ask,
    embedded,
    insert,
    insert_text,
    mariadb,
    row,
)


@pytest.fixture(scope="module", params=["embedded", "mariadb"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, needs: Callable[[str], str]
) -> Iterator[RunningDatabase]:
    data: Path = tmp_path_factory.mktemp("mysql")
    with embedded(data) if request.param == "embedded" else mariadb(needs) as running:
        yield running


@pytest.fixture
async def database(server: RunningDatabase) -> AsyncIterator[RunningDatabase]:
    await server.admin(TABLE)
    yield server
    await server.admin("SET GLOBAL max_connections = 151")
    await server.admin("DROP TABLE incoming")


async def status(connection: Any, name: str) -> int:
    return int((await ask(connection, "SHOW GLOBAL STATUS LIKE %s", (name,)))[0][1])


async def fill(database: RunningDatabase, stack: AsyncExitStack) -> MySQLError:
    """Connect as the service until the server refuses; 1,000 times at most."""
    for _ in range(1_000):
        try:
            await stack.enter_async_context(database.client())
        except MySQLError as error:
            return error
    raise AssertionError("no connection was refused")


class TestLimit:
    async def test_a_connection_beyond_the_limit_is_refused_with_1040_at_connect(
        self, database: RunningDatabase
    ) -> None:
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(database.client("stressdash"))
            await alone(admin)
            await ask(admin, "SET GLOBAL max_connections = 12")
            error = await fill(database, stack)
            assert error.args == (1040, "Too many connections")
            assert error.sqlstate in {"08004", "HY000", None}
            assert await status(admin, "Threads_connected") == 12

    async def test_the_administrator_gets_one_connection_more(self, database: RunningDatabase) -> None:
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(database.client("stressdash"))
            await alone(admin)
            await ask(admin, "SET GLOBAL max_connections = 12")
            await fill(database, stack)
            extra = await stack.enter_async_context(database.client("stressdash"))
            assert await ask(extra, "SELECT 1") == [(1,)]
            with pytest.raises(OperationalError, match="1040"):
                await stack.enter_async_context(database.client("stressdash"))

    async def test_lowering_the_limit_ends_no_open_connection(self, database: RunningDatabase) -> None:
        async with AsyncExitStack() as stack:
            open_ones = [await stack.enter_async_context(database.client()) for _ in range(15)]
            await ask(
                await stack.enter_async_context(database.client("stressdash")),
                "SET GLOBAL max_connections = 10",
            )
            answers = await asyncio.gather(*[ask(connection, "SELECT 1") for connection in open_ones])
            assert answers == [[(1,)]] * 15

    async def test_a_connection_that_closes_makes_room(self, database: RunningDatabase) -> None:
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(database.client("stressdash"))
            await ask(admin, "SET GLOBAL max_connections = 10")
            async with AsyncExitStack() as others:
                await fill(database, others)
            await alone(admin)
            async with database.client() as connection:
                assert await ask(connection, "SELECT 1") == [(1,)]

    async def test_the_limit_is_read_back_in_every_way(self, database: RunningDatabase) -> None:
        async with database.client("stressdash") as admin:
            await ask(admin, "SET GLOBAL max_connections = 123")
            assert await ask(admin, "SELECT @@max_connections") == [(123,)]
            assert await ask(admin, "SELECT @@GLOBAL.max_connections") == [(123,)]
            for scope in ("", "GLOBAL"):
                shown = await ask(admin, f"SHOW {scope} VARIABLES LIKE 'max\\_connections'")
                assert shown == [("max_connections", "123")]

    async def test_a_limit_out_of_range_is_moved_into_it_with_a_warning(
        self, database: RunningDatabase
    ) -> None:
        async with database.client("stressdash") as admin:
            await ask(admin, "SET GLOBAL max_connections = 1000000")
            ((level, code, message),) = await ask(admin, "SHOW WARNINGS")
            assert (level, code, message) == (
                "Warning",
                1292,
                "Truncated incorrect max_connections value: '1000000'",
            )
            assert len(await ask(admin, "SHOW WARNINGS")) == 1
            assert await ask(admin, "SELECT @@max_connections") == [(100_000,)]

    async def test_only_the_administrator_may_change_it(self, database: RunningDatabase) -> None:
        async with database.client() as connection:
            with pytest.raises(MySQLError, match="1227"):
                await ask(connection, "SET GLOBAL max_connections = 5")

    @pytest.mark.parametrize("statement", ["SET GLOBAL max_connections = 'many'", "SET max_connections = 5"])
    async def test_nonsense_is_refused(self, database: RunningDatabase, statement: str) -> None:
        async with database.client("stressdash") as admin:
            with pytest.raises(MySQLError, match=r"1232|1229"):
                await ask(admin, statement)


class TestLogin:
    @pytest.mark.parametrize(
        ("user", "password"), [("stats", "wrong"), ("stats", ""), ("nobody", "x"), ("stressdash", "wrong")]
    )
    async def test_a_wrong_name_or_password_is_1045(
        self, database: RunningDatabase, user: str, password: str
    ) -> None:
        with pytest.raises(OperationalError) as caught:
            async with database.client(user, password=password):
                pass
        assert caught.value.args[0] == 1045
        assert caught.value.sqlstate == "28000"
        assert f"Access denied for user '{user}'@" in caught.value.args[1]

    async def test_an_unknown_database_is_refused(self, database: RunningDatabase) -> None:
        with pytest.raises(MySQLError, match=r"1044|1049"):
            async with database.client(db="elsewhere"):
                pass


class TestRows:
    @pytest.mark.parametrize("text", ["news", "it's", 'a\\b"c', "%_\n\r\t\0\x1a", "žluťoučký 🐎", ""])
    async def test_an_inserted_row_is_read_back_as_it_was(self, database: RunningDatabase, text: str) -> None:
        moment = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # MySQL's DATETIME has no zone
        values = row(2**62 + 7, 3, 2**32 - 1, property=text, remote_ip="::1", stamp=moment)
        async with database.client() as connection:
            await ask(connection, INSERT, values)
            assert await ask(connection, "SELECT * FROM incoming WHERE id = %s", (2**62 + 7,)) == [values]

    async def test_several_rows_go_in_with_one_statement(self, database: RunningDatabase) -> None:
        async with database.client() as connection, connection.cursor() as cursor:
            assert await cursor.executemany(INSERT, [row(section=7), row(section=7), row(section=7)]) == 3
            assert await ask(connection, "SELECT COUNT(*) FROM incoming WHERE property_section = 7") == [(3,)]

    async def test_an_insert_says_how_many_rows_it_stored(self, database: RunningDatabase) -> None:
        async with database.client() as connection, connection.cursor() as cursor:
            assert await cursor.execute(INSERT, row()) == 1

    async def test_a_duplicate_key_is_1062_and_stores_nothing(self, database: RunningDatabase) -> None:
        async with database.client() as connection:
            await insert(connection, 5, 1, 1)
            with pytest.raises(IntegrityError) as caught:
                await insert(connection, 5, 1, 2)
            assert caught.value.args[0] == 1062
            assert caught.value.sqlstate == "23000"
            assert await ask(connection, "SELECT property_id FROM incoming") == [(1,)]

    async def test_a_statement_of_several_rows_is_stored_entirely_or_not_at_all(
        self, database: RunningDatabase
    ) -> None:
        async with database.client() as connection:
            await insert(connection, 5)
            with pytest.raises(IntegrityError):
                await ask(connection, insert_text([row(4), row(5), row(6)]))
            assert await ask(connection, "SELECT id FROM incoming") == [(5,)]

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"property": "x" * 33}, 1406),
            ({"section": -1}, 1264),
            ({"section": 2**32}, 1264),
            ({"property": None}, 1048),
            ({"stamp": "not a time"}, 1292),
        ],
    )
    async def test_a_value_that_does_not_fit_its_column_is_refused(
        self, database: RunningDatabase, values: dict[str, Any], code: int
    ) -> None:
        async with database.client() as connection:
            with pytest.raises(MySQLError, match=str(code)):
                await insert(connection, **values)
            assert await ask(connection, "SELECT COUNT(*) FROM incoming") == [(0,)]

    @pytest.mark.parametrize(
        ("statement", "code"),
        [
            ("INSERT INTO nowhere (id) VALUES (1)", 1146),
            ("SELECT * FROM nowhere", 1146),
            ("INSERT INTO incoming (colour) VALUES (1)", 1054),
            ("SELECT colour FROM incoming", 1054),
            ("SELEC 1 FROM", 1064),
        ],
    )
    async def test_what_does_not_exist_has_its_error_code(
        self, database: RunningDatabase, statement: str, code: int
    ) -> None:
        async with database.client() as connection:
            with pytest.raises(MySQLError, match=str(code)):
                await ask(connection, statement)

    async def test_rows_are_deleted_and_counted(self, database: RunningDatabase) -> None:
        async with database.client() as connection, connection.cursor() as cursor:
            for _ in range(3):
                await insert(connection, section=1)
            await insert(connection, section=2)
            assert await cursor.execute("DELETE FROM incoming WHERE property_section = 1") == 3
            assert await ask(connection, "SELECT COUNT(*) FROM incoming") == [(1,)]
            await ask(connection, "TRUNCATE TABLE incoming")
            assert await ask(connection, "SELECT COUNT(*) FROM incoming") == [(0,)]

    async def test_inserts_of_many_clients_at_once_are_all_stored(self, database: RunningDatabase) -> None:
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(database.client()) for _ in range(20)]

            async def twenty(connection: Any) -> None:
                for _ in range(20):
                    await insert(connection)

            await asyncio.gather(*[twenty(connection) for connection in clients])
            assert await ask(clients[0], "SELECT COUNT(*) FROM incoming") == [(400,)]


class TestStatus:
    async def test_questions_grow_with_statements(self, database: RunningDatabase) -> None:
        async with database.client() as connection:
            before = await status(connection, "Questions")
            await insert(connection)
            await ask(connection, "SELECT 1")
            assert await status(connection, "Questions") == before + 3

    async def test_a_list_of_names_gives_those(self, database: RunningDatabase) -> None:
        async with database.client() as connection:
            rows = await ask(
                connection,
                "SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_connected', 'Max_used_connections')",
            )
            assert {name for name, _ in rows} == {"Threads_connected", "Max_used_connections"}

    async def test_the_usual_counters_are_there(self, database: RunningDatabase) -> None:
        names = {
            "Threads_connected",
            "Threads_running",
            "Questions",
            "Max_used_connections",
            "Com_commit",
            "Uptime",
            "Aborted_clients",
            "Connections",
        }
        async with database.client() as connection:
            assert names <= {name for name, _ in await ask(connection, "SHOW GLOBAL STATUS")}

    async def test_the_process_list_names_users_and_databases(self, database: RunningDatabase) -> None:
        async with database.client() as connection:
            mine = connection.thread_id()
            rows = {line[0]: line for line in await database.admin("SHOW PROCESSLIST")}
            assert (rows[mine][1], rows[mine][3], rows[mine][4]) == ("stats", "stats", "Sleep")
