"""Several processes of the service on one port: one service to everybody who asks."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from hypothesis import given
from hypothesis import strategies as st
from service_harness import PUSH, MariaDb, bearer, news, spawn, status, until, until_ready

from service.pool import Limits
from service.siblings import Place, share, total

NOWHERE = "mysql://stats:secret@127.0.0.1:1/stats"
WORKERS = {"STATS_WORKERS": "3"}


def place(number: int, count: int) -> Place:
    return Place(Path("/nowhere"), number, count)


def members(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children()


async def are_gone(processes: list[psutil.Process]) -> None:
    async def gone() -> bool:
        return not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes)

    await until(gone)


class TestShares:
    @given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 64))
    def test_add_up_to_what_was_asked_for(self, max_open: int, max_idle: int, count: int) -> None:
        shares = [share(Limits(max_open, max_idle), place(number, count)) for number in range(count)]
        assert sum(one.max_idle for one in shares) == max_idle
        assert sum(one.max_open for one in shares) == (max(max_open, count) if max_open else 0)
        assert all(one.max_open for one in shares) or not max_open, "0 would be no limit"


class TestTotal:
    def test_counts_add_up_and_knobs_stay(self) -> None:
        one = {"pool": {"open": 3}, "sampling": 0.1, "agent_dropped": 1, "requests": 5}
        one |= {"in_flight": 2, "cpu_seconds": 0.5}
        assert total([one, one]) == {
            "pool": {"open": 6}, "sampling": 0.1, "agent_dropped": 2, "requests": 10,
            "in_flight": 4, "cpu_seconds": 1.0, "workers": 2,
        }  # fmt: skip


class TestOneService:
    async def test_tells_one_status_whichever_process_is_asked(self, mariadb: MariaDb, running: Any) -> None:
        settings = {"STATS_DSN": mariadb.dsn, "STATS_MAX_OPEN": "8"} | WORKERS
        async with running(**settings) as service:
            for number in range(1, 7):
                async with aiohttp.ClientSession() as session:  # each on a connection of its own
                    await until_ready(session, service.url)
                    async with session.post(service.url + PUSH, json=news(number)) as answer:
                        assert (answer.status, await answer.text()) == (200, "{}")
                    told = await status(service, session)
                    assert (told["workers"], told["pool"]["max_open"]) == (3, 8)
                    assert told["requests"] == number

    async def test_takes_a_knob_in_all_its_processes(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE, **WORKERS) as service:
            async with aiohttp.ClientSession() as session:
                knobs = {"sampling": 0.5, "max_open": 10}
                url, head = f"{service.url}/admin/knobs", bearer(service)
                async with session.patch(url, json=knobs, headers=head) as answer:
                    assert answer.status == 200
            for _ in range(8):
                async with aiohttp.ClientSession() as session:
                    told = await status(service, session)
                    assert (told["sampling"], told["pool"]["max_open"]) == (0.5, 10)

    async def test_refuses_a_bad_knob_in_all_its_processes(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE, **WORKERS) as service, aiohttp.ClientSession() as session:
            url, head = f"{service.url}/admin/knobs", bearer(service)
            async with session.patch(url, json={"sampling": 2}, headers=head) as answer:
                assert answer.status == 422
            assert (await status(service, session))["sampling"] == 0.1

    async def test_refuses_a_number_that_is_none(self) -> None:
        process = await spawn(STATS_DSN=NOWHERE, STATS_WORKERS="many")
        _, err = await process.communicate()
        assert process.returncode == 2
        assert b"STATS_WORKERS must be a number from 1 to 64, not 'many'" in err


class TestEnd:
    async def test_by_a_signal_is_orderly_in_all_processes(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE, **WORKERS) as service:
            crew = members(service.process.pid)
            assert len(crew) == 3
            service.process.terminate()
            async with asyncio.timeout(60):
                assert await service.process.wait() == 0
            await are_gone(crew)

    async def test_of_one_process_is_that_of_the_service(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE, **WORKERS) as service:
            crew = members(service.process.pid)
            crew[0].kill()
            async with asyncio.timeout(60):
                assert await service.process.wait() == 128 + signal.SIGKILL
            await are_gone(crew)

    async def test_of_the_first_process_takes_the_others_along(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE, **WORKERS) as service:
            crew = members(service.process.pid)
            os.kill(service.process.pid, signal.SIGKILL)
            await are_gone(crew)

    async def test_of_standard_input_is_that_of_the_service(self, running: Any) -> None:
        async with running("--until-stdin-closes", STATS_DSN=NOWHERE, **WORKERS) as service:
            crew = members(service.process.pid)
            service.process.stdin.close()
            async with asyncio.timeout(60):
                assert await service.process.wait() == 0
            await are_gone(crew)

    async def test_is_orderly_for_processes_that_catch_no_signals_any_more(self) -> None:
        script = (
            "import os, signal, sys\n"
            "from service.crew import run_crew\n"
            "from service.settings import Settings\n"
            "def work(settings, member):\n"
            "    os.write(member.ready, b'.')\n"
            "    if member.place.number:\n"
            "        signal.pause()\n"
            "    os.read(member.owner, 1)\n"
            "    return 0\n"
            f"settings = Settings.from_environment({{'STATS_DSN': {NOWHERE!r}, 'STATS_WORKERS': '3'}})\n"
            "sys.exit(run_crew(settings, work, 0))\n"
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        assert (await process.stdout.readline()).startswith(b"listening on")
        process.stdin.close()
        async with asyncio.timeout(60):
            assert await process.wait() == 0
