from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from stressdash.embedded.mysql.faults import SqlFault
from stressdash.embedded.mysql.store import CHUNK_ROWS, Outcome, Store, Write
from stressdash.errors import StackError

TABLE = Write(
    'CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT CONSTRAINT "length:name" CHECK (length(name) < 9))',
    changes_schema=True,
)


def put(*rows: tuple[int, Any]) -> Write:
    return Write("INSERT INTO t (id, name) VALUES (?, ?)", rows)


async def ids(store: Store) -> list[int]:
    reading = await store.read("SELECT id FROM t ORDER BY id")
    return [row[0] async for chunk in reading.chunks for row in chunk]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store(tmp_path / "data")
    await opened.write(TABLE)
    yield opened
    await opened.close()


class TestGroupCommit:
    async def test_writes_that_wait_together_share_one_commit(self, store: Store) -> None:
        before = store.commits
        changed = await asyncio.gather(*[store.write(put((number, "a"))) for number in range(50)])
        assert changed == [1] * 50
        assert store.commits - before == 1
        assert await ids(store) == list(range(50))

    async def test_what_arrives_during_a_commit_forms_the_next(self, store: Store) -> None:
        before = store.commits
        answers: list[Outcome] = []
        second = asyncio.Event()

        def done(outcome: Outcome) -> None:
            answers.append(outcome)
            if len(answers) == 2:
                second.set()

        def submit_another(outcome: Outcome) -> None:
            done(outcome)
            store.submit(put((2, "b")), done)

        store.submit(put((1, "a")), submit_another)
        await second.wait()
        assert answers == [1, 1]
        assert store.commits - before == 2

    async def test_a_write_that_fails_leaves_the_others_alone(self, store: Store) -> None:
        outcomes = await asyncio.gather(
            store.write(put((1, "a"))),
            store.write(put((1, "b"))),
            store.write(put((2, "too long for it"))),
            store.write(put((3, "c"))),
            store.write(put((2**63, "d"))),
            store.write(put((4, "\ud800"))),
            return_exceptions=True,
        )
        codes = [outcome.code if isinstance(outcome, SqlFault) else outcome for outcome in outcomes]
        assert codes == [1, 1062, 1406, 1, 1264, 1105]
        assert await ids(store) == [1, 3]

    async def test_rows_of_one_write_are_stored_entirely_or_not_at_all(self, store: Store) -> None:
        outcomes = await asyncio.gather(
            store.write(put((1, "a"), (2, "b"))),
            store.write(put((3, "a"), (1, "b"), (4, "c"))),
            return_exceptions=True,
        )
        assert outcomes[0] == 2
        assert isinstance(outcomes[1], SqlFault)
        assert await ids(store) == [1, 2]

    async def test_a_caller_that_is_cancelled_leaves_its_write_in_the_commit(self, store: Store) -> None:
        async with asyncio.TaskGroup() as group:
            gone = group.create_task(store.write(put((1, "a"))))
            stays = group.create_task(store.write(put((2, "b"))))
            await asyncio.sleep(0)
            gone.cancel()
        assert stays.result() == 1
        assert await ids(store) == [1, 2]


class TestTrouble:
    async def test_a_full_disk_fails_those_inserts_and_no_later_ones(self, store: Store) -> None:
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute("CREATE TABLE blobs (data BLOB)")
        store._writer.execute(f"PRAGMA max_page_count = {pages + 4}")
        big = Write("INSERT INTO blobs VALUES (?)", [(b"x" * 10**6,)])
        outcomes = await asyncio.gather(store.write(put((1, "a"))), store.write(big), return_exceptions=True)
        assert [outcome.code for outcome in outcomes if isinstance(outcome, SqlFault)][-1] == 1021
        assert await store.write(put((2, "b"))) == 1
        stored = [1, 2] if outcomes[0] == 1 else [2]
        assert await ids(store) == stored

    async def test_an_unknown_table_is_1146(self, store: Store) -> None:
        with pytest.raises(SqlFault, match="1146"):
            await store.write(Write("INSERT INTO nowhere VALUES (1)"))
        with pytest.raises(SqlFault, match="1146"):
            await store.read("SELECT * FROM nowhere")

    async def test_a_reader_cannot_write(self, store: Store) -> None:
        with pytest.raises(SqlFault, match="readonly"):
            await store.read("CREATE TABLE u (id INTEGER)")


class TestReading:
    async def test_large_results_come_in_chunks(self, store: Store) -> None:
        await store.write(put(*[(number, "a") for number in range(CHUNK_ROWS + 1)]))
        reading = await store.read("SELECT id, name FROM t")
        assert reading.columns == ("id", "name")
        assert [len(chunk) async for chunk in reading.chunks] == [CHUNK_ROWS, 1]

    async def test_a_read_sees_what_was_committed_when_it_began(self, store: Store) -> None:
        await store.write(put(*[(number, "a") for number in range(CHUNK_ROWS + 1)]))
        early = await store.read("SELECT id FROM t")
        await anext(early.chunks)
        await store.write(Write("DELETE FROM t"))
        assert await ids(store) == []
        assert [len(chunk) async for chunk in early.chunks] == [1]


class TestOpening:
    async def test_rows_and_tables_are_there_after_reopening(self, tmp_path: Path) -> None:
        first = Store(tmp_path)
        await first.write(TABLE)
        await first.write(put((1, "a")))
        await first.close()
        second = Store(tmp_path)
        assert second.columns == {"t": {"id", "name"}}
        assert await ids(second) == [1]
        await second.close()

    async def test_a_second_store_on_the_folder_is_refused(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(StackError, match="in use by another server"):
            Store(tmp_path / "data")
        assert await store.write(put((1, "a"))) == 1

    def test_a_folder_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StackError, match="cannot be used"):
            Store(tmp_path / "file")

    def test_a_damaged_file_is_refused_and_the_folder_unlocked(self, tmp_path: Path) -> None:
        (tmp_path / "stats.sqlite3").write_bytes(b"this is no database" * 1000)
        for _ in range(2):
            with pytest.raises(StackError, match=r"stats\.sqlite3 cannot be used .* move it away"):
                Store(tmp_path)

    async def test_damage_in_the_middle_of_the_file_is_found(self, tmp_path: Path) -> None:
        first = Store(tmp_path)
        await first.write(TABLE)
        await first.write(put(*[(number, "aaaaaaaa") for number in range(20_000)]))
        await first.close()
        path = tmp_path / "stats.sqlite3"
        pages = bytearray(path.read_bytes())
        middle = len(pages) // 2 // 4096 * 4096
        pages[middle : middle + 4096] = b"\xa5" * 4096
        path.write_bytes(pages)
        with pytest.raises(StackError, match="damaged"):
            Store(tmp_path)
