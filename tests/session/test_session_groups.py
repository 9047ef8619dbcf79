"""Error groups that are asked for in parts are those of the whole run."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.apm.queries import GROUP_LIMIT
from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError
from stressdash.samples import ErrorGroup
from stressdash.session.groups import GroupWatch

FROM_MS = 1_700_000_000_250


@dataclass
class Told:
    """Groups of errors, each a time of the service's clock, a key and a message."""

    errors: list[tuple[int, str, str]] = field(default_factory=list)
    ahead_ms: int = 0
    asked: list[tuple[int, int]] = field(default_factory=list)
    broken: bool = False

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        if self.broken:
            raise SourceError("gone")
        await asyncio.sleep(0)
        self.asked.append((start_ms - FROM_MS, end_ms - FROM_MS))
        start_ms, end_ms = start_ms + self.ahead_ms, end_ms + self.ahead_ms
        found = [each for each in self.errors if start_ms <= each[0] < end_ms]
        groups = (self._group(key, found, start_ms, end_ms) for key in {key for _, key, _ in found})
        return tuple(sorted(groups, key=lambda group: (-group.count, group.key))[:GROUP_LIMIT])

    def _group(self, key: str, found: list[tuple[int, str, str]], start_ms: int, end_ms: int) -> ErrorGroup:
        own = [each for each in found if each[1] == key]
        times = [at_ms for at_ms, _, _ in own]
        names = dict(Counter(message for _, _, message in own).most_common())
        seconds = Counter(at_ms // 1000 for at_ms in times)
        return ErrorGroup(
            key=key,
            type="OperationalError",
            message=min(names, key=lambda name: (-names[name], name)),
            culprit="push",
            handled=None,
            count=len(own),
            first_ms=min(times) - self.ahead_ms,
            last_ms=max(times) - self.ahead_ms,
            names=names,
            transactions={"Push": len(own)},
            spark=tuple(seconds[second] for second in range(start_ms // 1000, -(-end_ms // 1000))),
        )


def watch(told: Told, **options: Any) -> GroupWatch:
    return GroupWatch(cast("ApmSource", cast("Any", told)), FROM_MS, **options)


def plain(groups: tuple[ErrorGroup, ...]) -> list[tuple[object, ...]]:
    """Without the order in which equally frequent messages are named."""
    return [
        (g.key, g.message, g.count, g.first_ms, g.last_ms, dict(g.names), dict(g.transactions), g.spark)
        for g in groups
    ]


moments = st.integers(0, 120_000)
errors = st.lists(st.tuples(moments, st.sampled_from("abc"), st.sampled_from(["1040", "1205"])), max_size=40)


class TestParts:
    @given(errors=errors, polls=st.lists(moments, min_size=1, max_size=12), ahead_ms=st.integers(-700, 700))
    async def test_they_are_the_groups_of_the_whole(
        self, errors: list[tuple[int, str, str]], polls: list[int], ahead_ms: int
    ) -> None:
        told = Told([(FROM_MS + ahead_ms + at_ms, *rest) for at_ms, *rest in errors], ahead_ms)
        watching = watch(told, ahead_ms=ahead_ms)
        for at_ms in sorted(polls):
            end_ms = FROM_MS + at_ms + 1
            assert plain(await watching.poll(end_ms)) == plain(await told.error_groups(FROM_MS, end_ms))

    async def test_an_error_that_comes_late_is_counted(self) -> None:
        told = Told()
        watching = watch(told)
        for second in range(60):
            await watching.poll(FROM_MS + second * 1000)
        told.errors.append((FROM_MS + 32_000, "a", "1040"))
        (group,) = await watching.poll(FROM_MS + 60_000)
        assert group.count == 1

    async def test_several_may_ask_at_the_same_time(self) -> None:
        told = Told([(FROM_MS + at_ms, "a", "1040") for at_ms in range(0, 60_000, 100)])
        watching = watch(told)
        ends_ms = [FROM_MS + at_ms for at_ms in (45_000, 61_000, 62_000, 46_000)]
        answers = await asyncio.gather(*map(watching.poll, ends_ms))
        answers.append(await watching.poll(FROM_MS + 63_000))
        assert [group.count for (group,) in answers] == [450, 600, 600, 460, 600]

    async def test_a_tick_asks_for_the_newest_seconds_only(self) -> None:
        told = Told()
        watching = watch(told)
        for half in range(7200):
            await watching.poll(FROM_MS + half * 500)
        assert len(told.asked) < 7200 + 7200 / 30 + 1
        assert max(end - start for start, end in told.asked) <= 46_000


class TestTrouble:
    async def test_what_could_not_be_asked_for_is_asked_for_again(self) -> None:
        told = Told([(FROM_MS + at_ms, "a", "1040") for at_ms in (1, 20_000, 59_000)])
        watching = watch(told)
        await watching.poll(FROM_MS + 30_000)
        told.broken = True
        with pytest.raises(SourceError):
            await watching.poll(FROM_MS + 60_000)
        told.broken = False
        assert [group.count for group in await watching.poll(FROM_MS + 60_000)] == [3]

    async def test_when_there_are_more_groups_than_an_answer_holds_the_whole_run_is_asked_for(self) -> None:
        many = [(FROM_MS + 40_000, f"key {number:04d}", "1040") for number in range(GROUP_LIMIT + 1)]
        told = Told([*many, (FROM_MS + 1, "key 0200", "1040")])
        watching = watch(told)
        for at_ms in (30_000, 60_000, 90_000):
            groups = await watching.poll(FROM_MS + at_ms)
        assert len(groups) == GROUP_LIMIT
        assert (groups[0].key, groups[0].count) == ("key 0200", 2)
        assert told.asked[-1] == (0, 90_000)

    async def test_a_source_that_has_no_parts_is_asked_for_the_whole(self) -> None:
        told = Told()
        watching = watch(told, in_parts=False)
        await watching.poll(FROM_MS + 90_000)
        await watching.poll(FROM_MS + 10_000)
        assert told.asked == [(0, 90_000), (0, 10_000)]
