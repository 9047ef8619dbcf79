"""A hostile server, over real sockets: whatever it does has its fault; nothing hangs, leaks or dies of it."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from load_harness import OK, Received, Serve, StartRun, Totals, make_plan, until

from stressdash.load.plan import Request

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
Deed = Callable[[Received, asyncio.StreamWriter], Any]


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(data: bytes) -> Deed:
    async def deed(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        return True

    return deed


def resets_after(data: bytes) -> Deed:
    async def deed(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        await writer.drain()
        await asyncio.sleep(0.02)  # what was written reaches the other side before the reset overtakes it
        reset(writer)
        return False

    return deed


async def drips(request: Received, writer: asyncio.StreamWriter) -> bool:
    """One byte of a header at a time, and never the last one."""
    for byte in itertools.chain(OK[:20], itertools.cycle(b"x")):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.005)
    return True


async def floods(request: Received, writer: asyncio.StreamWriter) -> bool:
    """Header lines without end."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Filler: " + b"y" * 1000 + b"\r\n")
        await writer.drain()


TIMEOUT = "no whole answer within 0.3 s"
DEEDS: dict[str, tuple[Deed, tuple[str, str, str]]] = {
    "slow loris": (drips, ("timeout", "body", TIMEOUT)),
    "silence": (says(b""), ("timeout", "first_byte", TIMEOUT)),
    "endless headers": (floods, ("protocol", "malformed", "header block over the limit of 65536 bytes")),
    "reset at once": (resets_after(b""), ("read", "ECONNRESET", "Connection reset by peer")),
    "reset in the header": (resets_after(OK[:9]), ("read", "ECONNRESET", "Connection reset by peer")),
    "reset in the body": (resets_after(OK[:-1]), ("read", "ECONNRESET", "Connection reset by peer")),
    "garbage": (
        says(bytes(range(128, 256)) * 8),
        ("protocol", "malformed", "does not start like an HTTP/1 response"),
    ),
    "another answer at once": (
        says(OK + OK),
        ("protocol", "surplus", "bytes after the end of the answer"),
    ),
    "chunk bomb": (
        says(CHUNKED + b"7fffffff\r\n"),
        ("protocol", "malformed", "body over the limit of 1073741824 bytes"),
    ),
    "chunk size without end": (
        says(CHUNKED + b"0" * 5000),
        ("protocol", "malformed", "chunk line over the limit of 1024 bytes"),
    ),
    "trailers without end": (
        says(CHUNKED + b"0\r\n" + b"A: b\r\n" * 20_000),
        ("protocol", "malformed", "trailers over the limit of 65536 bytes"),
    ),
    "a body that lies about its length": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        ("protocol", "malformed", "body over the limit of 1073741824 bytes"),
    ),
    "interim answers without end": (
        says(b"HTTP/1.1 102 Processing\r\n\r\n" * 40),
        ("protocol", "malformed", "more than 16 interim answers"),
    ),
    "another protocol asked for": (
        says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
        ("protocol", "malformed", "switches protocols, which was not asked for"),
    ),
}


class TestDeeds:
    @pytest.mark.parametrize("name", DEEDS)
    async def test_each_has_its_fault(self, serve: Serve, start_run: StartRun, name: str) -> None:
        deed, fault = DEEDS[name]
        server = await serve(deed)
        patience_s = 0.3 if fault[0] == "timeout" else 60
        totals = await start_run(make_plan(server.url, max_requests=8, timeout_s=patience_s)).end()
        assert set(totals.faults) == {fault}
        assert totals.failed == 8
        assert len(server.received) == 8

    async def test_a_reset_in_the_middle_of_a_large_request_is_one_of_writing(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(100_000)
            reset(writer)

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as listener:
            url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
            big = Request("big", body=b"x" * (32 << 20))
            totals = await start_run(make_plan(url, request=big, max_requests=6)).end()
        assert totals.failed == 6
        assert {category for category, _, _ in totals.faults} == {"write"}
        assert {code for _, code, _ in totals.faults} <= {"ECONNRESET", "EPIPE"}

    async def test_all_at_once_balance_and_leave_nothing_open(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        choice = random.Random(5)
        deeds = [deed for deed, _ in DEEDS.values()]

        async def anything(request: Received, writer: asyncio.StreamWriter) -> bool:
            if choice.random() < 0.3:
                writer.write(OK)
                return True
            return bool(await choice.choice(deeds)(request, writer))

        server = await serve(anything)
        run = start_run(make_plan(server.url, connections=20, max_requests=400, timeout_s=0.3))
        totals = await run.end()
        assert totals.scheduled == totals.completed + totals.failed == 400
        assert totals.completed == totals.histogram("statuses")[200] - surplus(totals)
        assert totals.completed > 0
        assert set(totals.faults) <= {fault for _, fault in DEEDS.values()}
        assert len(server.received) == totals.sent == 400
        await until(lambda: server.open == 0)


def surplus(totals: Totals) -> int:
    """Full answers that failed nevertheless."""
    return totals.faults[("protocol", "surplus", "bytes after the end of the answer")]
