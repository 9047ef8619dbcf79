"""Events a second that the embedded APM intake takes on one core, with the counts it then answers."""

from __future__ import annotations

import gzip
import json
import secrets
import time
import urllib.request

from benchmarks import programs
from benchmarks.figure import Figure
from benchmarks.harness import SERVER_CORE, median, spread, tree_cpu_s, tree_rss_mb

BATCH, BATCHES = 600, 100
METADATA = {
    "metadata": {
        "service": {"name": "stats", "agent": {"name": "python", "version": "6.26.2"}},
        "process": {"pid": 1},
    }
}


def measure(rounds: int) -> Figure:
    """Rounds of 60,000 events: one transaction with two spans, over and over, in gzipped batches."""
    rates, costs, dropped = [], [], 0
    for _ in range(rounds):
        with programs.intake(SERVER_CORE) as (url, pid):
            bodies = [_body(time.time_ns() // 1000) for _ in range(BATCHES)]
            cpu_s, began = tree_cpu_s(pid), time.perf_counter()
            dropped += sum(_refused(url, body) for body in bodies)
            rates.append(BATCH * BATCHES / (time.perf_counter() - began))
            costs.append((tree_cpu_s(pid) - cpu_s) / (BATCH * BATCHES) * 1e6)
            rss_mb = tree_rss_mb(pid)
    rows = (
        ("events a second", f"{median(rates):,.0f}", spread(rates), "5,000"),
        ("processor time of an event, us", f"{median(costs):.0f}", spread(costs), "–"),
        ("refused events", f"{dropped:,}", "–", "0"),
        (f"memory after {BATCH * BATCHES:,} events", f"{rss_mb:.0f} MB", "–", "–"),
    )
    return Figure(
        "The embedded APM intake",
        "Transactions with two spans each, in gzipped batches of 600 events over one connection, the intake"
        " on one core.",
        ("", "measured", "runs", "goal"),
        rows,
    )


def _body(now_us: int) -> bytes:
    lines = [METADATA]
    for number in range(BATCH // 3):
        trace, transaction = secrets.token_hex(16), secrets.token_hex(8)
        common = {"trace_id": trace, "timestamp": now_us + number, "duration": 12.5}
        lines.append(
            {
                "transaction": common
                | {
                    "id": transaction,
                    "name": "POST /twirp/stats.StatsService/Push",
                    "type": "request",
                    "result": "HTTP 2xx",
                    "outcome": "success",
                    "sampled": True,
                    "span_count": {"started": 2, "dropped": 0},
                }
            }
        )
        lines += [
            {
                "span": common
                | {
                    "id": secrets.token_hex(8),
                    "transaction_id": transaction,
                    "parent_id": transaction,
                    "name": name,
                    "type": "db",
                    "subtype": "mysql",
                    "action": "query",
                }
            }
            for name in ("pool.acquire", "INSERT INTO incoming")
        ]
    return gzip.compress(b"\n".join(json.dumps(line).encode() for line in lines), 1)


def _refused(url: str, body: bytes) -> int:
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    request = urllib.request.Request(f"{url}/intake/v2/events", body, headers)
    with urllib.request.urlopen(request) as answer:
        return 0 if answer.status == 202 else BATCH
