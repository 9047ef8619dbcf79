"""Figures as every report writes them: client and APM in the same columns, and the sign of a lower bound."""

from __future__ import annotations

from stressdash.report.latency_json import LatencyReport
from stressdash.report.run_json import RunReport
from stressdash.text import DASH, duration_us, percent, rate

__all__ = ["bounded", "figure_rows"]


def bounded(latency: LatencyReport, name: str, sign: str = ">=") -> str:
    """A figure of the distribution, behind the sign where it reaches a lower bound."""
    value = duration_us(getattr(latency, name))
    return f"{sign}{value}" if name in latency.at_least else value


def figure_rows(report: RunReport, sign: str = ">=") -> list[tuple[str, ...]]:
    """Client and APM: name, answers and goodput a second, failed share, mean, p50 and p99 of latency."""
    sent, apm = report.latency_raw_us, report.apm
    seen = apm.latency_us
    client = (
        "client",
        rate(report.requests_per_second),
        rate(report.goodput_per_second),
        percent(report.failed_share),
        *(bounded(sent, name, sign) for name in ("mean", "p50", "p99")),
    )
    service = (
        "apm" if apm.source else "apm off",
        rate(apm.throughput),
        DASH,
        percent(apm.failed_share),
        *map(duration_us, (seen.mean, seen.p50, seen.p99)),
    )
    return [client, service]
