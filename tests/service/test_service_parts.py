"""The small parts: ids, addresses, log lines, books."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.books import Books
from service.ids import IdSource
from service.log import LineFormatter, RateLimit
from service.peer import LONGEST_ADDRESS, is_loopback, remote_ip


class TestIds:
    @given(st.lists(st.floats(-30, 30), min_size=1, max_size=50))
    def test_grow_whatever_the_clock_does(self, steps: list[float]) -> None:
        now = 1_800_000_000.0
        ids = IdSource(lambda: now, machine=7)
        made = []
        for step in steps:
            now += step
            made += [ids.next() for _ in range(3)]
        assert made == sorted(set(made))
        assert all(0 < number < 2**63 for number in made)

    def test_of_two_machines_differ_in_the_same_moment(self) -> None:
        assert IdSource(lambda: 1.8e9, 1).next() != IdSource(lambda: 1.8e9, 2).next()

    def test_borrow_from_the_future_rather_than_repeat(self) -> None:
        ids = IdSource(lambda: 1.8e9, 0)
        assert len({ids.next() for _ in range(1000)}) == 1000


class TestTheRemoteAddress:
    @pytest.mark.parametrize(
        ("headers", "address"),
        [
            ({}, "127.0.0.1"),
            ({"X-Real-IP": "192.0.2.1"}, "192.0.2.1"),
            ({"X-Forwarded-For": "192.0.2.2, 10.0.0.1", "X-Real-IP": "192.0.2.1"}, "192.0.2.2"),
            ({"X-Forwarded-For": "unknown", "X-Real-IP": "192.0.2.1"}, "192.0.2.1"),
            ({"X-Forwarded-For": "'; DROP TABLE incoming; --"}, "127.0.0.1"),
            ({"X-Forwarded-For": "1" * 5000}, "127.0.0.1"),
            ({"X-Forwarded-For": "fe80::1%" + "a" * 20}, "127.0.0.1"),
            ({"X-Real-IP": "2001:DB8::1"}, "2001:db8::1"),
            ({"X-Real-IP": "::ffff:192.0.2.9"}, "192.0.2.9"),
        ],
    )
    def test_is_the_first_that_is_one(self, headers: dict[str, str], address: str) -> None:
        assert remote_ip(headers, "127.0.0.1") == address

    @given(st.text(), st.text())
    def test_is_bounded_whatever_a_client_sends(self, forwarded: str, real: str) -> None:
        assert len(remote_ip({"X-Forwarded-For": forwarded, "X-Real-IP": real}, None)) <= LONGEST_ADDRESS

    def test_tells_this_machine_from_others(self) -> None:
        assert [is_loopback(peer) for peer in ("127.0.0.9", "::1", "::ffff:127.0.0.1", "10.0.0.1", None)] == [
            True, True, True, False, False,
        ]  # fmt: skip


class TestLogLines:
    @pytest.fixture
    def log(self) -> Iterator[tuple[logging.Logger, io.StringIO, list[float]]]:
        stream, now = io.StringIO(), [0.0]
        handler = logging.StreamHandler(stream)
        handler.setFormatter(LineFormatter())
        handler.addFilter(RateLimit(3, lambda: now[0]))
        logger = logging.Logger("test")  # noqa: LOG001 - apart from every other logger
        logger.addHandler(handler)
        yield logger, stream, now
        handler.close()

    def test_hold_no_control_characters(self, log: tuple[logging.Logger, io.StringIO, list[float]]) -> None:
        logger, stream, _ = log
        logger.error("a\x1b[31mb\nc\u202e")
        assert stream.getvalue() == "error test: a\\x1b[31mb\\nc\\u202e\n"

    def test_name_an_exception_without_its_traceback(
        self, log: tuple[logging.Logger, io.StringIO, list[float]]
    ) -> None:
        logger, stream, _ = log
        logger.error("it failed", exc_info=ValueError("what"))
        assert stream.getvalue().splitlines() == ["error test: it failed (ValueError: what)"]

    def test_are_few_a_second_and_count_the_others(
        self, log: tuple[logging.Logger, io.StringIO, list[float]]
    ) -> None:
        logger, stream, now = log
        for number in (1, 1, 1, 2, 3, 4, 5):
            logger.warning("%d", number)
        now[0] = 1.0
        logger.warning("6")
        assert [line.removeprefix("warning test: ") for line in stream.getvalue().splitlines()] == [
            "1", "2 (and 2 lines not shown)", "3", "6 (and 2 lines not shown)",
        ]  # fmt: skip


class TestBooks:
    async def test_are_empty_when_the_last_call_ended(self) -> None:
        books = Books()
        books.begin()
        books.begin()
        books.end()
        waiting = asyncio.create_task(books.empty())
        await asyncio.sleep(0)
        assert not waiting.done()
        books.end()
        await waiting
        assert (books.requests, books.in_flight) == (2, 0)
