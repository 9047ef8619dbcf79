"""The two rows at the top of the screen: what client and APM say about the same last seconds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from stressdash.metrics.histogram import Histogram
from stressdash.metrics.requests import recent_requests
from stressdash.samples import ApmBucket, ApmHealth, ApmSeries, ClockOffset, Exemplar, Phase, Window
from stressdash.snapshot import ApmFigures, ClientFigures, Series

__all__ = ["RecentWindows", "apm_figures", "apm_series"]

KEPT_NS: Final = 15_000_000_000
STEADY: Final = 0.05
"""Relative change below which the rate counts as unchanged."""

LABELS: Final = {
    "apm.rate": ("apm", "req/s"),
    "apm.failed": ("apm failed", "/s"),
    "apm.p50": ("apm p50", "us"),
    "apm.p99": ("apm p99", "us"),
}


class RecentWindows:
    """The windows of the last seconds, from all workers."""

    def __init__(self) -> None:
        self._windows: deque[Window] = deque()
        self.newest_ns = 0
        """Monotonic end of the newest window."""

    def add(self, window: Window) -> None:
        """Take a window in; forget those that no figure can need any more."""
        self._windows.append(window)
        self.newest_ns = max(self.newest_ns, window.start_ns + window.length_ns)
        while self._windows[0].start_ns < self.newest_ns - KEPT_NS:
            self._windows.popleft()

    def figures(self, now_ns: int, window_s: float) -> ClientFigures:
        """The client's row over the `window_s` seconds before `now_ns` (monotonic)."""
        span_ns = round(window_s * 1e9)
        newest = self._newest_by_worker()
        covered = _of_one_loop(self._between(now_ns - span_ns, now_ns), newest)
        latency, timeouts, unread = Histogram(), Histogram(), Histogram()
        for window in covered:
            latency.add(window.latency)
            timeouts.add(window.latency_timeouts)
            unread.add(window.unread)
        requests_per_s = _rate(covered, lambda window: window.responses)
        before = self._between(now_ns - 3 * span_ns, now_ns - span_ns)
        failed = sum(window.failed for window in covered)
        ended = failed + sum(window.completed for window in covered)
        return ClientFigures(
            window_s=window_s,
            requests_per_s=requests_per_s,
            goodput_per_s=_rate(covered, lambda window: window.completed),
            p50_us=latency.percentile(0.50),
            p99_us=latency.percentile(0.99),
            p99_is_bound=latency.reaches_bound(0.99, timeouts),
            failed_share=failed / ended if ended else None,
            in_flight=sum(window.in_flight for window in newest),
            target_connections=sum(window.target_connections for window in newest),
            open_connections=sum(window.open_connections for window in newest),
            busy_connections=sum(window.busy_connections for window in newest),
            trend=_trend(_rate(before, lambda window: window.responses), requests_per_s),
            **_open_loop(covered, newest),
            unread_p50_us=unread.percentile(0.50),
            by_request=recent_requests(covered, _measured_s(covered)),
        )

    def answered(self, until_ns: int) -> Iterator[Exemplar]:
        """Remembered requests that were answered in full before a moment, those of newer windows first."""
        for window in reversed(self._windows):
            for exemplar in (
                *window.exemplars,
                *(each for fault in window.faults for each in fault.exemplars),
            ):
                whole = exemplar.status is not None and exemplar.sent_ns is not None
                if whole and exemplar.trace_id is not None and exemplar.at_ns < until_ns:
                    yield exemplar

    def _between(self, start_ns: int, end_ns: int) -> list[Window]:
        return [window for window in self._windows if start_ns <= window.start_ns < end_ns]

    def _newest_by_worker(self) -> list[Window]:
        newest: dict[int, Window] = {}
        for window in self._windows:
            seen = newest.get(window.worker)
            if seen is None or window.start_ns >= seen.start_ns:
                newest[window.worker] = window
        return list(newest.values())


def _of_one_loop(windows: Sequence[Window], newest: Sequence[Window]) -> list[Window]:
    """Those of the loop that goes on: open and closed measure different things, and share no histogram."""
    is_open = any(window.target_rate is not None for window in newest)
    return [window for window in windows if (window.target_rate is not None) is is_open]


def _open_loop(covered: Sequence[Window], newest: Sequence[Window]) -> dict[str, Any]:
    """The figures that only the open loop has."""
    rates = [window.target_rate for window in newest if window.target_rate is not None]
    if not rates:
        return {}
    corrected, bounds, lag = Histogram(), Histogram(), Histogram()
    for window in covered:
        corrected.add(window.latency_intended)
        bounds.add(window.latency_intended_bounds)
        lag.add(window.send_lag)
    due = sum(window.scheduled for window in covered)
    return {
        "target_rate": sum(rates),
        "corrected_p50_us": corrected.percentile(0.50),
        "corrected_p99_us": corrected.percentile(0.99),
        "corrected_is_bound": corrected.reaches_bound(0.99, bounds),
        "send_lag_p50_us": lag.percentile(0.50),
        "send_lag_p99_us": lag.percentile(0.99),
        "waited_share": sum(window.waited for window in covered) / due if due else None,
    }


def apm_figures(
    series: ApmSeries | None,
    health: ApmHealth | None,
    *,
    window_s: float,
    now_ms: int,
    loaded: bool,
    agent_dropped: int | None = None,
    enabled: bool | None = None,
    clock: ClockOffset | None = None,
) -> ApmFigures:
    """The service's row.

    Args:
        series: What the source answered for just these seconds; None when it did not.
        health: Of the source; None when not asked yet.
        window_s: Seconds that `series` covers.
        now_ms: Wall clock; the lag is counted from here.
        loaded: Whether load runs: without load nothing new comes in, and a lag would mislead.
        agent_dropped: Events that the agent in the service dropped.
        enabled: Whether the service reports to APM at all.
        clock: How far the service's clock is ahead; None when unknown.
    """
    newest_ms = series.newest_ms if series else None
    dropped = [number for number in (agent_dropped, health.dropped if health else None) if number is not None]
    ended = series.transactions if series else 0
    return ApmFigures(
        window_s=window_s,
        requests_per_s=series.transactions / window_s if series else None,
        p50_us=series.p50_us if series else None,
        p99_us=series.p99_us if series else None,
        failed_share=series.failed / ended if series and ended else None,
        lag_s=max(0.0, (now_ms - newest_ms) / 1e3) if loaded and newest_ms is not None else None,
        dropped=sum(dropped) if dropped else None,
        sampling=series.sampling if series else None,
        enabled=enabled,
        detail=health.detail if health and not health.ok else "",
        clock=clock,
    )


def apm_series(key: str, apm: ApmSeries, origin_ms: int) -> Series:
    """`apm.rate`, `apm.failed`, `apm.p50` or `apm.p99` of an APM answer, for the chart.

    `origin_ms` is the wall-clock time of second 0 of the axis. Buckets that are lacking are gaps.
    """
    label, unit = LABELS[key]
    step_s = apm.step_ms / 1e3
    start_ms = apm.buckets[0].start_ms if apm.buckets else origin_ms
    end_ms = apm.buckets[-1].start_ms + apm.step_ms if apm.buckets else origin_ms
    values: list[float | None] = [None] * ((end_ms - start_ms) // apm.step_ms)
    for bucket in apm.buckets:
        values[(bucket.start_ms - start_ms) // apm.step_ms] = _bucket_value(key, bucket, step_s)
    provisional_ms = apm.provisional_from_ms
    return Series(
        key=key,
        label=label,
        unit=unit,
        start_s=(start_ms - origin_ms) / 1e3,
        step_s=step_s,
        values=tuple(values),
        provisional_from_s=None if provisional_ms is None else (provisional_ms - origin_ms) / 1e3,
    )


def _bucket_value(key: str, bucket: ApmBucket, step_s: float) -> float | None:
    match key:
        case "apm.rate":
            return bucket.transactions / step_s
        case "apm.failed":
            return bucket.failed / step_s
        case "apm.p50":
            return bucket.p50_us
        case _:
            return bucket.p99_us


def _rate(windows: Sequence[Window], number: Callable[[Window], int]) -> float | None:
    """Per measured second, over all workers; None where load did not run."""
    measured_s = _measured_s(windows)
    running = (window for window in windows if window.phase is Phase.RUN)
    return sum(map(number, running)) / measured_s if measured_s else None


def _measured_s(windows: Sequence[Window]) -> float:
    """Seconds in which load ran: the mean over workers."""
    running = [window for window in windows if window.phase is Phase.RUN]
    workers = len({window.worker for window in running})
    return sum(window.length_ns for window in running) / 1e9 / workers if workers else 0.0


def _trend(before: float | None, now: float | None) -> int:
    if before is None or now is None or abs(now - before) <= STEADY * before:
        return 0
    return 1 if now > before else -1
