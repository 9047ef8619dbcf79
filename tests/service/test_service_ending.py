"""The service ends when it is asked to, whatever its driver makes of a cancellation."""

from __future__ import annotations

import asyncio

import pytest

from service.app import App
from service.errors import DatabaseUnreachable
from service.settings import Settings


async def test_a_driver_that_takes_the_cancellation_for_a_failed_connect_does_not_keep_it_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connecting = asyncio.Event()

    async def create_tables(_: object) -> None:
        connecting.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise DatabaseUnreachable(2003, "cancelled") from None

    monkeypatch.setattr("service.app.Connector.create_tables", create_tables)
    app = App(Settings.from_environment({"STATS_DSN": "mysql://stats@127.0.0.1:1/stats", "STATS_PORT": "0"}))
    await app.start()
    await connecting.wait()
    app.ask_to_stop(1.0)
    async with asyncio.timeout(30):
        await app.serve()
