"""How a trail becomes spans and own times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.documents import parents, self_times
from service.trail import ACQUIRE, CONNECT, QUERY, Step, Trail


def step(kind: str, start: float, end: float) -> Step:
    made = Step(kind)
    made.start, made.end = start, end
    return made


class TestATrail:
    def test_notes_how_its_steps_ended(self) -> None:
        trail = Trail()
        with trail.step(ACQUIRE):
            pass
        with pytest.raises(KeyError), trail.step(QUERY):
            raise KeyError
        assert [(item.kind, item.ok) for item in trail.steps] == [(ACQUIRE, True), (QUERY, False)]
        assert all(item.start <= item.end for item in trail.steps)


class TestNesting:
    def test_is_by_time(self) -> None:
        steps = [step(ACQUIRE, 0, 3), step(CONNECT, 1, 3), step(QUERY, 3, 5)]
        assert parents(steps) == [None, 0, None]

    def test_leaves_each_moment_to_the_innermost_step(self) -> None:
        steps = [step(ACQUIRE, 0, 3), step(CONNECT, 1, 3), step(QUERY, 3, 5)]
        assert list(self_times(steps, 6)) == [
            ("app", "", 1), ("db", "pool", 1), ("db", "mysql", 2), ("db", "mysql", 2),
        ]  # fmt: skip

    @given(st.lists(st.integers(0, 100), min_size=8, max_size=8).map(sorted))
    def test_loses_and_invents_no_time(self, moments: list[int]) -> None:
        began, acquire, connect, connected, acquired, query, queried, ended = moments
        steps = [
            step(ACQUIRE, acquire, acquired), step(CONNECT, connect, connected), step(QUERY, query, queried),
        ]  # fmt: skip
        own = [seconds for _, _, seconds in self_times(steps, ended - began)]
        assert sum(own) == ended - began
        assert min(own) >= 0
