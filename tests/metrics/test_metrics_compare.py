"""Comparisons find what is there, rarely what is not, and decide nothing on too few runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from statistics import stdev

import pytest

from stressdash.metrics.compare import (
    Change,
    Comparison,
    Judgement,
    Metric,
    compare,
    needed_repeats,
    regressed,
)
from stressdash.report.compare_values import JUDGED

RATE = Metric("rate", "req/s", "req/s", higher_is_better=True)
LATENCY = tuple(Metric(name, name, "us", higher_is_better=False) for name in ("mean", "p50", "p90", "p99"))
ERRORS = Metric("failed", "failed", "share", higher_is_better=False, ratio=False)

FOUND = {Judgement.BETTER, Judgement.WORSE}
REQUESTS = 120
OWN = 0.042
"""By how much runs scatter besides what their requests make them scatter: 5 % in all."""


def simulated_run(random: Random, *, slower: float = 1.0, level: float = 0.0) -> dict[str, float]:
    """A run of autocorrelated latencies; its own level varies so that runs scatter by 5 % in all.

    `level` is what a pair of runs has in common.
    """
    own = math.exp(level + random.gauss(0, OWN))
    latencies, drift = [], 0.0
    for _ in range(REQUESTS):
        drift = 0.9 * drift + random.gauss(0, 0.02)
        latencies.append(1_000 * own * slower * math.exp(drift + random.expovariate(6) - 0.17))
    latencies.sort()
    mean, failed = sum(latencies) / REQUESTS, random.betavariate(20, 980)
    shares = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p99": 0.99}
    return {
        "rate": 1e6 / mean,
        "goodput": (1 - failed) * 1e6 / mean,
        "mean": mean,
        **{name: latencies[int(REQUESTS * share)] for name, share in shares.items()},
        "failed": failed,
    }


def simulated(random: Random, *, repeats: int, paired: bool, slower: float = 1.0) -> Comparison:
    levels = [random.gauss(0, 0.1) if paired else 0.0 for _ in range(repeats)]
    before = [simulated_run(random, level=level) for level in levels]
    after = [simulated_run(random, level=level, slower=slower) for level in levels]
    return compare(before, after, JUDGED, paired=paired, random=random)


def judged(comparison: Comparison, key: str) -> Change:
    return next(change for change in comparison.changes if change.metric.key == key)


def runs(values: Sequence[float | None], key: str = "rate") -> list[dict[str, float | None]]:
    return [{key: value} for value in values]


class TestErrorRates:
    @pytest.mark.parametrize("paired", [True, False], ids=["pairs", "groups"])
    def test_false_alarms_stay_rare_over_the_whole_family(self, paired: bool) -> None:
        random = Random(21)
        alarms = sum(
            any(change.judgement in FOUND for change in simulated(random, repeats=7, paired=paired).changes)
            for _ in range(100)
        )
        # At 5 % more than 11 of 100 happen once in 250 times.
        assert alarms <= 11

    @pytest.mark.soak
    @pytest.mark.timeout(1_800)
    def test_false_alarms_are_at_most_six_and_a_half_percent_of_a_thousand(self) -> None:
        random = Random(22)
        alarms = sum(
            any(change.judgement in FOUND for change in simulated(random, repeats=10, paired=True).changes)
            for _ in range(1_000)
        )
        assert alarms <= 65

    def test_simulated_runs_scatter_by_five_percent(self) -> None:
        random = Random(20)
        rates = [math.log(simulated_run(random)["rate"]) for _ in range(1_000)]
        assert stdev(rates) == pytest.approx(0.05, abs=0.002)

    # With 90 % power fewer than 84 of 100 happen once in forty times.
    @pytest.mark.parametrize(
        ("times", "least"), [(100, 84), pytest.param(1_000, 900, marks=pytest.mark.soak)]
    )
    @pytest.mark.timeout(1_800)
    def test_a_tenth_more_is_found_in_ten_pairs_nine_times_in_ten(self, times: int, least: int) -> None:
        random = Random(23)
        hits = 0
        for _ in range(times):
            found = simulated(random, repeats=10, paired=True, slower=1.1)
            # That more fail would be a false alarm.
            speed = [change for change in found.changes if change.metric.key != "failed"]
            hits += any(change.judgement is Judgement.WORSE for change in speed)
        assert hits >= least

    def test_intervals_cover_the_truth_nineteen_times_in_twenty(self) -> None:
        random = Random(24)
        hits = 0
        for paired in (True, False) * 30:
            change = judged(simulated(random, repeats=8, paired=paired, slower=1.1), "mean")
            assert change.low is not None
            assert change.high is not None
            hits += change.low <= 0.1 <= change.high
        assert hits >= 53

    def test_the_detectable_change_is_found_about_nine_times_in_ten(self) -> None:
        random = Random(25)
        promised = [judged(simulated(random, repeats=10, paired=True), "mean").detectable for _ in range(20)]
        typical = sorted(value for value in promised if value is not None)[10]
        found = [simulated(random, repeats=10, paired=True, slower=1 + typical) for _ in range(60)]
        hits = sum(judged(comparison, "mean").judgement is Judgement.WORSE for comparison in found)
        assert 47 <= hits <= 60


class TestJudgement:
    def test_more_throughput_is_better_and_more_latency_worse(self) -> None:
        before = [{"rate": 100 + n, "p99": 10.0 + n} for n in range(8)]
        after = [{"rate": 150 + n, "p99": 15.0 + n} for n in range(8)]
        found = compare(before, after, (RATE, LATENCY[3]), paired=False, random=Random(1))
        assert [change.judgement for change in found.changes] == [Judgement.BETTER, Judgement.WORSE]

    def test_pairs_see_what_groups_cannot(self) -> None:
        random = Random(2)
        levels = [random.uniform(100, 1_000) for _ in range(8)]
        before, after = runs(levels), runs([level * random.uniform(1.04, 1.06) for level in levels])
        assert judged(compare(before, after, [RATE], paired=True, random=random), "rate").judgement in FOUND
        groups = compare(before, after, [RATE], paired=False, random=random)
        assert judged(groups, "rate").judgement is Judgement.NO_DIFFERENCE

    def test_effects_are_ratios_or_differences_with_their_interval(self) -> None:
        before = [{"rate": 100.0, "failed": 0.0}] * 7
        after = [{"rate": 110.0 + n / 10, "failed": 0.02} for n in range(7)]
        found = compare(before, after, (RATE, ERRORS), paired=True, random=Random(1))
        rate, failed = found.changes
        assert rate.change == pytest.approx(0.103, abs=0.001)
        assert rate.low is not None
        assert rate.high is not None
        assert 0.1 <= rate.low < 0.103 < rate.high <= 0.106
        assert (failed.change, failed.low, failed.high) == (pytest.approx(0.02),) * 3
        assert (rate.before, rate.after) == (100, pytest.approx(110.3))

    def test_the_family_is_paid_for_only_as_far_as_metrics_differ(self) -> None:
        random = Random(3)
        before = [random.gauss(100, 5) for _ in range(9)]
        after = [value * random.gauss(1.05, 0.04) for value in before]
        alone = compare(runs(before), runs(after), [RATE], paired=True, random=random)
        copies = [Metric(f"copy{n}", "copy", "", higher_is_better=True) for n in range(10)]
        twins = [[{metric.key: value for metric in copies} for value in values] for values in (before, after)]
        together = compare(twins[0], twins[1], copies, paired=True, random=random)
        assert together.changes[0].p == alone.changes[0].p

    def test_nothing_differs_when_all_runs_are_equal(self) -> None:
        for paired in (True, False):
            found = compare(runs([5.0] * 8), runs([5.0] * 8), [RATE], paired=paired, random=Random(1))
            assert found.changes[0].judgement is Judgement.NO_DIFFERENCE
            assert found.changes[0].change == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("paired", "repeats", "enough"),
        [(True, 5, False), (True, 6, True), (False, 3, False), (False, 4, True)],
    )
    def test_too_few_repeats_decide_nothing(self, paired: bool, repeats: int, enough: bool) -> None:
        after = [200.0 + n for n in range(repeats)]
        found = compare(runs([100.0] * repeats), runs(after), [RATE], paired=paired, random=Random(1))
        assert found.enough is enough
        assert (found.changes[0].judgement is Judgement.TOO_FEW) is not enough
        assert (found.changes[0].p is None) is not enough
        assert found.changes[0].change is not None

    def test_one_run_against_one_is_too_few_and_no_crash(self) -> None:
        for paired in (True, False):
            found = compare(runs([100.0]), runs([120.0]), [RATE], paired=paired, random=Random(1))
            change = found.changes[0]
            assert (change.judgement, change.low, change.detectable) == (Judgement.TOO_FEW, None, None)

    @pytest.mark.parametrize("values", [[None] * 7, [1.0] * 6 + [None], [0.0] * 7])
    def test_a_metric_that_a_run_lacks_is_unknown_and_spoils_no_other(
        self, values: list[float | None]
    ) -> None:
        before = [{"rate": 100.0 + n, "p50": value} for n, value in enumerate(values)]
        after = [{"rate": 200.0 + n, "p50": 5.0} for n in range(7)]
        found = compare(before, after, (RATE, LATENCY[1]), paired=False, random=Random(1))
        assert [change.judgement for change in found.changes] == [Judgement.BETTER, Judgement.UNKNOWN]

    @pytest.mark.parametrize(("before", "after", "paired"), [([], [1.0], False), ([1.0], [1.0, 2.0], True)])
    def test_uneven_sides_are_refused(self, before: list[float], after: list[float], paired: bool) -> None:
        with pytest.raises(ValueError, match="runs on both sides"):
            compare(runs(before), runs(after), [RATE], paired=paired, random=Random(1))


class TestNeeded:
    @pytest.mark.parametrize("level", [0.05, 0.025, 0.01])
    def test_repeats_are_enough_and_one_fewer_is_not(self, level: float) -> None:
        for paired, needed in zip((True, False), needed_repeats(level), strict=True):
            for number, enough in ((needed, True), (needed - 1, False)):
                found = compare(
                    runs([100.0] * number),
                    runs([200.0 + n for n in range(number)]),
                    [RATE],
                    paired=paired,
                    random=Random(1),
                    level=level,
                )
                assert found.enough is enough


class TestRegressed:
    @pytest.mark.parametrize(
        ("metric", "low", "high", "yes"),
        [
            (LATENCY[3], 0.06, 0.2, True),
            (LATENCY[3], 0.04, 0.2, False),
            (RATE, -0.2, -0.06, True),
            (RATE, -0.2, -0.04, False),
            (RATE, 0.06, 0.2, False),
            (RATE, None, None, False),
        ],
    )
    def test_only_when_the_whole_interval_exceeds_the_limit(
        self, metric: Metric, low: float | None, high: float | None, yes: bool
    ) -> None:
        change = Change(metric, Judgement.WORSE, 1.0, 2.0, low=low, high=high)
        assert regressed(change, 0.05) is yes
