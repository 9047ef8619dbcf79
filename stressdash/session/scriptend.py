"""The end of a run with a script: `done` is told the run's figures, and what was printed is collected."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from typing import TYPE_CHECKING

from stressdash.errors import UsageError
from stressdash.hdr import bucket_high_us
from stressdash.load.scriptstage import Distribution, Summary
from stressdash.metrics.histogram import Histogram

if TYPE_CHECKING:
    from stressdash.session.run import LiveRun
    from stressdash.session.session import Session

__all__ = ["end_script"]


async def end_script(session: Session, run: LiveRun) -> str:
    """What the run's script has printed, `done` included; untrusted. `done` may fail the run."""
    fleet = run.fleet
    if fleet.stage is None:
        return ""
    if fleet.failure is None:
        totals, measured_us = run.totals, round(run.totals.measured_s * 1e6)
        summary = Summary(measured_us, totals.responses, totals.bytes_received, _errors(run))
        rates = _distribution(Counter(map(round, _rates(session, run))))
        try:
            await asyncio.to_thread(fleet.stage.done, summary, _latency(totals.latency), rates)
        except UsageError as error:
            fleet.failure = error
    return fleet.printed.decode("utf-8", "replace")


def _errors(run: LiveRun) -> dict[str, int]:
    """In wrk's five kinds."""
    by_category = run.faults.by_category()

    def count(*categories: str) -> int:
        return sum(by_category.get(category, 0) for category in categories)

    return {
        "connect": count("dns", "connect", "tls"),
        "read": count("read", "protocol"),
        "write": count("write"),
        "status": sum(number for status, number in run.totals.statuses.items() if status >= 400),
        "timeout": count("timeout"),
    }


def _rates(session: Session, run: LiveRun) -> list[float]:
    """Requests a second of each thread, second by second."""
    started_s = run.started_s or 0.0
    ended_s = run.ended_s or session.clock.now_s()
    series = session.timeline.series("client.rate", started_s, max(ended_s, started_s + 1), 1.0)
    return [value / max(1, run.totals.workers) for value in series.values if value is not None]


def _latency(histogram: Histogram) -> Distribution:
    buckets = sorted(histogram.counts.items())
    return Distribution(
        values=[bucket_high_us(index) for index, _ in buckets],
        counts=[count for _, count in buckets],
        mean=histogram.mean or 0.0,
        stdev=histogram.stdev or 0.0,
    )


def _distribution(counts: Counter[int]) -> Distribution:
    total = counts.total() or 1
    mean = sum(value * count for value, count in counts.items()) / total
    square = sum((value - mean) ** 2 * count for value, count in counts.items()) / total
    values = sorted(counts)
    return Distribution(values, [counts[value] for value in values], mean, math.sqrt(square))
