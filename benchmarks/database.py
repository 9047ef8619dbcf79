"""Durable inserts a second of the embedded database, asked directly and through the service."""

from __future__ import annotations

import asyncio
import itertools
import time

import asyncmy

from benchmarks import programs
from benchmarks.figure import Figure
from benchmarks.harness import median, spread
from benchmarks.service import rate
from service.database import INSERT
from service.settings import Dsn

CLIENTS, SECONDS = 100, 4.0


def measure(rounds: int) -> Figure:
    """Inserts a second: 100 clients of the database, and 100 connections to the service."""
    with programs.embedded_database() as dsn:
        with programs.service(dsn, {}) as url:  # first, because it makes the table
            through = [rate(url, SECONDS, CLIENTS) for _ in range(rounds)]
        direct = [asyncio.run(_inserts_per_s(Dsn.parse(dsn))) for _ in range(rounds)]
    rows = (
        (f"{CLIENTS} clients of the database", f"{median(direct):,.0f}", spread(direct), "2,000"),
        (f"{CLIENTS} connections to the service, APM off", f"{median(through):,.0f}", spread(through), "–"),
    )
    return Figure(
        "The embedded database",
        "Rows a second, each synced to disk before its answer. Client, server and load share all cores.",
        ("", "rows/s", "runs", "goal"),
        rows,
    )


async def _inserts_per_s(dsn: Dsn) -> float:
    where = {
        "host": dsn.host,
        "port": dsn.port,
        "user": dsn.user,
        "password": dsn.password,
        "db": dsn.database,
    }
    ids = itertools.count(time.time_ns())
    end = time.perf_counter() + SECONDS
    stored = 0

    async def client() -> None:
        nonlocal stored
        connection = await asyncmy.connect(autocommit=True, **where)
        async with connection.cursor() as cursor:
            while time.perf_counter() < end:
                await cursor.execute(INSERT, (next(ids), "news", 1, 1, "127.0.0.1", "2024-01-01 00:00:00"))
                stored += 1
        await connection.ensure_closed()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return stored / SECONDS
