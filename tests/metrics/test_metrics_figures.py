"""The rows at the top cover the seconds they say, and know what they do not know."""

from __future__ import annotations

from dataclasses import replace

import pytest
from window_factory import GRID_NS, window

from stressdash.metrics.figures import RecentWindows, apm_figures, apm_series
from stressdash.samples import ApmBucket, ApmHealth, ApmSeries, Phase, Window

SECOND_NS = 1_000_000_000
SERIES = ApmSeries(
    step_ms=500,
    buckets=(ApmBucket(1_000, 10.0, 2.0, 8.0, 0.0, p50_us=7.0), ApmBucket(2_000, 20.0, 0.0, 20.0, 0.0)),
    provisional_from_ms=2_000,
    newest_ms=8_700,
    sampling=0.1,
    p50_us=150.0,
    p99_us=900.0,
    transactions=2_000.0,
    failed=500.0,
)


def recent_of(*parts: Window) -> RecentWindows:
    recent = RecentWindows()
    for part in parts:
        recent.add(part)
    return recent


class TestClientRow:
    def test_covers_the_last_seconds_only(self) -> None:
        recent = recent_of(
            *(window(start_ns=n * GRID_NS, responses=n // 10, completed=1, failed=1) for n in range(30))
        )
        figures = recent.figures(recent.newest_ns, 1.0)
        assert figures.requests_per_s == pytest.approx(20)
        assert figures.goodput_per_s == pytest.approx(10)
        assert figures.failed_share == pytest.approx(0.5)
        assert figures.trend == 1

    def test_adds_the_newest_gauges_of_all_workers(self) -> None:
        recent = recent_of(
            window(worker=0, open_connections=3, in_flight=2, target_connections=4),
            window(worker=1, open_connections=5, in_flight=5, target_connections=6, busy_connections=1),
            window(worker=0, start_ns=GRID_NS, open_connections=4, in_flight=4, target_connections=4),
        )
        figures = recent.figures(recent.newest_ns, 1.0)
        assert (figures.open_connections, figures.in_flight, figures.target_connections) == (9, 9, 10)
        assert figures.busy_connections == 1

    def test_a_percentile_that_reaches_a_timeout_is_a_bound(self) -> None:
        latency = [100] * 980 + [2_000_000] * 20
        recent = recent_of(window(latency=latency, latency_timeouts=[2_000_000] * 20))
        figures = recent.figures(recent.newest_ns, 1.0)
        assert figures.p99_is_bound
        assert figures.p50_us == 100

    def test_rates_of_a_pause_are_unknown(self) -> None:
        recent = recent_of(window(phase=Phase.PAUSED, open_connections=5))
        figures = recent.figures(recent.newest_ns, 1.0)
        assert (figures.requests_per_s, figures.open_connections, figures.trend) == (None, 5, 0)

    def test_a_falling_rate_is_told_and_a_wobble_is_not(self) -> None:
        parts = [window(start_ns=n * GRID_NS, responses=100 if n < 20 else 90) for n in range(30)]
        assert recent_of(*parts).figures(3 * SECOND_NS, 1.0).trend == -1
        parts = [replace(part, responses=100 if n < 20 else 98) for n, part in enumerate(parts)]
        assert recent_of(*parts).figures(3 * SECOND_NS, 1.0).trend == 0

    def test_forgets_what_is_too_old_to_matter(self) -> None:
        recent = recent_of(*(window(start_ns=n * SECOND_NS) for n in range(100)))
        assert len(recent._windows) <= 16


class TestApmRow:
    def test_comes_from_the_source_and_says_how_late_it_is(self) -> None:
        health = ApmHealth(ok=True, product="intake", dropped=3)
        row = apm_figures(SERIES, health, window_s=1.0, now_ms=10_000, loaded=True, agent_dropped=4)
        assert (row.requests_per_s, row.failed_share, row.p99_us) == (2_000, 0.25, 900)
        assert row.lag_s == pytest.approx(1.3)
        assert row.dropped == 7

    def test_without_load_nothing_lags(self) -> None:
        assert apm_figures(SERIES, None, window_s=1.0, now_ms=10_000, loaded=False).lag_s is None

    def test_of_a_silent_source_is_unknown_with_the_reason(self) -> None:
        health = ApmHealth(ok=False, product="", detail="connection refused")
        row = apm_figures(None, health, window_s=1.0, now_ms=10_000, loaded=True)
        assert (row.requests_per_s, row.failed_share, row.lag_s, row.dropped) == (None, None, None, None)
        assert row.detail == "connection refused"

    def test_without_transactions_a_share_is_unknown(self) -> None:
        empty = replace(SERIES, transactions=0.0, failed=0.0)
        assert apm_figures(empty, None, window_s=1.0, now_ms=0, loaded=True).failed_share is None


class TestApmChart:
    def test_puts_buckets_on_the_axis_with_gaps_where_they_are_lacking(self) -> None:
        series = apm_series("apm.rate", SERIES, 500)
        assert (series.start_s, series.step_s, series.values) == (0.5, 0.5, (20, None, 40))
        assert series.provisional_from_s == 1.5

    @pytest.mark.parametrize(
        ("key", "values"),
        [("apm.p50", (7, None, None)), ("apm.failed", (4, None, 0)), ("apm.p99", (None,) * 3)],
    )
    def test_shows_what_was_asked_for(self, key: str, values: tuple[float | None, ...]) -> None:
        assert apm_series(key, SERIES, 0).values == values

    def test_of_no_buckets_is_empty(self) -> None:
        empty = replace(SERIES, buckets=(), provisional_from_ms=None)
        assert apm_series("apm.rate", empty, 100).values == ()
