"""The service as its owner sees it: a process with an environment, a port, signals and a database."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from service_harness import MariaDb

PUSH = "/twirp/stats.StatsService/Push"
NEWS = {"property": "news", "section": 1, "id": 1}


async def until_ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            async with session.get(f"{url}/readyz") as answer:
                if answer.status == 200:
                    return
            await asyncio.sleep(0.02)


class TestStoringRows:
    async def test_a_pushed_pageview_is_in_the_table_as_the_reference_describes_it(
        self, mariadb: MariaDb, running: Any
    ) -> None:
        async with running(STATS_DSN=mariadb.dsn) as service, aiohttp.ClientSession() as session:
            await until_ready(session, service.url)
            body = {"property": "news", "section": 77001, "id": 5}
            async with session.post(
                service.url + PUSH, json=body, headers={"X-Real-IP": "192.0.2.7"}
            ) as answer:
                assert (answer.status, await answer.json()) == (200, {})
            rows = await mariadb.query(
                "SELECT property, property_id, remote_ip,"
                " ABS(TIMESTAMPDIFF(SECOND, stamp, UTC_TIMESTAMP())) < 5"
                " FROM incoming WHERE property_section = 77001"
            )
        assert rows == [("news", 5, "192.0.2.7", 1)]
