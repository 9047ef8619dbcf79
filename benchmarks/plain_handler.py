"""An aiohttp handler that inserts one row through asyncmy's own pool: the yardstick for the service."""

from __future__ import annotations

import asyncio
import itertools
import os
import time

import asyncmy
from aiohttp import web

from service.database import INSERT
from service.settings import Dsn


async def main() -> None:
    dsn = Dsn.parse(os.environ["STATS_DSN"])
    where = {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "db": dsn.database,
    }
    pool = await asyncmy.create_pool(minsize=1, maxsize=100, autocommit=True, **where)
    ids = itertools.count(time.time_ns() // 1000)

    async def push(request: web.Request) -> web.Response:
        row = await request.json()
        values = (
            next(ids),
            row["property"],
            row["section"],
            row["id"],
            request.remote,
            "2024-01-01 00:00:00",
        )
        async with pool.acquire() as connection, connection.cursor() as cursor:
            await cursor.execute(INSERT, values)
        return web.json_response({})

    app = web.Application()
    app.router.add_post("/{path:.*}", push)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(f"http://{host}:{port}", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
