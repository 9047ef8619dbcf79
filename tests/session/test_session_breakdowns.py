from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from window_factory import window

from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError
from stressdash.hdr import bucket_index
from stressdash.metrics.series import Timeline
from stressdash.samples import Breakdown, BreakdownPart, Phase
from stressdash.session.breakdowns import BreakdownWatch

ORIGIN_MS = 1_700_000_000_250
CALLS = Breakdown((BreakdownPart("app", "", 10, 20_000), BreakdownPart("db", "mysql", 10, 30_000)))


@dataclass
class Told:
    """The one question that is asked here; the contract suite holds the real sources to its meaning."""

    asked: list[int] = field(default_factory=list)
    broken: bool = False

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        if self.broken:
            raise SourceError("gone")
        assert end_ms == start_ms + 1000
        self.asked.append(start_ms)
        return CALLS


def watch(told: Told) -> BreakdownWatch:
    return BreakdownWatch(cast("ApmSource", cast("Any", told)), ORIGIN_MS)


def client(seconds: int) -> Timeline:
    timeline = Timeline()
    for second in range(seconds):
        one = window(start_ns=second * 10**9, latency={bucket_index(8_000): 10}, phase=Phase.RUN)
        timeline.add_window(one, 0)
    return timeline


class TestPoll:
    async def test_each_settled_second_is_asked_for_once(self) -> None:
        told = Told()
        watching = watch(told)
        await watching.poll(ORIGIN_MS + 1_000)
        await watching.poll(ORIGIN_MS + 2_000)
        await watching.poll(ORIGIN_MS + 2_100)
        assert told.asked == [1_700_000_000_000, 1_700_000_001_000]

    async def test_after_a_long_silence_only_the_newest_seconds_are_asked_for(self) -> None:
        told = Told()
        await watch(told).poll(ORIGIN_MS + 60_000)
        assert told.asked == [1_700_000_057_000, 1_700_000_058_000, 1_700_000_059_000]

    async def test_a_second_that_could_not_be_asked_for_is_asked_for_again(self) -> None:
        told = Told(broken=True)
        watching = watch(told)
        with pytest.raises(SourceError):
            await watching.poll(ORIGIN_MS + 1_000)
        told.broken = False
        await watching.poll(ORIGIN_MS + 1_000)
        assert told.asked == [1_700_000_000_000]

    async def test_whoever_else_asks_meanwhile_puts_no_second_in_the_place_of_another(self) -> None:
        class Slow(Told):
            async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
                await super().breakdown(start_ms, end_ms)
                await asyncio.sleep(0)
                return Breakdown((BreakdownPart("app", "", 1, start_ms // 1_000 % 10),))

        watching = watch(Slow())
        await asyncio.gather(watching.poll(ORIGIN_MS + 3_000), watching.poll(ORIGIN_MS + 3_000))
        (app,) = (
            one for one in watching.series(client(3), 0.0, 3.0, 1.0, ORIGIN_MS) if one.key == "where.app"
        )
        assert app.values == (0, 1, 2)


class TestSeries:
    async def test_the_parts_of_a_second_add_up_to_what_the_client_waited(self) -> None:
        watching = watch(Told())
        await watching.poll(ORIGIN_MS + 3_000)
        parts = watching.series(client(3), 0.0, 3.0, 0.5, ORIGIN_MS)
        assert [part.label for part in parts] == [
            "database",
            "pool wait",
            "application",
            "network and accept queue",
        ]
        assert {part.step_s for part in parts} == {1.0}
        assert [part.values[1] for part in parts[:3]] == [3_000, 0, 2_000]
        assert sum(part.values[1] or 0 for part in parts) == pytest.approx(8_000, rel=0.005)

    async def test_before_anything_is_known_there_is_no_chart(self) -> None:
        assert watch(Told()).series(client(3), 0.0, 3.0, 0.5, ORIGIN_MS) == ()
