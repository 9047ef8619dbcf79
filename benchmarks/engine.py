"""The load engine by itself, as a command: what the other generators are compared with.

python -m benchmarks.engine URL [-c N] [-d SECONDS] [--numbered] [--workers N] [--coalesce TIME]

Prints one JSON object at the end: counts, connections and percentiles in microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import Any

from stressdash.load.coalescing import parse_coalesce
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan, Request
from stressdash.metrics.window import RunTotals

FIXED = b'{"property":"news","section":1,"id":1}'
NUMBERED = b'{"property":"news","section":{{run}},"id":{{request}}}'
JSON_HEADERS = (("Content-Type", "application/json"),)


def plan(
    url: str,
    connections: int,
    duration_s: float,
    *,
    body: bytes = FIXED,
    workers: int | None = 1,
    coalesce_s: float | None = None,
) -> Plan:
    push = Request("push", "POST", None, JSON_HEADERS, body)
    return Plan(url, (push,), connections, duration_s, workers=workers, coalesce_s=coalesce_s)


async def run(run_plan: Plan) -> RunTotals:
    """Run the load; sums are made as the product makes them."""
    totals = RunTotals()
    fleet = Fleet(run_plan, on_window=totals.add)
    await fleet.start()
    await fleet.wait()
    return totals


def told(totals: RunTotals) -> dict[str, Any]:
    quantiles = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
    return {
        "completed": totals.completed,
        "failed": totals.failed,
        "requests_per_s": totals.requests_per_s,
        "latency_us": {name: totals.latency.percentile(q) for name, q in quantiles.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-c", "--connections", type=int, default=50)
    parser.add_argument("-d", "--duration", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--numbered", action="store_true", help="a body of its own for each request")
    parser.add_argument("--coalesce", type=parse_coalesce, help="serve together what became ready within it")
    words = parser.parse_args()
    run_plan = plan(
        words.url,
        words.connections,
        words.duration,
        body=NUMBERED if words.numbered else FIXED,
        workers=words.workers,
        coalesce_s=words.coalesce,
    )
    print(json.dumps(told(asyncio.run(run(run_plan)))))


if __name__ == "__main__":
    main()
