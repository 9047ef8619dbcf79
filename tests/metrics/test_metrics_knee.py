"""The fit recovers what is known, its intervals cover, and it says when there is nothing to find."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stressdash.errors import BadInput
from stressdash.metrics.knee import Finding, Point, find_knee, parse_points

LEVELS = (1, 2, 4, 8, 16, 32, 64, 128)


def usl(rate: float, sigma: float, kappa: float, n: float) -> float:
    return rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))


def noisy(
    random: Random, rate: float, sigma: float, kappa: float, noise: float = 0.03, repeats: int = 3
) -> list[Point]:
    return [
        Point(n, usl(rate, sigma, kappa, n) * random.gauss(1, noise)) for n in LEVELS for _ in range(repeats)
    ]


class TestPublished:
    def test_spec_sdm91_has_its_published_parameters(self) -> None:
        # The data set `specsdm91` that Gunther published, with the fit of his R package `usl`.
        measured = {1: 64.9, 18: 995.9, 36: 1652.4, 72: 1853.2, 108: 1828.9, 144: 1775.0, 216: 1702.2}
        knee = find_knee(Point(n, x) for n, x in measured.items())
        assert knee.rate_of_one.value == pytest.approx(89.99522, rel=1e-5)
        assert knee.sigma.value == pytest.approx(0.02772985, rel=1e-4)
        assert knee.kappa.value == pytest.approx(0.0001043667, rel=1e-3)
        assert knee.peak is not None
        assert knee.peak.concurrency.value == pytest.approx(96.5, abs=0.1)
        assert knee.finding is Finding.PEAK


class TestRecovery:
    @settings(max_examples=40)
    @given(st.floats(1, 1e5), st.floats(0, 0.5), st.floats(1e-4, 0.01))
    def test_points_on_the_curve_give_the_curve(self, rate: float, sigma: float, kappa: float) -> None:
        knee = find_knee(Point(n, usl(rate, sigma, kappa, n)) for n in LEVELS)
        assert knee.rate_of_one.value == pytest.approx(rate, rel=1e-4)
        assert knee.sigma.value == pytest.approx(sigma, rel=1e-3, abs=1e-5)
        assert knee.kappa.value == pytest.approx(kappa, rel=1e-3)
        assert knee.throughput(10) == pytest.approx(usl(rate, sigma, kappa, 10), rel=1e-4)

    # With 95 % coverage fewer than 35 of 40, or 925 of 1,000, happen once in a hundred times or less.
    @pytest.mark.parametrize("relative", [True, False], ids=["relative noise", "equal noise"])
    @pytest.mark.parametrize(("times", "least"), [(40, 35), pytest.param(1_000, 925, marks=pytest.mark.soak)])
    @pytest.mark.timeout(1_800)
    def test_intervals_cover_the_truth_nineteen_times_in_twenty(
        self, times: int, least: int, relative: bool
    ) -> None:
        random = Random(11)
        truth = {"rate_of_one": 100.0, "sigma": 0.03, "kappa": 0.0004}
        peak_at = math.sqrt((1 - 0.03) / 0.0004)
        top = usl(100, 0.03, 0.0004, peak_at)
        hits = dict.fromkeys([*truth, "at", "top"], 0)
        for _ in range(times):
            points = noisy(random, 100, 0.03, 0.0004)
            if not relative:
                points = [Point(n, usl(100, 0.03, 0.0004, n) + random.gauss(0, 20)) for n in LEVELS * 3]
            knee = find_knee(points)
            assert knee.peak is not None
            estimates = {name: getattr(knee, name) for name in truth}
            estimates |= {"at": knee.peak.concurrency, "top": knee.peak.throughput}
            for name, value in (truth | {"at": peak_at, "top": top}).items():
                found = estimates[name]
                hits[name] += (found.low or 0) <= value <= (found.high or math.inf)
        assert {name: count >= least for name, count in hits.items()} == dict.fromkeys(hits, True), hits

    def test_parameters_are_never_negative(self) -> None:
        # Faster than linear at first: without the constraint sigma would be below zero.
        knee = find_knee([Point(1, 20), Point(4, 84), Point(8, 170), Point(16, 360), Point(32, 480)])
        assert knee.sigma.value == 0
        assert knee.sigma.low == 0
        assert knee.kappa.value > 0


class TestFindings:
    def test_linear_scaling_has_no_peak_and_no_limit(self) -> None:
        knee = find_knee([Point(n, 50 * n) for n in LEVELS])
        assert (knee.finding, knee.peak, knee.limit) == (Finding.NO_PEAK, None, "none")

    def test_saturation_is_contention_without_a_peak(self) -> None:
        knee = find_knee([Point(n, usl(100, 0.2, 0, n)) for n in LEVELS])
        assert (knee.finding, knee.limit) == (Finding.NO_PEAK, "contention")

    def test_a_peak_beyond_the_measured_range_is_not_claimed(self) -> None:
        knee = find_knee([Point(n, usl(100, 0.05, 1e-6, n)) for n in LEVELS])
        assert (knee.finding, knee.peak) == (Finding.NO_PEAK, None)

    def test_retrograde_throughput_is_coherency(self) -> None:
        knee = find_knee([Point(n, usl(100, 0.01, 0.002, n)) for n in LEVELS])
        assert (knee.finding, knee.limit) == (Finding.PEAK, "coherency")

    @pytest.mark.parametrize(
        "throughputs", [(100, 700, 90, 800, 60, 900, 40, 650), (100, 200, 400, 800, 1_600, 20, 20, 20)]
    )
    def test_points_of_another_shape_do_not_fit(self, throughputs: tuple[int, ...]) -> None:
        knee = find_knee(Point(n, x) for n, x in zip(LEVELS, throughputs, strict=True))
        assert knee.finding is Finding.NO_FIT

    def test_repeats_show_a_misfit_that_noise_cannot_explain(self) -> None:
        random = Random(5)
        shape = (100, 200, 400, 800, 800, 800, 800, 800)
        points = [
            Point(n, x * random.gauss(1, 0.005)) for n, x in zip(LEVELS, shape, strict=True) for _ in range(4)
        ]
        knee = find_knee(points)
        assert knee.misfit < 0.15
        assert knee.finding is Finding.NO_FIT

    def test_noise_alone_is_no_misfit(self) -> None:
        random = Random(6)
        found = [find_knee(noisy(random, 100, 0.03, 0.0004, noise=0.05)).finding for _ in range(20)]
        assert found == [Finding.PEAK] * 20

    @pytest.mark.parametrize(
        "pairs",
        [
            ((0.99, 285.9), (2.58, 105.8), (7.8, 686.1), (19.01, 339.6)),
            ((0.94, 193.8), (2.81, 145.5), (7.32, 408.8), (19.17, 895.8)),
        ],
    )
    def test_wild_points_whose_squares_are_beyond_all_numbers_are_no_crash(
        self, pairs: tuple[tuple[float, float], ...]
    ) -> None:
        assert find_knee(Point(n, x) for n, x in pairs).finding in set(Finding)

    def test_the_order_of_points_does_not_matter(self) -> None:
        points = noisy(Random(7), 100, 0.03, 0.0004)
        assert find_knee(points) == find_knee(reversed(points))

    @pytest.mark.parametrize(
        "points", [[], [Point(n, 10) for n in (1, 2, 2, 4)], [Point(n, 0) for n in LEVELS]]
    )
    def test_too_little_is_refused(self, points: list[Point]) -> None:
        with pytest.raises(BadInput):
            find_knee(points)


class TestParsePoints:
    def test_reads_pairs_with_header_comments_and_blank_lines(self) -> None:
        text = "concurrency,throughput\n# warm\n1, 20.5\n\n4,84\r\n"
        assert parse_points(text, "points.csv") == (Point(1, 20.5), Point(4, 84))

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("1,2\nx,y", 2),
            ("1;2", 1),
            ("1,2,3", 1),
            ("n,x\n0,5", 2),
            ("1,nan", 1),
            ("1,-3", 1),
            ("1,2\n3,", 2),
        ],
    )
    def test_names_the_line_that_is_wrong(self, text: str, line: int) -> None:
        with pytest.raises(BadInput, match=rf"points\.csv:{line}:"):
            parse_points(text, "points.csv")
