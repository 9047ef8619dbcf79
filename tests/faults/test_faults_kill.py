"""`kill -9` of a headless run, and of it and its supervisor at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import psutil
import pytest
from command import PASSED_OR_VOID, Command, stored, survivors, until

Start = Callable[..., Awaitable[Command]]

ACT = ("run", "act3", "--stack", "embedded", "--connections", "20", "--duration", "60s", "--json", "-")
SECTION = 2**31
"""Of the test's own rows: no run has this tag."""

pytestmark = pytest.mark.serial


class Pusher:
    """Pushes rows of its own beside the load, and remembers which were acknowledged."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/twirp/stats.StatsService/Push"
        self.acknowledged: set[int] = set()
        self._number = 0

    async def push(self, client: aiohttp.ClientSession) -> None:
        """One row after the other until the service is gone."""
        while True:
            self._number = number = self._number + 1
            row = {"property": "news", "section": SECTION, "id": number}
            try:
                async with client.post(self._url, json=row) as answer:
                    if answer.status == 200 and await answer.read() == b"{}":
                        self.acknowledged.add(number)
            except aiohttp.ClientError:
                return


async def service_port(command: Command) -> int:
    service = await command.comes("service")
    (port,) = {c.laddr.port for c in service.net_connections() if c.status == "LISTEN"}
    return port


class TestKillMinus9:
    @pytest.mark.parametrize("with_supervisor", [False, True])
    async def test_nothing_outlives_it_and_no_acknowledged_row_is_lost(
        self, stressdash: Start, state: Path, with_supervisor: bool
    ) -> None:
        command = await stressdash(*ACT)
        await command.loads()
        pusher = Pusher(await service_port(command))
        async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as pushers:
            for _ in range(8):
                pushers.create_task(pusher.push(client))
            await until(lambda: len(pusher.acknowledged) >= 100)
            family = command.family()
            victims = [process for process in family if process.pid == command.pid]
            if with_supervisor:
                victims.append(await command.comes("stressdash.stack.supervisor"))
            for victim in victims:
                victim.kill()
            assert await asyncio.to_thread(survivors, family) == []
        assert len(family) >= 6  # itself, a worker, the supervisor and three components
        kept = [number for section, number in stored(state) if section == SECTION]
        assert pusher.acknowledged <= set(kept)
        assert len(kept) == len(set(kept))

    async def test_the_database_killed_under_load_keeps_every_acknowledged_row(
        self, stressdash: Start, state: Path
    ) -> None:
        command = await stressdash(*ACT)
        await command.loads()
        pusher = Pusher(await service_port(command))
        async with aiohttp.ClientSession() as client:
            pushing = [asyncio.create_task(pusher.push(client)) for _ in range(8)]
            await until(lambda: len(pusher.acknowledged) >= 100)
            (await command.comes("stressdash.embedded.mysql")).kill()
            for task in pushing:
                task.cancel()
            await asyncio.gather(*pushing, return_exceptions=True)
        assert pusher.acknowledged <= {number for section, number in stored(state) if section == SECTION}

    async def test_the_next_run_in_the_same_folder_finds_all_in_order(
        self, stressdash: Start, state: Path
    ) -> None:
        command = await stressdash(*ACT)
        await command.loads()
        family = command.family()
        for process in family:
            with suppress(psutil.NoSuchProcess):  # it ended with its owner
                process.kill()
        assert survivors(family) == []
        before = stored(state)
        ended = await (await stressdash(*ACT, "--duration", "1s")).ended()
        assert ended.code in PASSED_OR_VOID, ended.err.decode()
        assert ended.report["audit"]["lost"] == 0
        assert ended.report["audit"]["stored"] == len(stored(state)) - len(before)
