"""Levels hold their runs: void ones count for nothing, and an objective is met in every run or not at all."""

from __future__ import annotations

import itertools

import pytest

from stressdash.metrics.levels import Level, LevelRun, best_level, default_levels, level_points


def one(
    throughput: float | None = 100.0, *, held: bool | None = True, void: tuple[str, ...] = ()
) -> LevelRun:
    return LevelRun("r", 9.5, throughput, 20_000.0, 0.0, held, void)


class TestLevel:
    @pytest.mark.parametrize(
        ("answers", "held"),
        [
            ((True, True), True),
            ((True, False), False),
            ((None, False), False),
            ((True, None), None),
            ((None, None), None),
            ((), None),
        ],
    )
    def test_meets_the_objective_when_every_run_does(
        self, answers: tuple[bool | None, ...], held: bool | None
    ) -> None:
        assert Level(10, tuple(one(held=answer) for answer in answers)).held is held

    def test_void_runs_count_for_nothing(self) -> None:
        level = Level(10, (one(100), one(5_000, held=False, void=("late",)), one(120)))
        assert (level.throughput, level.held) == (110, True)
        assert len(level_points([level])) == 2

    def test_a_run_that_measured_nothing_is_no_point(self) -> None:
        assert level_points([Level(10, (one(None), LevelRun("r", 0.0, 5.0, None, None, None)))]) == ()


class TestBest:
    def test_is_the_highest_goodput_that_met_the_objective(self) -> None:
        levels = [
            Level(1, (one(10),)),
            Level(10, (one(90),)),
            Level(50, (one(80),)),
            Level(99, (one(500, held=False),)),
            Level(200, (one(900, held=None),)),
        ]
        best = best_level(levels)
        assert best is not None
        assert best.connections == 10

    def test_is_none_when_no_level_met_it(self) -> None:
        assert best_level([Level(1, (one(held=False),))]) is None


class TestDefaultLevels:
    @pytest.mark.parametrize("most", [32, 100, 800])
    def test_reach_from_one_to_the_most_in_growing_steps(self, most: int) -> None:
        levels = default_levels(most)
        assert (levels[0], levels[-1]) == (1, most)
        steps = [b - a for a, b in itertools.pairwise(levels)]
        assert steps == sorted(steps)
        assert len(levels) >= 6
