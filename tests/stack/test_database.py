from __future__ import annotations

import asyncio
import socket
from array import array
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from asyncmy.errors import MySQLError
from databases import (
    ADMIN_PASSWORD,
    PASSWORD,
    TABLE,
    RunningDatabase,
    alone,
    ask,
    embedded,
    insert,
    insert_text,
    mariadb,
    reserved_port,
    row,
)
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import BadInput, DatabaseFull, DatabaseUnavailable, KnobRejected, StackError
from stressdash.stack import database as module
from stressdash.stack.database import Database, Dsn


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module", params=["embedded", "mariadb"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, needs: Callable[[str], str]
) -> Iterator[RunningDatabase]:
    data: Path = tmp_path_factory.mktemp("mysql")
    with embedded(data) if request.param == "embedded" else mariadb(needs) as running:
        yield running


@pytest.fixture
async def running(server: RunningDatabase) -> AsyncIterator[RunningDatabase]:
    await server.admin(TABLE)
    yield server
    await server.admin("SET GLOBAL max_connections = 151")
    await server.admin("DROP TABLE IF EXISTS incoming")


@pytest.fixture
async def database(running: RunningDatabase) -> AsyncIterator[Database]:
    opened = Database(running.dsn())
    yield opened
    await opened.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RunningDatabase]:
    """An embedded server that the test may end."""
    with embedded(tmp_path / "data") as running:
        yield running


async def fill(running: RunningDatabase, stack: AsyncExitStack) -> None:
    """Take every connection that there is, the administrator's extra one too."""
    for user in ("stats", "stressdash"):
        for _ in range(1_000):
            try:
                await stack.enter_async_context(running.client(user))
            except MySQLError:
                break


class TestDsn:
    def test_all_parts_are_read(self) -> None:
        dsn = Dsn.parse("mysql://u%40x:p%2Fw%3A@db.example:3307/stats?unix_socket=%2Frun%2Fm.sock")
        assert dsn == Dsn("db.example", 3307, "u@x", "p/w:", "stats", "/run/m.sock")
        assert dsn.address == "/run/m.sock"

    def test_the_port_has_a_default_and_the_password_may_be_missing(self) -> None:
        assert Dsn.parse("mysql://u@localhost/d") == Dsn("localhost", 3306, "u", "", "d")

    def test_the_password_is_in_no_representation(self) -> None:
        assert "secret" not in repr(Dsn.parse("mysql://u:secret@h/d"))

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "stats:secret@tcp(db:3306)/stats",
            "postgres://u:secret@h/d",
            "mysql://h/d",
            "mysql://u:secret@/d",
            "mysql://u:secret@h",
            "mysql://u:secret@h/",
            "mysql://u:secret@h/a/b",
            "mysql://u:secret@h:port/d",
            "mysql://u:secret@h:99999/d",
            "mysql://u:secret/x@h:3306/d",
            "mysql://u:secret#x@h:3306/d",
            "mysql://u:secret@[::1/d",
            "mysql://u:secret@h/d?ssl=1",
        ],
    )
    def test_what_is_no_dsn_is_refused_in_one_sentence_without_the_password(self, text: str) -> None:
        with pytest.raises(BadInput) as caught:
            Dsn.parse(text)
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        for candidate in (text, f"mysql://{text}"):
            try:
                Dsn.parse(candidate)
            except BadInput:
                continue


class TestStatus:
    async def test_it_tells_what_the_server_counts(
        self, running: RunningDatabase, database: Database
    ) -> None:
        async with running.client() as client:
            before = await database.status()
            await insert(client)
            after = await database.status()
        assert after.max_connections == 151
        assert (after.threads_connected or 0) >= 2
        assert (after.threads_running or 0) >= 1
        assert (after.max_used_connections or 0) >= 2
        assert (after.questions or 0) > (before.questions or 0) > 0
        assert (after.commits or 0) > (before.commits or 0) > 0

    async def test_the_reserved_connection_still_answers_when_all_others_are_taken(
        self, running: RunningDatabase, database: Database
    ) -> None:
        await database.set_max_connections(12)
        async with AsyncExitStack() as stack:
            await fill(running, stack)
            status = await database.status()
        assert (status.threads_connected or 0) >= 12
        assert status.max_connections == 12

    async def test_a_database_without_room_for_us_is_told_with_its_own_words(
        self, running: RunningDatabase
    ) -> None:
        late = Database(running.dsn())
        async with AsyncExitStack() as stack:
            admin = await stack.enter_async_context(running.client("stressdash"))
            await alone(admin)
            await ask(admin, "SET GLOBAL max_connections = 12")
            await fill(running, stack)
            with pytest.raises(DatabaseFull, match="Error 1040: Too many connections"):
                await late.status()
        await late.close()

    async def test_the_process_list_shows_who_is_connected(
        self, running: RunningDatabase, database: Database
    ) -> None:
        async with running.client() as client:
            listed = {process.id: process for process in await database.processlist()}
            mine = listed[client.thread_id()]
        assert (mine.user, mine.database, mine.command) == ("stats", "stats", "Sleep")

    async def test_questions_at_the_same_time_are_answered_one_after_the_other(
        self, database: Database
    ) -> None:
        answers = await asyncio.gather(*[database.max_connections() for _ in range(10)])
        assert answers == [151] * 10


class TestKnobs:
    async def test_the_limit_is_set_and_read_back(self, running: RunningDatabase, database: Database) -> None:
        assert await database.set_max_connections(200) == 200
        assert await running.admin("SELECT @@max_connections") == [(200,)]

    async def test_a_limit_that_the_server_moves_is_rejected_with_its_words(self, database: Database) -> None:
        with pytest.raises(KnobRejected, match=r"Truncated incorrect max_connections .* is now 100000"):
            await database.set_max_connections(1_000_000)
        assert await database.max_connections() == 100_000
        assert await database.set_max_connections(60) == 60

    async def test_a_variable_is_read_by_its_exact_name(self, database: Database) -> None:
        assert await database.variable("max_connections") == "151"
        assert await database.variable("max_connection") is None
        assert await database.variable("innodb_flush_log_at_trx_commit") == "1"

    @pytest.mark.parametrize(
        ("name", "value"), [("version", "9"), ("no_such_variable", 1), ("max_connections", "many")]
    )
    async def test_what_the_server_refuses_is_rejected_with_its_words(
        self, database: Database, name: str, value: Any
    ) -> None:
        with pytest.raises(KnobRejected, match=name):
            await database.set_variable(name, value)

    async def test_a_user_without_the_right_is_told(self, running: RunningDatabase) -> None:
        ordinary = Database(running.dsn("stats"))
        with pytest.raises(KnobRejected, match="SUPER"):
            await ordinary.set_max_connections(100)
        await ordinary.close()

    @pytest.mark.parametrize("name", ["", "a b", "a;DROP TABLE incoming", "a'--", "ä"])
    async def test_a_name_that_is_none_reaches_no_server(self, name: str) -> None:
        nowhere = Database("mysql://u@127.0.0.1:1/d")
        with pytest.raises(BadInput):
            await nowhere.variable(name)
        with pytest.raises(BadInput):
            await nowhere.set_variable(name, 1)


class TestStored:
    async def test_it_gives_the_ids_of_one_section_with_duplicates(
        self, running: RunningDatabase, database: Database
    ) -> None:
        async with running.client() as client:
            for section, property_id in ((1, 3), (2, 4), (1, 5), (1, 3), (1, 2**32 - 1)):
                await insert(client, section=section, property_id=property_id)
        assert await database.stored(1) == array("Q", [3, 5, 3, 2**32 - 1])
        assert await database.count(1) == 4
        assert await database.count(3) == 0
        assert await database.stored(3) == array("Q")

    async def test_more_rows_than_a_page_are_all_read(
        self, running: RunningDatabase, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "PAGE_ROWS", 100)
        rows = [row(section=1 + number % 2, property_id=number) for number in range(1_001)]
        async with running.client() as client, client.cursor() as cursor:
            await cursor.execute(insert_text(rows))
        assert await database.stored(1) == array("Q", range(0, 1_001, 2))

    async def test_clear_removes_everything(self, running: RunningDatabase, database: Database) -> None:
        async with running.client() as client:
            await insert(client)
        await database.clear()
        assert await database.count(1) == 0

    async def test_before_the_service_made_its_table_nothing_is_stored(
        self, running: RunningDatabase, database: Database
    ) -> None:
        await running.admin("DROP TABLE incoming")
        await database.clear()
        assert await database.stored(1) == array("Q")
        assert await database.count(1) == 0


class TestConnection:
    async def test_a_wrong_password_is_told_without_it(self, running: RunningDatabase) -> None:
        locked_out = Database(running.dsn(password="guess"))
        with pytest.raises(DatabaseUnavailable, match="Error 1045: Access denied") as caught:
            await locked_out.connect()
        for word in ("guess", PASSWORD, ADMIN_PASSWORD):
            assert word not in str(caught.value)

    async def test_a_unix_socket_is_used_when_named(self, running: RunningDatabase) -> None:
        if running.unix_socket is None:
            pytest.skip("the embedded server listens on TCP only")
        local = Database(f"{running.dsn().replace(str(running.port), '1')}?unix_socket={running.unix_socket}")
        assert await local.max_connections() == 151
        await local.close()

    async def test_a_killed_connection_is_opened_again_unnoticed(
        self, running: RunningDatabase, database: Database
    ) -> None:
        await database.connect()
        (mine,) = [process.id for process in await database.processlist() if process.command != "Daemon"][:1]
        await running.admin("KILL %s", (mine,))
        assert await database.max_connections() == 151

    async def test_a_question_cut_short_does_not_spoil_the_next(self, database: Database) -> None:
        await database.connect()
        cut_short = asyncio.create_task(database.status())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        cut_short.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cut_short
        assert await database.max_connections() == 151

    async def test_a_database_that_dies_is_told_and_found_again(
        self, own_server: RunningDatabase, tmp_path: Path
    ) -> None:
        clock = Clock()
        database = Database(own_server.dsn(), clock)
        await database.connect()
        own_server.process.kill()
        own_server.process.wait()
        with pytest.raises(DatabaseUnavailable, match="cannot be used: Error 2003"):
            await database.status()
        with reserved_port(own_server.port) as port, embedded(tmp_path / "data", "--port", str(port)):
            with pytest.raises(DatabaseUnavailable, match="cannot be used: Error 2003"):
                await database.status()
            clock.now += module.RETRY_S[0]
            assert (await database.status()).max_connections == 151
            await database.close()

    async def test_pauses_between_attempts_double_up_to_a_bound(self) -> None:
        clock = Clock()
        database = Database("mysql://u@127.0.0.1:1/d", clock)
        pauses = []
        for _ in range(5):
            with pytest.raises(DatabaseUnavailable):
                await database.connect()
            pauses.append(database._retry_at_s - clock.now)
            clock.now = database._retry_at_s
        assert pauses == [0.25, 0.5, 1.0, 2.0, 2.0]

    async def test_a_way_to_log_in_that_lacks_a_package_is_told(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def connect(**_: Any) -> None:
            raise RuntimeError("'pynacl' package is required for ed25519_password auth method")

        monkeypatch.setattr(module.asyncmy, "connect", connect)
        with pytest.raises(DatabaseUnavailable, match="cannot be used: 'pynacl' package is required"):
            await Database("mysql://u@127.0.0.1:1/d").connect()

    async def test_a_database_that_does_not_answer_is_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "ANSWER_S", 0.05)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            database = Database(f"mysql://u@127.0.0.1:{silent.getsockname()[1]}/d")
            with pytest.raises(DatabaseUnavailable, match=r"did not answer within 0\.05 s"):
                await database.connect()

    async def test_a_statement_that_is_refused_keeps_the_connection(
        self, running: RunningDatabase, database: Database
    ) -> None:
        await database.connect()
        reserved = database._connection
        with pytest.raises(StackError):
            await database._ask("SELECT colour FROM incoming")
        assert database._connection is reserved
