"""A million transactions in a real Elasticsearch: what a tick takes, and how late errors come.

The node is the one that BENCH_ELASTICSEARCH names, or is started here; see `benchmarks/elastic.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice

from benchmarks import programs
from benchmarks.apm_agent import Stream, streaming
from benchmarks.apm_events import SERVICE, Past, Texts, failed_traces, stored
from benchmarks.apm_size import BACK_MS, CALLS, WATCH_S, WINDOW_S
from benchmarks.apm_ticks import TICKS, Ticks, clock_at, tick_rows, ticks
from benchmarks.elastic import Node, node
from benchmarks.figure import Figure
from benchmarks.harness import LOAD_CORE, Unavailable, wait_until
from benchmarks.reaction import at_the_screen_ms, error_delays_ms
from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.apm.embedded import EmbeddedSource
from stressdash.samples import Scope

BATCH = 400
LIVE = 500
"""Documents a second that arrive meanwhile."""
BASE_S = 10.0
GOAL = "100 ms"
CONNECTIONS = (200, 400)
"""Of the load under which errors are followed into the list."""


def measure(rounds: int) -> Figure:
    """One store, filled once; `rounds` scales nothing here."""
    del rounds
    with node() as found:
        with programs.intake(None, {"STRESSDASH_FORWARD": found.url}) as (url, _):
            wait_until(lambda: found.has("/_index_template/stressdash-traces-apm"), 60)
            began = time.perf_counter()
            past = fill(found)
            filled_s = time.perf_counter() - began
            with streaming(url, "", LIVE, 3 * WATCH_S, LOAD_CORE) as stream:
                rows = watched(found, past, stream)
                refused = stream.end().refused
            forwarded = asyncio.run(told(url))
        raised = [row for connections in CONNECTIONS for row in delays(found, connections)]
        where = (
            f"both cores, 1 GB of heap, {found.rss_mb():.0f} MB at the end" if found.processes else found.url
        )
    if refused or "dropped" in forwarded:
        raise Unavailable(f"events were lost on their way: {refused} refused, {forwarded}")
    return Figure(
        "Elasticsearch at a million transactions",
        f"{CALLS:,} transactions with a span each, one in 20 failed with an error in one of ten groups, in a"
        f" real Elasticsearch, while {LIVE} documents a second arrive through the intake's `--forward`. Ticks"
        " are those of the figure before. Errors in act 1: from when the client had counted so many until"
        " APM's count in the list had reached the same number, plus a whole tick of the screen.",
        ("", "measured", "goal"),
        (*rows, *raised),
        (f"Filled in {filled_s:.0f} s; {where}.",),
    )


def fill(found: Node) -> Past:
    """Store everything as the intake forwards it."""
    past, texts = Past(), Texts(stored)

    def bodies() -> Iterator[bytes]:
        second = 0
        for first, times_us in past.batches(CALLS, BATCH):
            calls = [texts.call(first + place, at_us) for place, at_us in enumerate(times_us)]
            if times_us[-1] // 1_000_000 != second:
                second = times_us[-1] // 1_000_000
                calls.append(texts.second(times_us[-1]))
            yield b"".join(calls)

    every = bodies()
    found.store(islice(every, 1))  # makes the data streams
    found.refresh_every("30s")
    found.store(every)
    return past


def watched(found: Node, past: Past, stream: Stream) -> list[tuple[str, str, str]]:
    """Ticks over the newest seconds, and over the newest minute of the million."""
    time.sleep(WINDOW_S)
    cpu_s = found.cpu_s()
    time.sleep(BASE_S)
    base = (found.cpu_s() - cpu_s) / BASE_S
    rows = []
    for interval in ("1s", "200ms"):
        found.refresh_every(interval)
        cpu_s, began = found.cpu_s(), time.perf_counter()
        live = look(found, past, time.time_ns() // 1_000_000, failed_traces(stream.calls_at))
        cpu_s = found.cpu_s() - cpu_s - base * (time.perf_counter() - began)
        rows += tick_rows(f"tick, refresh {interval}", live, GOAL)
        rows.append(
            (
                "its processor time: Elasticsearch / dashboard",
                f"{cpu_s / TICKS * 1000:.0f} / {live.own_cpu_ms:.1f} ms" if found.processes else "–",
                "–",
            )
        )
    dense = look(found, past, past.ended_ms - BACK_MS, failed_traces(past.calls_at))
    rows += tick_rows("tick, within the million, refresh 200ms", dense, GOAL)
    return [*rows, ("the tick after choosing a service: all of the run", f"{dense.first_ms:.0f} ms", "–")]


def look(found: Node, past: Past, now_ms: int, failed: Callable[[int], Iterable[str]]) -> Ticks:
    connection, scope = Connection(found.url, timeout_s=60), Scope(SERVICE)
    clock = clock_at(now_ms, past.began_ms)
    return asyncio.run(ticks(partial(ElasticSource, connection, scope, clock.wall_ms), clock, failed))


async def told(url: str) -> str:
    """What the intake says of its forwarding."""
    source = EmbeddedSource(url)
    try:
        return (await source.health()).forwarding
    finally:
        await source.aclose()


def delays(found: Node, connections: int) -> list[tuple[str, str, str]]:
    """How late errors of the service are in the list, with Elasticsearch as the source."""
    seen = asyncio.run(error_delays_ms(connections, found.url))
    return [
        (
            f"error at the service to its line, {connections} connections, p95",
            f"{at_the_screen_ms(seen, 0.95):,.0f} ms",
            "3,000 ms",
        ),
        ("p50", f"{at_the_screen_ms(seen, 0.5):,.0f} ms", "–"),
    ]
