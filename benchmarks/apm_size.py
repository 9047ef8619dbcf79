"""A million transactions in the store: what a tick of the dashboard costs, and the intake."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import secrets
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from benchmarks import programs
from benchmarks.figure import Figure
from benchmarks.harness import SERVER_CORE, Unavailable, tree_cpu_s, tree_rss_mb
from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.apm.embedded import EmbeddedSource
from stressdash.apm.source import ApmSource
from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.forward import made
from stressdash.errors import SourceError
from stressdash.samples import Scope

CONTRACTS = Path(__file__).resolve().parent.parent / "tests" / "contracts"
TRANSACTIONS = 1_000_000
PER_SECOND = 2_000
BATCH = 500
ERROR_SHARE = 20
"""One transaction in so many has failed, with an error."""
WINDOW_MS = 15_000
TICKS = 60
RAISED = 40
"""Errors that are followed into the list."""
METADATA = {"metadata": {"service": {"name": "stats", "agent": {"name": "python", "version": "6.26.2"}}}}


def measure(rounds: int) -> Figure:
    """One store of a million transactions, each with a span, filled once; `rounds` scales nothing here."""
    del rounds
    with programs.intake(SERVER_CORE) as (url, pid):
        started_us = (time.time_ns() // 1000) - TRANSACTIONS // PER_SECOND * 1_000_000
        sent, refused, elapsed_s, cpu_s = fill(url, pid, started_us)
        rss_mb = tree_rss_mb(pid)
        before_s = tree_cpu_s(pid)
        embedded = asyncio.run(ticks(EmbeddedSource(url, "", Scope("stats")), started_us // 1000))
        tick_cpu_ms = (tree_cpu_s(pid) - before_s) / (TICKS + 2) * 1000
        views = asyncio.run(view(EmbeddedSource(url, "", Scope("stats")), started_us // 1000))
        after_mb = tree_rss_mb(pid)
    rows = [
        ("events a second, sent in one stream", f"{sent / elapsed_s:,.0f}", "5,000"),
        ("events that were dropped or refused", f"{refused:,}", "0"),
        ("processor time of an event, us", f"{cpu_s / sent * 1e6:.0f}", "–"),
        (f"intake's memory after {sent:,} events", f"{rss_mb:.0f} MB", "–"),
        ("its memory after all questions", f"{after_mb:.0f} MB", "–"),
        ("tick, embedded, p50", f"{embedded[0]:.1f} ms", "–"),
        ("tick, embedded, p95", f"{embedded[1]:.1f} ms", "30 ms"),
        ("intake's processor time of a tick", f"{tick_cpu_ms:.1f} ms", "–"),
        ("transactions by name over all, embedded", f"{views:.0f} ms", "–"),
    ]
    try:
        elastic, raised = over_elasticsearch()
    except Unavailable as error:
        rows.append(("tick, Elasticsearch", str(error), "100 ms"))
    else:
        rows += [
            ("tick, Elasticsearch 9, p50", f"{elastic[0]:.1f} ms", "–"),
            ("tick, Elasticsearch 9, p95", f"{elastic[1]:.1f} ms", "100 ms"),
            ("error forwarded -> line in the list, p50", f"{raised[0]:.0f} ms", "–"),
            ("error forwarded -> line in the list, p95", f"{raised[1]:.0f} ms", "3,000 ms"),
        ]
    return Figure(
        "APM at a million transactions",
        f"{TRANSACTIONS:,} transactions with a span each, one in {ERROR_SHARE} failed with an error, over"
        f" {TRANSACTIONS // PER_SECOND} seconds of event time. A tick asks what the dashboard asks: the"
        f" series of the newest {WINDOW_MS // 1000} s, the error groups since the beginning, and the health.",
        ("", "measured", "goal"),
        tuple(rows),
        ("The intake on one core; Elasticsearch, where it ran, on both, with 1 GB of heap.",),
    )


def fill(url: str, pid: int, started_us: int) -> tuple[int, int, float, float]:
    """Send everything: events, those that were refused, seconds, and processor seconds of the intake."""
    sent = refused = 0
    elapsed_s, cpu_s = 0.0, tree_cpu_s(pid)
    for first in range(0, TRANSACTIONS, BATCH):
        lines = list(events(first, started_us))
        body = gzip.compress(b"\n".join(lines), 1)
        began = time.perf_counter()
        accepted = post(url, body)
        elapsed_s += time.perf_counter() - began
        sent += len(lines) - 1
        refused += 0 if accepted else len(lines) - 1
    return sent, refused, elapsed_s, tree_cpu_s(pid) - cpu_s


def events(first: int, started_us: int) -> Iterator[bytes]:
    """Lines of one batch."""
    yield json.dumps(METADATA).encode()
    for number in range(first, first + BATCH):
        trace, identifier = secrets.token_hex(16), secrets.token_hex(8)
        at_us = started_us + number * 1_000_000 // PER_SECOND
        failed = number % ERROR_SHARE == 0
        outcome, result = ("failure", "HTTP 5xx") if failed else ("success", "HTTP 2xx")
        own = {"trace_id": trace, "timestamp": at_us}
        name = "POST /twirp/stats.StatsService/Push"
        duration = 5 + number % 97 / 3
        transaction = own | {
            "id": identifier,
            "name": name,
            "type": "request",
            "result": result,
            "outcome": outcome,
            "duration": duration,
            "sampled": True,
            "span_count": {"started": 1},
        }
        span = own | {
            "id": secrets.token_hex(8),
            "transaction_id": identifier,
            "parent_id": identifier,
            "name": "INSERT INTO incoming",
            "type": "db",
            "subtype": "mysql",
            "duration": duration / 2,
            "context": {"destination": {"service": {"resource": "mysql/stats"}}},
        }
        yield json.dumps({"transaction": transaction}).encode()
        yield json.dumps({"span": span}).encode()
        if failed:
            yield json.dumps({"error": error(own, identifier, "Error 1040: Too many connections")}).encode()


def error(own: dict[str, object], transaction: str, message: str) -> dict[str, object]:
    """An error of a transaction."""
    frame = {"filename": "service/stats.py", "function": "push", "module": "service.stats", "lineno": 41}
    return own | {
        "id": secrets.token_hex(16),
        "transaction_id": transaction,
        "parent_id": transaction,
        "exception": {"type": "OperationalError", "message": message, "stacktrace": [frame]},
        "transaction": {"name": "Push", "type": "request", "sampled": True},
    }


def post(url: str, body: bytes) -> bool:
    """Whether the intake took all of it."""
    headers = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
    request = urllib.request.Request(f"{url}/intake/v2/events", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        taken: bool = answer.status == 202
        return taken


async def ticks(source: ApmSource, start_ms: int) -> tuple[float, float]:
    """Median and p95 in ms of ticks that follow one another through the newest minute."""
    end_ms = start_ms + TRANSACTIONS // PER_SECOND * 1000
    times = []
    for tick in range(TICKS + 2):
        now_ms = (end_ms // 1000 - 60 + tick) * 1000
        began = time.perf_counter()
        await asyncio.gather(
            source.series(now_ms - WINDOW_MS, now_ms, 1000),
            source.error_groups(start_ms - 1000, now_ms),
            source.health(),
        )
        times.append(1000 * (time.perf_counter() - began))
    await source.aclose()
    ordered = sorted(times[2:])
    return ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]


async def view(source: ApmSource, start_ms: int) -> float:
    """Milliseconds of transactions by name over everything."""
    began = time.perf_counter()
    await source.transactions(start_ms, start_ms + TRANSACTIONS // PER_SECOND * 1000)
    await source.aclose()
    return 1000 * (time.perf_counter() - began)


def over_elasticsearch() -> tuple[tuple[float, float], tuple[float, float]]:
    """Ticks over a real node that got everything by `--forward`, and how soon an error is in its list.

    Raises:
        Unavailable: there is no node on this machine.
    """
    sys.path.insert(0, str(CONTRACTS))
    import elastic_node

    started_ms = time.time_ns() // 1_000_000 - TRANSACTIONS // PER_SECOND * 1000
    try:
        with elastic_node.node("elastic9", heap="1g") as node:
            connection = Connection(node, timeout_s=60)
            with programs.intake(None, {"STRESSDASH_FORWARD": node}) as (url, _):
                asyncio.run(lag(ElasticSource(connection, Scope("stats")), url, 3))  # the templates are there
                index_all(node, started_ms * 1000)
                found = asyncio.run(ticks(ElasticSource(connection, Scope("stats")), started_ms))
                raised = asyncio.run(lag(ElasticSource(connection, Scope("stats")), url, RAISED))
                return found, raised
    except elastic_node.Unavailable as error:
        raise Unavailable(str(error)) from error


def index_all(node: str, started_us: int) -> None:
    """Store all but the spans, as the intake forwards them, and wait until it is searchable."""
    base = base_document(METADATA["metadata"], started_us)
    for first in range(0, TRANSACTIONS, BATCH):
        lines = []
        for text in list(events(first, started_us))[1:]:
            if not text.startswith(b'{"span"'):
                key = "927a607288262b9a" if text.startswith(b'{"error"') else ""
                each = made(Line(text, base, None, key))
                lines += [json.dumps({"create": {"_index": each.index}}).encode(), each.text]
        send(f"{node}/_bulk", b"\n".join([*lines, b""]))
    send(f"{node}/_refresh", b"")


def send(url: str, body: bytes) -> None:
    """POST that must not fail."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/x-ndjson"}, method="POST")
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert b'"errors":true' not in answer.read()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Ask every 50 ms, at most ten minutes; Elasticsearch cannot answer while it makes an index."""
    async with asyncio.timeout(600):
        while True:
            with contextlib.suppress(SourceError):
                if await holds():
                    return
            await asyncio.sleep(0.05)


async def lag(source: ElasticSource, url: str, count: int) -> tuple[float, float]:
    """Median and p95 in ms from sending an error to the intake to seeing it in the list of groups."""
    times = []
    for number in range(count):
        at_us = time.time_ns() // 1000
        own: dict[str, object] = {"trace_id": secrets.token_hex(16), "timestamp": at_us}
        event = error(own, secrets.token_hex(8), f"lag {number}")
        lines = (json.dumps(METADATA).encode(), json.dumps({"error": event}).encode())
        began = time.perf_counter()
        await asyncio.to_thread(post, url, gzip.compress(b"\n".join(lines), 1))

        async def seen(at_ms: int = at_us // 1000) -> bool:
            return bool(await source.error_groups(at_ms, at_ms + 1))

        await until(seen)
        times.append(1000 * (time.perf_counter() - began))
    await source.aclose()
    ordered = sorted(times)
    return ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
