"""The service on MariaDB, without APM, with the default sampling and with full sampling."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from functools import partial

from benchmarks import programs
from benchmarks.engine import plan, run
from benchmarks.figure import Figure
from benchmarks.harness import interleaved, median, spread

CONNECTIONS, SECONDS = 100, 5.0
OFF, TWIN, DEFAULT, FULL, PLAIN = (
    "APM off",
    "APM off again",
    "APM on, default sampling (0.1)",
    "APM on, every call sampled",
    "plain aiohttp + asyncmy handler",
)
GOALS = {DEFAULT: "0.75"}


def measure(rounds: int) -> Figure:
    """Requests a second of each service in turn, all on one MariaDB and one intake."""
    with ExitStack() as stack:
        enter = stack.enter_context
        dsn = enter(programs.mariadb())
        apm = {"ELASTIC_APM_SERVER_URL": enter(programs.intake())[0]}
        off = enter(programs.service(dsn, {}))
        urls = {
            OFF: off,
            DEFAULT: enter(programs.service(dsn, apm)),
            FULL: enter(programs.service(dsn, apm | {"STATS_SAMPLING": "1"})),
            PLAIN: enter(programs.plain_handler(dsn)),
            TWIN: off,
        }
        rates = interleaved({name: partial(rate, url, SECONDS) for name, url in urls.items()}, rounds)
    medians = {name: median(found) for name, found in rates.items()}
    rows = tuple(
        (name, f"{middle:,.0f}", spread(rates[name]), f"{middle / medians[OFF]:.2f}", GOALS.get(name, "–"))
        for name, middle in medians.items()
    )
    return Figure(
        "The service on MariaDB",
        f"Requests a second at {CONNECTIONS} connections with the knobs of act 3; service, database, APM"
        " intake and load share all cores. 'Again' is the noise.",
        ("service", "req/s", "runs", "to APM off", "goal"),
        rows,
        (f"Default sampling to the plain handler: {medians[DEFAULT] / medians[PLAIN]:.2f} (goal: 0.87).",),
    )


def rate(url: str, seconds: float, connections: int = CONNECTIONS) -> float:
    """Completed requests a second."""
    totals = asyncio.run(run(plan(url, connections, seconds)))
    assert totals.goodput_per_s is not None
    return totals.goodput_per_s
