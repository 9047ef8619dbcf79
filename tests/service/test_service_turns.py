from __future__ import annotations

import asyncio

from service.turns import Turns


class TestTurns:
    async def test_a_few_callers_begin_in_each_pass_in_the_order_in_which_they_came(self) -> None:
        turns = Turns(2)
        began: list[int] = []
        passes: list[list[int]] = []

        async def call(number: int) -> None:
            await turns.take()
            began.append(number)

        calls = [asyncio.create_task(call(number)) for number in range(5)]
        while not all(task.done() for task in calls):
            await asyncio.sleep(0)
            passes.append(list(began))
        assert began == [0, 1, 2, 3, 4]
        new = [len(after) - len(before) for before, after in zip([[], *passes], passes, strict=False)]
        assert max(new) == 2

    async def test_a_caller_that_is_cancelled_while_it_waits_takes_no_turn(self) -> None:
        turns = Turns(1)
        first, second, third = (asyncio.create_task(turns.take()) for _ in range(3))
        await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait([first, third])
        assert second.cancelled()
        assert first.result() is third.result() is None

    async def test_a_lone_caller_gives_way_once(self) -> None:
        turns = Turns(64)
        other: list[str] = []
        asyncio.get_running_loop().call_soon(other.append, "ran")
        await turns.take()
        assert other == ["ran"]
