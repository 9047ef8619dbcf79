"""The books of the command line against a server that keeps its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from command import Command, Ended, until

BODY = '{"section":{{run}},"id":{{request}}}'
STATUSES = {0: 200, 1: 200, 2: 500, 3: 404, 4: 200}
"""Status by request number modulo 5; every 7th request gets half an answer, every 11th none while held."""


class Ledger:
    """Answers by the request's number and remembers what it did; see `STATUSES`."""

    def __init__(self) -> None:
        self.url = ""
        self.holds = False
        self.received: set[int] = set()
        self.answered: dict[int, int] = {}
        self.broken: set[int] = set()
        self.held: set[int] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await self._answer(await self._number(reader), writer, reader):
                await writer.drain()
        writer.close()

    async def _number(self, reader: asyncio.StreamReader) -> int:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        return int(json.loads(await reader.readexactly(length))["id"])

    async def _answer(self, number: int, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> bool:
        assert number not in self.received, "a request was sent twice"
        self.received.add(number)
        if self.holds and number % 11 == 0:
            self.held.add(number)
            await reader.read(1)  # until the client hangs up
            return False
        if number % 7 == 0:
            self.broken.add(number)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
            return False
        status = self.answered[number] = STATUSES[number % 5]
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        return True

    def count(self, status: int) -> int:
        return list(self.answered.values()).count(status)


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    book = Ledger()
    server = await asyncio.start_server(book.serve, "127.0.0.1", 0, backlog=512)
    book.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/push"
    yield book
    server.close()


async def start(ledger: Ledger, state: Path, *flags: str) -> Command:
    return await Command.start(
        "run", ledger.url, "--body", BODY, "--connections", "16", "--json", "-", *flags, state=state
    )


def check(ended: Ended, ledger: Ledger) -> dict[str, int]:
    """What must hold in every run; returns the report's books."""
    report = ended.report
    books: dict[str, int] = report["requests"]
    assert books["scheduled"] == books["completed"] + books["failed"] + books["in_flight_at_stop"]
    assert books["failed"] == sum(fault["count"] for fault in report["faults"])
    assert books["completed"] <= ledger.count(200)
    assert report["statuses"].get("500", 0) <= ledger.count(500)
    assert report["statuses"].get("404", 0) <= ledger.count(404)
    assert len(ledger.received) <= books["sent"] <= books["scheduled"]
    return books


class TestDrain:
    @pytest.mark.parametrize("requests", [1, 777, 5_000])
    async def test_a_number_of_requests_is_kept_exactly(
        self, ledger: Ledger, state: Path, requests: int
    ) -> None:
        ended = await (await start(ledger, state, "--requests", str(requests))).ended()
        books = check(ended, ledger)
        assert ledger.received == set(range(1, requests + 1))
        assert books == {
            "scheduled": requests,
            "sent": requests,
            "completed": ledger.count(200),
            "failed": ledger.count(500) + ledger.count(404) + len(ledger.broken),
            "in_flight_at_stop": 0,
        }
        statuses = {str(status): ledger.count(status) for status in (200, 500, 404) if ledger.count(status)}
        assert ended.report["statuses"] == statuses

    async def test_two_workers_share_the_number(self, ledger: Ledger, state: Path) -> None:
        ended = await (await start(ledger, state, "--requests", "1001", "--workers", "2")).ended()
        assert check(ended, ledger)["scheduled"] == 1001
        assert ledger.received == set(range(1, 1002))

    async def test_what_is_in_flight_at_the_end_of_the_time_is_answered_and_counted(
        self, ledger: Ledger, state: Path
    ) -> None:
        ended = await (await start(ledger, state, "--duration", "1s")).ended()
        books = check(ended, ledger)
        assert books["in_flight_at_stop"] == 0
        assert books["sent"] == len(ledger.received)
        assert books["completed"] == ledger.count(200)
        assert books["failed"] == ledger.count(500) + ledger.count(404) + len(ledger.broken)


class TestAbort:
    async def test_what_is_hung_up_on_is_in_flight_and_neither_completed_nor_failed(
        self, ledger: Ledger, state: Path
    ) -> None:
        ledger.holds = True
        ended = await (await start(ledger, state, "--duration", "4s", "--stop", "abort")).ended()
        books = check(ended, ledger)
        assert len(ledger.held) == 16  # in the end every connection is held
        assert books["in_flight_at_stop"] == 16
        assert books["sent"] == len(ledger.received)
        assert books["completed"] == ledger.count(200)
        assert books["failed"] == ledger.count(500) + ledger.count(404) + len(ledger.broken)

    async def test_ctrl_c_closes_the_books_as_well(self, ledger: Ledger, state: Path) -> None:
        command = await start(ledger, state, "--duration", "60s", "--stop", "abort")
        await until(lambda: len(ledger.received) > 500)
        command.press_ctrl_c()
        ended = await command.ended()
        assert ended.code == 130
        books = check(ended, ledger)
        assert books["sent"] - len(ledger.received) <= 16
        assert len(ledger.answered) + len(ledger.broken) - books["completed"] - books["failed"] <= 16
