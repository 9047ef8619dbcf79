"""The service's live traffic, forwarded into a real Elasticsearch: both sources answer the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import elastic_node
import pytest

from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.apm.embedded import EmbeddedSource
from stressdash.apm.source import ApmSource
from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.forward import Forwarder
from stressdash.embedded.apm.upstream import Upstream
from stressdash.errors import SourceError
from stressdash.samples import LatencyDistribution, Scope, TransactionSample
from stressdash.session.apmwatch import ApmWatch
from stressdash.session.clock import Clock
from stressdash.session.polls import polling
from stressdash.stack.folder import StateFolder

pytestmark = [pytest.mark.elastic, pytest.mark.serial, pytest.mark.timeout(400)]

GOOD, BAD = 60, 15
PUSH = "/twirp/stats.StatsService/Push"


@pytest.fixture(scope="module")
def restartable() -> Iterator[elastic_node.Node]:
    """A node with nothing in it."""
    try:
        with elastic_node.running_node("elastic9") as made:
            yield made
    except elastic_node.Unavailable as error:
        if elastic_node.required("elastic9"):
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture
def node(restartable: elastic_node.Node) -> str:
    """Its URL."""
    return restartable.url


@dataclass(frozen=True)
class Served:
    """Both sources after the service has served, and the range of time in which it did."""

    embedded: ApmSource
    elastic: ApmSource
    start_ms: int
    end_ms: int


async def command(state: Path, *words: str) -> Any:
    """Output of a command of stressdash, as JSON when it is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stressdash.cli", *words, "--state", str(state)),
        env={**os.environ, "COVERAGE_PROCESS_START": ""},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out) if out.startswith(b"{") else out


@asynccontextmanager
async def serving(node: str) -> AsyncIterator[Served]:
    """The embedded stack, its service having answered calls of which some failed."""
    parent = Path(tempfile.mkdtemp(prefix="sd-"))
    state = parent / "s"
    words = ("--stack", "embedded", "--forward", node, "--knob", "sampling=1", "--json")
    try:
        told = await command(state, "up", *words)
        addresses = {one["name"]: next(iter(one["endpoints"].values())) for one in told["components"]}
        await asyncio.to_thread(call_service, addresses["service"])
        secret = StateFolder(state).secrets().apm
        scope = Scope("stats")
        embedded = EmbeddedSource(addresses["apm"], secret, scope)
        elastic = ElasticSource(Connection(node, timeout_s=60), scope)
        try:
            yield await settled(embedded, elastic)
        finally:
            await embedded.aclose()
            await elastic.aclose()
    finally:
        await command(state, "down")
        shutil.rmtree(parent, ignore_errors=True)


def call_service(url: str) -> None:
    """Calls that are stored, and some that are refused for what they ask."""
    for number in range(GOOD + BAD):
        body = {"property": "news" if number < GOOD else "olds", "section": 1, "id": number + 1}
        request = urllib.request.Request(
            f"{url}{PUSH}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                response.read()
        except urllib.error.HTTPError as error:
            error.close()


async def settled(embedded: EmbeddedSource, elastic: ElasticSource) -> Served:
    """Once both have everything; Elasticsearch cannot answer while it makes an index."""
    async with asyncio.timeout(120):
        while True:
            newest = (await embedded.health()).newest_ms or 0
            served = Served(embedded, elastic, newest - 60_000, newest + 5_000)
            with contextlib.suppress(SourceError):
                if await complete(served):
                    return served
            await asyncio.sleep(0.2)


async def complete(served: Served) -> bool:
    """Whether all calls, and the metrics of the last one, are in both."""
    span = (served.start_ms, served.end_ms)
    sources = (served.embedded, served.elastic)
    counts = [(await source.series(*span, 1000)).transactions for source in sources]
    parts = [await source.breakdown(*span) for source in sources]
    errors = [[group.count for group in await source.error_groups(*span)] for source in sources]
    spans = [sum(each.calls for each in await source.dependencies(*span)) for source in sources]
    return (
        counts == [GOOD + BAD] * 2
        and sum(part.count for part in parts[0].parts if part.type == "app") == GOOD + BAD
        and parts[0] == parts[1]
        and errors[0] == errors[1]
        and spans[0] == spans[1]
    )


def counted(found: LatencyDistribution) -> list[tuple[int, float, float]]:
    return [(band.low_us, band.transactions, band.failed) for band in found.bands]


def shown(samples: tuple[TransactionSample, ...]) -> set[TransactionSample]:
    return set(samples)


async def test_live_traffic_is_the_same_through_elasticsearch(node: str) -> None:
    async with serving(node) as served:
        span = (served.start_ms, served.end_ms)
        one, other = served.embedded, served.elastic
        series = [await source.series(*span, 1000) for source in (one, other)]
        assert [
            [(b.transactions, b.failed, b.succeeded, b.errors, b.results) for b in each.buckets]
            for each in series[:1]
        ] == [
            [(b.transactions, b.failed, b.succeeded, b.errors, b.results) for b in each.buckets]
            for each in series[1:]
        ]
        assert series[0].failed == BAD
        assert series[0].mean_us == pytest.approx(series[1].mean_us)

        groups = await one.error_groups(*span)
        assert groups == await other.error_groups(*span)
        assert groups[0].count == BAD
        for group in groups:
            assert await one.error_names(group.key, *span) == await other.error_names(group.key, *span)
            assert await one.error_sample(group.key, 3) == await other.error_sample(group.key, 3)

        bands = [await source.latency_distribution(*span) for source in (one, other)]
        assert counted(bands[0]) == counted(bands[1])
        samples = await one.transaction_samples(*span, limit=100)
        assert shown(samples) == shown(await other.transaction_samples(*span, limit=100))
        assert len(samples) == GOOD + BAD
        for sample in (samples[0], samples[-1]):
            assert await one.trace(sample.trace_id) == await other.trace(sample.trace_id)
            assert (await one.trace(sample.trace_id)).spans

        blank: dict[str, Any] = {"mean_us": None, "p50_us": None, "p95_us": None, "p99_us": None}
        called = [[replace(d, **blank) for d in await s.dependencies(*span)] for s in (one, other)]
        assert called[0] == called[1]
        assert called[0]
        assert await one.breakdown(*span) == await other.breakdown(*span)
        names = [
            [(t.name, t.transactions, t.failed) for t in await s.transactions(*span)] for s in (one, other)
        ]
        assert names[0] == names[1]
        assert await one.discover() == tuple(f for f in await other.discover() if f.name == "stats")
        assert [(f.name, f.transactions, f.failed, f.errors) for f in await one.overview(*span)] == [
            (f.name, f.transactions, f.failed, f.errors) for f in await other.overview(*span)
        ]

        health = await one.health()
        assert health.forwarding.startswith("forwarded ")
        assert "dropped" not in health.forwarding


EVENTS = 30
SERVICE = "restarted"
METADATA: dict[str, Any] = {"service": {"name": SERVICE, "agent": {"name": "test", "version": "1"}}}


def event(number: int) -> Line:
    now_us = time.time_ns() // 1000
    transaction = {
        "id": f"{number:016x}",
        "trace_id": f"{number:032x}",
        "type": "request",
        "name": "GET /",
        "span_count": {"started": 0},
        "duration": 1.0,
        "timestamp": now_us,
    }
    text = json.dumps({"transaction": transaction}).encode()
    return Line(text, base_document(METADATA, now_us), transaction["trace_id"])


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110  another process tells nobody
            await asyncio.sleep(0.1)


@asynccontextmanager
async def watching(url: str) -> AsyncIterator[ApmWatch]:
    """What a session does with a source."""
    source = ElasticSource(Connection(url), Scope(SERVICE))
    watch = ApmWatch(source, Clock())
    polls = asyncio.create_task(polling(0.5, lambda: watch.poll(())))
    try:
        yield watch
    finally:
        polls.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await polls
        await source.aclose()


@asynccontextmanager
async def forwarding(url: str) -> AsyncIterator[Forwarder]:
    forwarder = Forwarder(Upstream(url), lambda _: None)
    async with asynccontextmanager(forwarder.running)():
        yield forwarder


async def test_a_node_that_restarts_is_missed_and_found_again_and_gets_what_waited(
    restartable: elastic_node.Node,
) -> None:
    url = restartable.url

    def seen(watch: ApmWatch) -> float:
        chart = watch.chart(0)
        return sum(bucket.transactions for bucket in chart.buckets) if chart is not None else 0

    async with watching(url) as watch, forwarding(url) as forwarder:
        for number in range(EVENTS):
            forwarder.offer(event(number))
        await until(lambda: seen(watch) == EVENTS)

        await asyncio.to_thread(restartable.stop)
        for number in range(EVENTS, 2 * EVENTS):
            forwarder.offer(event(number))
        await until(lambda: "cannot be reached" in watch.trouble and "trying again" in forwarder.trouble())
        assert seen(watch) == EVENTS
        assert watch.trouble.startswith(f"Elasticsearch at {url} ")

        await asyncio.to_thread(restartable.start)
        await until(lambda: forwarder.sent == 2 * EVENTS and not watch.trouble)
        await until(lambda: seen(watch) == 2 * EVENTS)
        assert (forwarder.dropped, forwarder.trouble()) == (0, "")


KEYWORD = {"type": "keyword"}
RED: dict[str, Any] = {
    "settings": {"index.routing.allocation.require._name": "nobody", "number_of_replicas": 0}
}
MISTYPED: dict[str, Any] = {
    "mappings": {"properties": {"transaction.duration.us": KEYWORD, "service.name": KEYWORD}}
}


@pytest.mark.parametrize("settings", [RED, MISTYPED], ids=["red", "mistyped"])
async def test_an_index_that_cannot_be_searched_is_told_and_the_others_are_shown(
    node: str, settings: dict[str, Any]
) -> None:
    index = f"{node}/apm-7.17.29-transaction-000001"
    now_ms = time.time_ns() // 1_000_000
    source = ElasticSource(Connection(node, timeout_s=60), Scope(SERVICE))
    async with aiohttp.ClientSession() as client, forwarding(node) as forwarder:

        async def send(method: str, path: str, document: Any = None) -> None:
            async with client.request(method, f"{index}{path}", json=document) as response:
                assert response.status < 300, await response.text()

        try:
            forwarder.offer(event(1))
            await until(lambda: forwarder.sent == 1)
            await send("PUT", "?wait_for_active_shards=0", settings)
            if settings is MISTYPED:
                names = {"processor": {"event": "transaction"}, "service": {"name": SERVICE}}
                transaction = {"type": "request", "duration": {"us": "long"}}
                document = {"@timestamp": now_ms, **names, "transaction": transaction}
                await send("POST", "/_doc?refresh=true", document)
            async with asyncio.timeout(60):
                while True:
                    asked = source.series(now_ms - 600_000, now_ms + 1000, 1000), source.health()
                    series, health = await asyncio.gather(*asked)
                    if series.transactions and health.detail:
                        break
                    await asyncio.sleep(0.1)
            assert health.ok
            assert "shards failed, figures are incomplete" in health.detail
        finally:
            await send("DELETE", "")
            await source.aclose()


HOSTILE = "\x1b]0;owned\x07\x00[/]{{7*7}}\u202e</script>' OR 1=1 --\U0001f4a9"


async def test_ten_thousand_groups_hostile_text_and_a_megabyte_of_stack_come_back_as_they_went(
    node: str,
) -> None:
    frames = [{"filename": HOSTILE, "function": f"f{n}", "context_line": "x" * 1000} for n in range(1100)]
    base = base_document({**METADATA, "service": {**METADATA["service"], "name": "hostile"}}, 0)
    now_us = time.time_ns() // 1000

    def raised(number: int) -> Line:
        stack = {"stacktrace": frames} if not number else {}
        error = {
            "id": f"{number:032x}",
            "timestamp": now_us,
            "culprit": HOSTILE,
            "exception": {"type": HOSTILE, "message": HOSTILE, **stack},
            "context": {"tags": {"said": HOSTILE}},
        }
        return Line(json.dumps({"error": error}).encode(), base, None, f"{number:016x}")

    source = ElasticSource(Connection(node, timeout_s=60), Scope("hostile"))
    try:
        async with forwarding(node) as forwarder:
            for number in range(10_000):
                forwarder.offer(raised(number))
            await until(lambda: forwarder.sent + forwarder.dropped == 10_000)
            assert forwarder.dropped == 0
        span = (now_us // 1000 - 1000, now_us // 1000 + 1000)
        async with asyncio.timeout(60):
            while (await source.series(*span, 1000)).buckets[1].errors < 10_000:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        groups = await source.error_groups(*span)
        assert len(groups) == 200
        assert {(group.type, group.message, group.culprit) for group in groups} == {(HOSTILE,) * 3}
        sample = await source.error_sample(f"{0:016x}", 0, *span, HOSTILE)
        assert sample is not None
        assert (len(sample.frames), sample.frames[-1].filename) == (1100, HOSTILE)
        assert sample.labels == {"said": HOSTILE}
    finally:
        await source.aclose()
