"""The stack of our own processes when its supervisor or its owner is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from stack_processes import processes_of, supervisor_pid, until

from stressdash.errors import StackError
from stressdash.samples import ComponentState
from stressdash.stack import open_stack
from stressdash.stack.backend import Stack
from stressdash.stack.folder import StateFolder

OWNER = """
import asyncio, sys
from pathlib import Path
from stressdash.stack import open_stack
async def main():
    await open_stack("embedded", state=Path(sys.argv[1])).up(lambda _: None)
    print("up", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
async def stack(folder: StateFolder) -> AsyncIterator[Stack]:
    made = open_stack("embedded", state=folder.path)
    yield made
    await made.close()


async def until_lost(stack: Stack) -> None:
    async with asyncio.timeout(30):
        while {one.state for one in await stack.components()} != {ComponentState.FAILED}:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # looked at from outside


class TestSupervisorKilled:
    async def test_all_components_fail_with_a_sentence_and_start_again_at_their_addresses(
        self, stack: Stack, folder: StateFolder
    ) -> None:
        await stack.up(lambda _: None)
        addresses = stack.addresses()
        os.kill(supervisor_pid(folder), signal.SIGKILL)
        await until_lost(stack)
        assert {one.detail for one in await stack.components()} == {
            "the stack's supervisor has ended, and its components with it; start them again"
        }
        for name in ("database", "apm", "service"):
            await stack.action(name, "start")
        assert {one.state for one in await stack.components()} == {ComponentState.RUNNING}
        assert stack.addresses() == addresses


class TestOwnerKilled:
    async def test_nothing_of_the_stack_is_left(self, folder: StateFolder) -> None:
        owner = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OWNER, str(folder.path), stdout=asyncio.subprocess.PIPE
        )
        assert owner.stdout is not None
        assert await owner.stdout.readline() == b"up\n"
        assert len(processes_of(folder.path)) == 5
        owner.kill()
        await owner.communicate()
        await until(lambda: not processes_of(folder.path))


class TestKeep:
    async def test_the_next_start_adopts_and_down_ends(self, stack: Stack, folder: StateFolder) -> None:
        await stack.up(lambda _: None)
        pids = [one.pid for one in await stack.components()]
        await stack.close(keep=True)
        again = open_stack("embedded", state=folder.path)
        told: list[str] = []
        await again.up(told.append)
        assert [one.pid for one in await again.components()] == pids
        assert "adopting what runs" in told
        await again.down()
        await until(lambda: not processes_of(folder.path))


class TestForward:
    async def test_an_intake_that_is_adopted_forwards_from_now_on(
        self, stack: Stack, folder: StateFolder
    ) -> None:
        asked: asyncio.Queue[tuple[str, str]] = asyncio.Queue()

        async def answer(request: web.Request) -> web.Response:
            await asked.put((request.path, request.headers.get("Authorization", "")))
            return web.json_response({"acknowledged": True})

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        async with TestServer(app) as elasticsearch:
            await stack.up(lambda _: None)
            pids = [one.pid for one in await stack.components()]
            await stack.close(keep=True)
            forward = {
                "STRESSDASH_FORWARD": f"http://127.0.0.1:{elasticsearch.port}",
                "STRESSDASH_ES_API_KEY": "a2V5",
            }
            again = open_stack("embedded", state=folder.path, forward=forward)
            try:
                await again.up(lambda _: None)
                assert [one.pid for one in await again.components()] == pids
                async with asyncio.timeout(30):
                    path, authorization = await asked.get()
                assert path.startswith("/_index_template/")
                assert authorization == "ApiKey a2V5"
                await again.action("apm", "restart")
                async with asyncio.timeout(30):
                    while (await asked.get())[0] != path:  # each life puts it once, before its documents
                        pass
            finally:
                await again.down()
        await until(lambda: not processes_of(folder.path))


class TestNotUp:
    async def test_asking_before_up_is_a_sentence(self, stack: Stack) -> None:
        with pytest.raises(StackError, match="has not been started yet"):
            stack.addresses()
        with pytest.raises(StackError, match="has not been started yet"):
            await stack.logs("service")
