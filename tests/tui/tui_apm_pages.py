"""Pages of the APM views for tests of screens."""

from __future__ import annotations

from stressdash.samples import (
    Breakdown,
    BreakdownPart,
    Dependency,
    LatencyBand,
    LatencyDistribution,
    ProcessMetric,
    ServiceFigures,
    TransactionGroup,
    TransactionSample,
)
from stressdash.samples.apm_page import ApmPage

START_MS = 1_764_000_000_000
PUSH = "stats.StatsService/Push"
HOSTILE_NAME = "\x1b[31mGET /[bold]{x}\x1b[0m"

SERVICES = (
    ServiceFigures("billing", 0.0, 0.0, 3),
    ServiceFigures("stats", 20_000.0, 5_170.0, 5_170, 164_000.0, 1_190_000.0),
)
BREAKDOWN = Breakdown(
    (
        BreakdownPart("db", "pool", 20_000, 2_400_000_000),
        BreakdownPart("db", "mysql", 19_000, 600_000_000),
        BreakdownPart("app", "", 20_000, 280_000_000),
    )
)
TRANSACTIONS = (
    TransactionGroup(PUSH, 19_000.0, 5_100.0, 3e9, 160_000.0, 151_000.0, 900_000.0, 1_190_000.0),
    TransactionGroup(HOSTILE_NAME, 1_000.0, 70.0, 1e8, 100_000.0, 90_000.0, 150_000.0, None),
)
DISTRIBUTION = LatencyDistribution(
    (
        LatencyBand(100_000, 125_893, 9_000.0, 10.0),
        LatencyBand(125_893, 158_489, 0.0, 0.0),
        LatencyBand(158_489, 199_526, 1_000.0, 900.0),
    ),
    10_000.0,
    110_000.0,
    160_000.0,
    190_000.0,
)
SAMPLES = (
    TransactionSample(
        "4bf92f3577b34da6a3ce929d0e0e4736", "1", PUSH, START_MS, 190_000, "failure", "HTTP 5xx"
    ),
    TransactionSample(
        "5bf92f3577b34da6a3ce929d0e0e4736", "2", PUSH, START_MS, 160_000, "success", "HTTP 2xx"
    ),
)
DEPENDENCIES = (
    Dependency(
        "mysql/stats",
        "db",
        "mysql",
        19_000.0,
        4.0,
        30_000.0,
        28_000.0,
        60_000.0,
        None,
        {"INSERT INTO incoming": 18_996.0},
    ),
)


def apm_page(tab: str, name: str | None, band: tuple[int, int | None]) -> ApmPage:
    """Ten seconds of every tab."""
    low_us, high_us = band
    samples = tuple(one for one in SAMPLES if low_us <= one.duration_us < (high_us or 1e12))
    fields = {
        "services": {
            "services": SERVICES,
            "breakdown": BREAKDOWN,
            "process": ProcessMetric(START_MS, 0.41, 0.98, 61_000_000),
        },
        "transactions": {"transactions": TRANSACTIONS},
        "latency": {"distribution": DISTRIBUTION, "samples": samples},
        "dependencies": {"dependencies": DEPENDENCIES},
    }
    return ApmPage(tab, START_MS, START_MS + 10_000, name, **fields[tab])  # type: ignore[arg-type]
