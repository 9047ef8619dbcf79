"""The service's live traffic, forwarded into a real Elasticsearch: both sources answer the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import elastic_node
import pytest

from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.apm.embedded import EmbeddedSource
from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError
from stressdash.samples import LatencyDistribution, Scope, TransactionSample
from stressdash.stack.folder import StateFolder

pytestmark = [pytest.mark.elastic, pytest.mark.serial, pytest.mark.timeout(400)]

GOOD, BAD = 60, 15
PUSH = "/twirp/stats.StatsService/Push"


@pytest.fixture(scope="module")
def node() -> Iterator[str]:
    """A node with nothing in it."""
    try:
        with elastic_node.node("elastic9") as url:
            yield url
    except elastic_node.Unavailable as error:
        if elastic_node.required("elastic9"):
            pytest.fail(str(error))
        pytest.skip(str(error))


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
        assert await one.discover() == await other.discover()
        assert [(f.name, f.transactions, f.failed, f.errors) for f in await one.overview(*span)] == [
            (f.name, f.transactions, f.failed, f.errors) for f in await other.overview(*span)
        ]

        health = await one.health()
        assert health.forwarding.startswith("forwarded ")
        assert "dropped" not in health.forwarding
