"""The real Python agent sends to the real process, and the source shows what it saw."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from stressdash.apm.embedded import EmbeddedSource
from stressdash.samples import Scope

TOKEN = "agent-secret"

PROGRAM = """
import elasticapm
from elasticapm import Client

client = Client(service_name="shop", metrics_interval="1s")
for number in range(20):
    client.begin_transaction("request")
    elasticapm.label(order=number)
    with elasticapm.capture_span("SELECT stock", span_type="db", span_subtype="mysql"):
        pass
    outcome = "success"
    if number % 4 == 0:
        outcome = "failure"
        try:
            raise ValueError(f"no stock for order {number}")
        except ValueError:
            client.capture_exception()
    elasticapm.set_transaction_outcome(outcome)
    client.end_transaction("GET /order", "HTTP 2xx")
print(client.server_version)
client.close()
"""


@asynccontextmanager
async def process(*command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def test_what_the_agent_captured_is_what_the_source_tells(tmp_path: Path) -> None:
    program = tmp_path / "shop.py"
    program.write_text(PROGRAM)
    async with process(
        "-m", "stressdash.embedded.apm", "--until-stdin-closes", STRESSDASH_APM_TOKEN=TOKEN
    ) as intake:
        assert intake.stdout is not None
        first = await asyncio.wait_for(intake.stdout.readline(), 60)
        url = first.decode().removeprefix("listening on ").strip()
        settings = {
            "ELASTIC_APM_SERVER_URL": url,
            "ELASTIC_APM_SECRET_TOKEN": TOKEN,
            "ELASTIC_APM_CLOUD_PROVIDER": "none",
        }
        async with process(str(program), **settings) as shop:
            await asyncio.wait_for(shop.communicate(), 120)
            assert shop.returncode == 0
        source = EmbeddedSource(url, TOKEN, Scope("shop"))
        try:
            health = await source.health()
            assert (health.ok, health.dropped, health.detail) == (True, 0, "")
            assert health.newest_ms is not None
            second = health.newest_ms // 1000 * 1000
            series = await source.series(second - 59_000, second + 1000, 1000)
            assert (series.transactions, series.failed, series.sampling) == (20, 5, 1)
            (group,) = await source.error_groups(second - 59_000, second + 1000)
            assert (group.count, group.type, len(group.names)) == (5, "ValueError", 5)
            sample = await source.error_sample(group.key, 0)
            assert sample is not None
            assert sample.trace_id is not None
            assert sample.frames[-1].context.strip().startswith("raise ValueError")
            trace = await source.trace(sample.trace_id)
            assert [span.kind for span in trace.spans] == ["transaction", "span", "error"]
            assert await source.groups_of([sample.trace_id]) == {sample.trace_id: (group.key,)}
        finally:
            await source.aclose()
