"""The opener: staggered, bounded, and over every address of a host."""

from __future__ import annotations

import socket

from load_harness import Serve, StartRun, answer_ok, make_plan

from stressdash.load.connection import NEVER_NS, Connection
from stressdash.load.opener import AT_ONCE, BURST, INTERVAL_NS, Opener
from stressdash.load.target import Address

LOCAL = Address(socket.AF_INET, "127.0.0.1", 9)


def filled(count: int) -> Opener:
    opener = Opener([LOCAL])
    for number in range(count):
        opener.add(Connection(number))
    return opener


def take_all(opener: Opener, now_ns: int) -> int:
    count = 0
    while opener.take(now_ns) is not None:
        count += 1
    return count


class TestTurns:
    def test_a_burst_is_bounded_and_then_one_comes_per_interval(self) -> None:
        opener = filled(1000)
        start = 10**12
        assert take_all(opener, start) <= BURST + 1
        assert take_all(opener, start + 5 * INTERVAL_NS) == 5

    def test_none_begins_while_too_many_are_pending(self) -> None:
        opener = filled(10)
        opener.pending = AT_ONCE
        assert opener.next_ns == NEVER_NS
        assert opener.take(10**12) is None

    def test_none_begins_while_held(self) -> None:
        opener = filled(10)
        opener.held = True
        assert opener.take(10**12) is None

    def test_connections_that_left_meanwhile_are_passed_over(self) -> None:
        opener = Opener([LOCAL])
        leaving, staying = Connection(0), Connection(1)
        leaving.leaving = True
        opener.add(leaving)
        opener.add(staying)
        assert opener.take(10**12) is staying


class TestAddresses:
    async def test_an_address_that_refuses_is_followed_by_the_next_without_a_fault(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(answer_ok)
        run = start_run(
            make_plan(server.url),
            Address(socket.AF_INET, "127.0.0.2", server.port),
            Address(socket.AF_INET, "127.0.0.1", server.port),
        )
        totals = await run.end()
        assert (totals.completed, totals.failed) == (40, 0)

    async def test_a_connect_fails_once_when_all_addresses_refuse(
        self, start_run: StartRun, closed_port: int
    ) -> None:
        run = start_run(
            make_plan(f"http://127.0.0.1:{closed_port}/", max_requests=3, connections=1),
            Address(socket.AF_INET, "127.0.0.2", closed_port),
            Address(socket.AF_INET, "127.0.0.1", closed_port),
        )
        assert (await run.end()).failed == 3
