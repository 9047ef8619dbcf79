"""The pool against Go's `database/sql`: rules one by one, then random walks against a model of the books."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from service.errors import PoolClosed
from service.pool import Limits, Pool
from service.trail import Trail


class FakeConnection:
    def __init__(self, number: int) -> None:
        self.number = number
        self.opened_at = 0.0
        self.broken = False
        self.closed = False

    def close(self) -> None:
        assert not self.closed, "closed twice"
        self.closed = True


class FakeDatabase:
    """Opens fake connections, at once or when told."""

    def __init__(self) -> None:
        self.made: list[FakeConnection] = []
        self.hold = False
        self.pending: list[asyncio.Future[None]] = []
        self.now = 0.0

    async def connect(self, _trail: Trail) -> FakeConnection:
        if self.hold:
            gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.pending.append(gate)
            try:
                await gate
            finally:
                self.pending.remove(gate)
        connection = FakeConnection(len(self.made))
        self.made.append(connection)
        return connection

    def clock(self) -> float:
        return self.now

    @property
    def open(self) -> int:
        return sum(not connection.closed for connection in self.made)


async def turns() -> None:
    """Let every task run until it waits for something outside."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def database() -> FakeDatabase:
    return FakeDatabase()


def pool_of(database: FakeDatabase, *limits: float) -> Pool[FakeConnection]:
    return Pool(database.connect, database.clock, Limits(*limits))  # type: ignore[arg-type]


class TestAcquiring:
    async def test_opens_only_as_many_as_are_needed(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 0, 2, 0)
        for _ in range(5):
            pool.release(await pool.acquire(Trail()))
        assert len(database.made) == 1

    async def test_opens_in_parallel(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 0, 2, 0)
        database.hold = True
        tasks = [asyncio.create_task(pool.acquire(Trail())) for _ in range(5)]
        await turns()
        assert (len(database.pending), pool.stats().open) == (5, 5)
        for gate in database.pending:
            gate.set_result(None)
        assert len({connection.number for connection in await asyncio.gather(*tasks)}) == 5

    async def test_takes_the_connection_that_rested_shortest(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 0, 2, 0)
        first, second = await pool.acquire(Trail()), await pool.acquire(Trail())
        pool.release(first)
        pool.release(second)
        assert await pool.acquire(Trail()) is second

    async def test_gives_the_place_back_when_connecting_fails(self) -> None:
        async def refuse(_trail: Trail) -> FakeConnection:
            raise ConnectionRefusedError

        pool: Pool[FakeConnection] = Pool(refuse, lambda: 0.0, Limits(max_open=1))
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await pool.acquire(Trail())
        assert pool.stats().open == 0

    async def test_drops_an_idle_connection_that_the_server_closed(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 0, 2, 0)
        connection = await pool.acquire(Trail())
        pool.release(connection)
        connection.broken = True
        assert await pool.acquire(Trail()) is not connection
        assert (connection.closed, pool.stats().closed_broken) == (True, 1)


class TestWaiting:
    async def test_is_first_come_first_served(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 1, 2, 0)
        held = await pool.acquire(Trail())
        served: list[int] = []

        async def use(number: int) -> None:
            connection = await pool.acquire(Trail())
            served.append(number)
            await asyncio.sleep(0)
            pool.release(connection)

        tasks = [asyncio.create_task(use(number)) for number in range(4)]
        await turns()
        assert pool.stats().waiting == 4
        pool.release(held)
        await asyncio.gather(*tasks)
        assert served == [0, 1, 2, 3]
        assert (pool.stats().wait_count, len(database.made)) == (4, 1)

    async def test_is_timed(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 1, 2, 0)
        held = await pool.acquire(Trail())
        task = asyncio.create_task(pool.acquire(Trail()))
        await turns()
        database.now = 2.5
        pool.release(held)
        await task
        assert pool.stats().wait_seconds == 2.5

    async def test_ends_with_a_place_when_a_borrowed_connection_breaks(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 1, 2, 0)
        held = await pool.acquire(Trail())
        task = asyncio.create_task(pool.acquire(Trail()))
        await turns()
        held.broken = True
        pool.release(held)
        assert await task is not held
        assert pool.stats().open == 1

    async def test_ends_with_a_new_connection_when_the_granted_one_breaks_on_its_way(
        self, database: FakeDatabase
    ) -> None:
        pool = pool_of(database, 1, 2, 0)
        held = await pool.acquire(Trail())
        task = asyncio.create_task(pool.acquire(Trail()))
        await turns()
        pool.release(held)
        held.broken = True
        assert await task is not held
        assert (held.closed, pool.stats().open, pool.stats().closed_broken) == (True, 1, 1)

    async def test_loses_nothing_when_grant_and_cancellation_meet(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 1, 2, 0)
        held = await pool.acquire(Trail())
        task = asyncio.create_task(pool.acquire(Trail()))
        await turns()
        pool.release(held)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (pool.stats().open, pool.stats().idle) == (1, 1)

    async def test_ends_with_an_error_when_the_pool_closes(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 1, 2, 0)
        held = await pool.acquire(Trail())
        task = asyncio.create_task(pool.acquire(Trail()))
        await turns()
        pool.close()
        with pytest.raises(PoolClosed):
            await task
        with pytest.raises(PoolClosed):
            await pool.acquire(Trail())
        pool.release(held)
        assert (database.open, pool.stats().open) == (0, 0)


class TestLimits:
    async def test_unlimited_is_the_default_and_two_rest(self, database: FakeDatabase) -> None:
        pool = pool_of(database)
        borrowed = [await pool.acquire(Trail()) for _ in range(50)]
        for connection in borrowed:
            pool.release(connection)
        stats = pool.stats()
        assert (stats.max_open, stats.max_idle, stats.idle, stats.closed_max_idle) == (0, 2, 2, 48)

    async def test_a_higher_max_open_lets_waiters_in_at_once(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 1, 2, 0)
        await pool.acquire(Trail())
        tasks = [asyncio.create_task(pool.acquire(Trail())) for _ in range(3)]
        await turns()
        pool.resize(Limits(3, 2))
        await turns()
        assert ([task.done() for task in tasks], pool.stats().open) == ([True, True, False], 3)
        pool.resize(Limits(0, 2))
        await tasks[2]

    async def test_a_lower_max_open_closes_what_comes_back(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 0, 5, 0)
        borrowed = [await pool.acquire(Trail()) for _ in range(5)]
        pool.resize(Limits(2, 5))
        for connection in borrowed:
            pool.release(connection)
        assert (pool.stats().open, pool.stats().idle, database.open) == (2, 2, 2)

    async def test_a_lower_max_open_is_reached_although_some_wait(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 3, 5, 0)
        borrowed = [await pool.acquire(Trail()) for _ in range(3)]
        waiting = asyncio.create_task(pool.acquire(Trail()))
        await turns()
        pool.resize(Limits(1, 5))
        for connection in borrowed[:2]:
            pool.release(connection)
        await turns()
        assert (pool.stats().open, waiting.done()) == (1, False)
        pool.release(borrowed[2])
        assert await waiting is borrowed[2]

    async def test_a_lower_max_idle_closes_the_ones_that_rested_longest(self, database: FakeDatabase) -> None:
        pool = pool_of(database, 0, 3, 0)
        borrowed = [await pool.acquire(Trail()) for _ in range(3)]
        for connection in borrowed:
            pool.release(connection)
        pool.resize(Limits(0, 1))
        assert [connection.closed for connection in borrowed] == [True, True, False]
        assert pool.stats().closed_max_idle == 2

    async def test_a_connection_past_its_lifetime_is_closed_idle_borrowed_or_taken(
        self, database: FakeDatabase
    ) -> None:
        pool = pool_of(database, 0, 3, 10)
        idle, taken, borrowed = [await pool.acquire(Trail()) for _ in range(3)]
        pool.release(idle)
        database.now = 10
        pool.reap()
        assert idle.closed
        pool.release(borrowed)
        assert borrowed.closed
        database.now = 9
        pool.release(taken)
        database.now = 10
        assert await pool.acquire(Trail()) is not taken
        assert (taken.closed, pool.stats().closed_max_lifetime) == (True, 3)


class RandomWalk(RuleBasedStateMachine):
    """Whatever happens in whatever order, the books agree with the connections that exist."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.database = FakeDatabase()
        self.limits = Limits(max_open=2, max_idle=1, conn_max_lifetime_s=0)
        self.pool: Pool[FakeConnection] = Pool(self.database.connect, self.database.clock, self.limits)
        self.tasks: list[asyncio.Task[FakeConnection]] = []
        self.shrunk_from = 0

    def run(self, act: Callable[[], Any] = lambda: None) -> None:
        async def scene() -> None:
            act()
            await turns()

        self.loop.run_until_complete(scene())

    def borrowed(self) -> Iterator[asyncio.Task[FakeConnection]]:
        return (task for task in self.tasks if task.done() and not task.cancelled())

    @rule(hold=st.booleans())
    def acquire(self, hold: bool) -> None:
        self.database.hold = hold
        self.run(lambda: self.tasks.append(self.loop.create_task(self.pool.acquire(Trail()))))

    @precondition(lambda self: self.tasks)
    @rule(data=st.data(), settle=st.booleans())
    def cancel(self, data: st.DataObject, settle: bool) -> None:
        task = data.draw(st.sampled_from(self.tasks))
        if not task.done():
            lent = next(self.borrowed(), None)

            def cancel_and_release() -> None:  # both in one turn of the loop
                if settle and lent:
                    self.pool_release(lent, broken=False)
                task.cancel()

            self.run(cancel_and_release)
            self.tasks = [item for item in self.tasks if not item.cancelled()]

    @precondition(lambda self: any(self.borrowed()))
    @rule(data=st.data(), broken=st.booleans())
    def release(self, data: st.DataObject, broken: bool) -> None:
        self.pool_release(data.draw(st.sampled_from(list(self.borrowed()))), broken=broken)
        self.run()

    def pool_release(self, task: asyncio.Task[FakeConnection], *, broken: bool) -> None:
        self.tasks.remove(task)
        task.result().broken = broken
        self.pool.release(task.result())

    @precondition(lambda self: self.database.pending)
    @rule(fail=st.booleans())
    def connect(self, fail: bool) -> None:
        gate = self.database.pending[0]
        self.run(lambda: gate.set_exception(ConnectionRefusedError()) if fail else gate.set_result(None))
        refused = [task for task in self.tasks if task.done() and not task.cancelled() and task.exception()]
        for task in refused:
            self.tasks.remove(task)

    @rule(max_open=st.integers(0, 4), max_idle=st.integers(0, 3), lifetime=st.sampled_from([0, 5]))
    def resize(self, max_open: int, max_idle: int, lifetime: int) -> None:
        self.database.hold = False
        self.limits = Limits(max_open, max_idle, lifetime)
        self.shrunk_from = max(self.shrunk_from, self.pool.stats().in_use)
        self.run(lambda: self.pool.resize(self.limits))

    @rule(seconds=st.integers(1, 4))
    def time_passes(self, seconds: int) -> None:
        self.database.now += seconds
        self.run(self.pool.reap)

    @invariant()
    def the_books_agree(self) -> None:
        stats = self.pool.stats()
        borrowed = len(list(self.borrowed()))
        connecting = len(self.database.pending)
        assert stats.open == self.database.open + connecting
        assert stats.in_use == borrowed + connecting
        assert stats.waiting == sum(not task.done() for task in self.tasks) - connecting

    @invariant()
    def the_limits_hold(self) -> None:
        stats = self.pool.stats()
        assert stats.idle <= self.limits.idle
        if self.limits.max_open:
            assert stats.open <= max(self.limits.max_open, self.shrunk_from)

    @invariant()
    def nobody_waits_while_there_is_room(self) -> None:
        stats = self.pool.stats()
        if stats.waiting:
            assert stats.idle == 0
            assert self.limits.max_open
            assert stats.open >= self.limits.max_open

    def teardown(self) -> None:
        async def leave() -> None:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

        self.loop.run_until_complete(leave())
        self.loop.close()


TestRandomWalk = RandomWalk.TestCase
TestRandomWalk.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
