"""`python -m stressdash.embedded.apm`: how it starts, ends and fails."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from apm_events import AT_MS, body, error, line, transaction

MODULE = (sys.executable, "-m", "stressdash.embedded.apm")


@asynccontextmanager
async def started(
    *flags: str, token: str = "", program: tuple[str, ...] = MODULE
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The process and its URL; killed if the test did not end it."""
    process = await asyncio.create_subprocess_exec(
        *program,
        *flags,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "STRESSDASH_APM_TOKEN": token},
    )
    assert process.stdout is not None
    try:
        first = await asyncio.wait_for(process.stdout.readline(), 60)
        assert first.startswith(b"listening on http://127.0.0.1:")
        yield process, first.decode().removeprefix("listening on ").strip()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*flags: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *MODULE, *flags, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, out.decode(), err.decode()


class TestLife:
    async def test_it_listens_on_a_free_port_of_loopback_and_takes_events(self) -> None:
        async with started() as (_, url), aiohttp.ClientSession() as client:
            headers = {"Content-Type": "application/x-ndjson"}
            data = body(line("transaction", transaction()))
            async with client.post(f"{url}/intake/v2/events", data=data, headers=headers) as response:
                assert response.status == 202

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_signals_end_it_with_zero(self, number: signal.Signals) -> None:
        async with started() as (process, _):
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), 60) == 0

    async def test_it_ends_with_its_standard_input(self) -> None:
        async with started("--until-stdin-closes") as (process, _):
            assert process.stdin is not None
            process.stdin.close()
            assert await asyncio.wait_for(process.wait(), 60) == 0

    async def test_without_the_flag_a_closed_standard_input_does_not_end_it(self) -> None:
        async with started() as (process, url), aiohttp.ClientSession() as client:
            assert process.stdin is not None
            process.stdin.close()
            async with client.get(url) as response:
                assert response.status == 200
            assert process.returncode is None

    async def test_open_connections_do_not_keep_it_alive(self) -> None:
        async with started("--until-stdin-closes") as (process, url):
            host, port = url.removeprefix("http://").split(":")
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"POST /intake/v2/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
            await writer.drain()
            assert process.stdin is not None
            process.stdin.close()
            _, err = await asyncio.wait_for(process.communicate(), 60)
            assert (process.returncode, err) == (0, b"")
            writer.close()

    async def test_senders_that_hang_up_leave_no_trace_in_its_output(self) -> None:
        async with started("--until-stdin-closes") as (process, url):
            host, port = url.removeprefix("http://").split(":")
            for rest in (b"Content-Length: 9\r\n\r\n{", b"Transfer-Encoding: chunked\r\n\r\nzz", b"Conn"):
                _, writer = await asyncio.open_connection(host, int(port))
                writer.write(b"POST /intake/v2/events HTTP/1.1\r\nHost: x\r\n" + rest)
                await writer.drain()
                writer.transport.abort()
            async with aiohttp.ClientSession() as client, client.get(url) as response:
                assert response.status == 200
            assert process.stdin is not None
            process.stdin.close()
            assert await asyncio.wait_for(process.communicate(), 60) == (b"", b"")

    async def test_it_says_nothing_but_its_address(self) -> None:
        async with started("--until-stdin-closes", token="s3cret") as (process, url):
            async with (
                aiohttp.ClientSession() as client,
                client.post(f"{url}/intake/v2/events", data=b"x") as response,
            ):
                assert response.status == 401
            assert process.stdin is not None
            process.stdin.close()
            out, err = await asyncio.wait_for(process.communicate(), 60)
            assert (out, err) == (b"", b"")


class TestBounds:
    async def test_no_more_events_are_kept_than_asked_for(self) -> None:
        async with started("--max-events", "50") as (_, url), aiohttp.ClientSession() as client:
            data = body(*(line("transaction", transaction(n)) for n in range(200)))
            headers = {"Content-Type": "application/x-ndjson"}
            async with client.post(f"{url}/intake/v2/events", data=data, headers=headers) as response:
                assert response.status == 202
            async with client.get(f"{url}/stressdash/v1/health") as response:
                health = await response.json()
            assert 40 <= health["documents"] <= 50
            assert health["documents"] + health["forgotten"] == 200


class TestFullDisk:
    async def test_old_events_make_room_and_it_goes_on(self) -> None:
        program = (sys.executable, str(Path(__file__).with_name("full_disk.py")))
        async with started(program=program) as (process, url), aiohttp.ClientSession() as client:

            async def ask(path: str) -> Any:
                async with client.get(f"{url}/stressdash/v1/{path}") as response:
                    return await response.json() if response.status == 200 else None

            async def send(first: int) -> None:
                events = [transaction(n, name=os.urandom(400).hex()) for n in range(first, first + 500)]
                lines = [line("transaction", each) for each in events]
                lines += [line("error", error(n)) for n in range(first, first + 500, 10)]
                headers = {"Content-Type": "application/x-ndjson"}
                data = body(*lines)
                async with client.post(f"{url}/intake/v2/events", data=data, headers=headers) as response:
                    assert response.status == 202

            sent = 0
            async with asyncio.timeout(150):
                while "no room on disk" not in ((await ask("health")) or {}).get("detail", ""):
                    await send(sent)
                    sent += 500
            await send(sent)
            health = await ask("health")
            assert process.returncode is None
            assert health["ok"]
            assert health["forgotten"] > 0
            assert health["documents"] + health["forgotten"] == 11 * (sent + 500) // 10
            (newest,) = [d for d in await ask(f"traces/{sent + 499:032x}") if "transaction" in d]
            assert newest["transaction"]["id"] == f"{sent + 499:016x}"
            series = await ask(f"series?start={AT_MS}&end={AT_MS + 1000}&step=1000")
            assert series["transactions"] == sent + 500
            (group,) = await ask(f"error-groups?start={AT_MS}&end={AT_MS + 1000}")
            assert group["count"] == (sent + 500) // 10


class TestFailures:
    async def test_a_taken_port_is_exit_code_3_and_one_sentence(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, out, err = await run("--port", str(port))
        assert (code, out) == (3, "")
        assert err == f"cannot listen on 127.0.0.1:{port}: Address already in use; take another --port\n"

    async def test_an_unknown_host_is_exit_code_3(self) -> None:
        code, _, err = await run("--host", "no.such.host.invalid")
        assert code == 3
        assert err.startswith("cannot listen on no.such.host.invalid:0: ")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(
        "flags",
        [("--prot", "1"), ("--port", "x"), ("--port", "70000"), ("--port", "-1"), ("--max-events", "0")],
    )
    async def test_bad_flags_are_exit_code_2(self, flags: tuple[str, ...]) -> None:
        code, _, err = await run(*flags)
        assert code == 2
        assert "usage:" in err
