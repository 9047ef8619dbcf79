"""Stop rules: read, and met by the last seconds of load only."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from window_factory import GRID_NS, window

from stressdash.errors import BadInput
from stressdash.metrics.stoprules import StopRule, StopWatch, parse_stop_rule
from stressdash.samples import Phase


def watch(rule: str, *stretches: tuple[int, dict[str, Any]]) -> str | None:
    """What a rule says after stretches of so many windows each."""
    stopwatch = StopWatch([parse_stop_rule(rule)])
    for number, fields in stretches:
        for _ in range(number):
            stopwatch.add(window(**fields))
    return stopwatch.fired()


class TestText:
    @pytest.mark.parametrize(
        ("text", "rule"),
        [
            ("failed>5% 10s", StopRule("failed>5% 10s", "failed", 0, ">", 0.05, True, 10)),
            ("p99 > 500ms 5s", StopRule("p99 > 500ms 5s", "latency", 0.99, ">", 5e5, False, 5)),
            ("corrected p99.9>2s 1m",
             StopRule("corrected p99.9>2s 1m", "corrected", 0.999, ">", 2e6, False, 60)),
            ("rate<95% 10s", StopRule("rate<95% 10s", "rate", 0, "<", 0.95, True, 10)),
            ("rate<400/s 10s", StopRule("rate<400/s 10s", "rate", 0, "<", 400, False, 10)),
        ],
    )  # fmt: skip
    def test_is_read(self, text: str, rule: StopRule) -> None:
        assert parse_stop_rule(text) == rule

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("failed>5%", "for instance 'failed>5% 10s'"),
            ("failed>5 10s", "a share such as 5%"),
            ("rate<5ms 10s", "a number per second"),
            ("p99>500 10s", "with its unit"),
            ("p100>1s 10s", "between p0 and p100"),
            ("failed>5% 10x", "not a duration"),
            ("failed>5% 0s", "0 to 600 s"),
            ("latency>5ms 10s", "cannot be read"),
        ],
    )
    def test_what_is_no_rule_is_refused(self, text: str, said: str) -> None:
        with pytest.raises(BadInput, match=said):
            parse_stop_rule(text)

    @given(st.text())
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            seconds = parse_stop_rule(text).seconds
        except BadInput:
            return
        assert seconds > 0


class TestFailed:
    def test_a_share_above_the_limit_stops_and_says_so(self) -> None:
        told = watch("failed>5% 1s", (20, {"completed": 90, "failed": 10}))
        assert told == ("stopped after 2s by the rule 'failed>5% 1s': 10.0% failed over the last 1 s")

    def test_a_share_at_the_limit_does_not(self) -> None:
        assert watch("failed>10% 1s", (20, {"completed": 90, "failed": 10})) is None

    def test_failures_of_long_ago_are_forgotten(self) -> None:
        assert watch("failed>5% 1s", (20, {"failed": 9}), (10, {"completed": 9})) is None

    def test_load_must_have_run_for_the_time(self) -> None:
        assert watch("failed>5% 1s", (9, {"failed": 9})) is None
        assert watch("failed>5% 1s", (10, {"failed": 9})) is not None

    def test_a_pause_is_no_time(self) -> None:
        paused = {"phase": Phase.PAUSED, "failed": 1}
        assert watch("failed>5% 1s", (9, {"failed": 9}), (50, paused)) is None

    def test_nothing_ended_is_no_failure(self) -> None:
        assert watch("failed>5% 1s", (20, {})) is None


class TestLatency:
    def test_a_percentile_of_too_few_samples_is_not_known(self) -> None:
        few = {"latency": [50_000] + [500] * 49}
        assert watch("p90<1ms 1s", (1, few), (9, {})) is None
        assert watch("p99>1ms 1s", (9, few), (1, {"latency": [500] * 50})) is None

    def test_enough_samples_above_the_limit_stop_although_it_is_not_known(self) -> None:
        told = watch("p99>1ms 1s", (10, {"latency": [50_000] + [500] * 49}))
        assert told == "stopped after 1s by the rule 'p99>1ms 1s': p99 above 1.00ms over the last 1 s"

    def test_a_known_percentile_above_the_limit_stops(self) -> None:
        told = watch("p99>1ms 1s", (10, {"latency": [50_000] * 100}))
        assert told is not None
        assert "p99 50" in told

    def test_corrected_latency_is_another_figure(self) -> None:
        seen = {"latency": [500] * 100, "latency_intended": [50_000] * 100}
        assert watch("p50>1ms 1s", (10, seen)) is None
        told = watch("corrected p50>1ms 1s", (10, seen))
        assert told is not None
        assert "corrected p50" in told


class TestRate:
    def test_a_lost_rate_stops(self) -> None:
        told = watch("rate<95% 1s", (10, {"sent": 90, "target_rate": 1000.0}))
        assert told is not None
        assert "90.0% of the rate asked for" in told

    def test_a_kept_rate_does_not(self) -> None:
        assert watch("rate<95% 1s", (10, {"sent": 100, "target_rate": 1000.0})) is None

    def test_a_closed_loop_has_no_rate_to_lose(self) -> None:
        assert watch("rate<95% 1s", (10, {"sent": 1})) is None

    def test_workers_add_up(self) -> None:
        stopwatch = StopWatch([parse_stop_rule("rate<150/s 1s")])
        for at in range(10):
            for worker in (0, 1):
                stopwatch.add(window(worker=worker, start_ns=at * GRID_NS, sent=10))
        assert stopwatch.fired() is None
