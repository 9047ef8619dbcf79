"""The order of runs shares what drifts among all variants."""

from __future__ import annotations

from random import Random

from stressdash.metrics.design import interleaved, shuffled_rounds


class TestOrder:
    def test_interleaved_runs_take_turns(self) -> None:
        assert interleaved(2, 3) == (0, 1, 0, 1, 0, 1)

    def test_each_shuffled_round_has_every_variant_once(self) -> None:
        order = shuffled_rounds(5, 4, Random(1))
        rounds = [order[start : start + 5] for start in range(0, 20, 5)]
        assert all(sorted(one) == [0, 1, 2, 3, 4] for one in rounds)
        assert len(set(rounds)) > 1
