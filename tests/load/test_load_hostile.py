"""A hostile server over real sockets: each of its tricks gets its fault, none hangs or harms the engine."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from load_harness import OK, Received, Serve, StartRun, make_plan

Trick = Callable[[asyncio.StreamWriter], Awaitable[object]]
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
TRICKS: dict[str, tuple[Trick, set[tuple[str, str]]]] = {}
"""Name to what is done instead of an answer, and the category and code that it may get."""


def trick(name: str, *kinds: tuple[str, str]) -> Callable[[Trick], Trick]:
    def note(done: Trick) -> Trick:
        TRICKS[name] = (done, set(kinds))
        return done

    return note


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset instead of an end."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def pour(writer: asyncio.StreamWriter, start: bytes, more: bytes) -> None:
    """Send without an end, until the client hangs up."""
    writer.write(start)
    while not writer.transport.is_closing():
        writer.write(more)
        await writer.drain()
        await asyncio.sleep(0.001)  # other connections want their answers in time


async def drip(writer: asyncio.StreamWriter, data: bytes, pause_s: float) -> None:
    """Send one byte at a time."""
    for byte in data:
        writer.write(bytes((byte,)))
        await asyncio.sleep(pause_s)
        if writer.transport.is_closing():
            return


@trick("slow-loris head", ("timeout", "body"))
async def slow_head(writer: asyncio.StreamWriter) -> None:
    await drip(writer, HEAD + b"X-Padding: " + b"a" * 10_000, 0.005)


@trick("slow-loris body", ("timeout", "body"))
async def slow_body(writer: asyncio.StreamWriter) -> None:
    await drip(writer, HEAD + b"Content-Length: 10000\r\n\r\n" + b"a" * 10_000, 0.005)


@trick("silence", ("timeout", "first_byte"))
async def silence(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(0)


@trick("endless headers", ("protocol", "malformed"))
async def endless_headers(writer: asyncio.StreamWriter) -> None:
    await pour(writer, HEAD, b"X-More: and more of it\r\n" * 500)


@trick("one endless header", ("protocol", "malformed"))
async def endless_header(writer: asyncio.StreamWriter) -> None:
    await pour(writer, HEAD + b"X-Long: ", b"a" * 10_000)


@trick("endless interim answers", ("protocol", "malformed"))
async def endless_interims(writer: asyncio.StreamWriter) -> None:
    await pour(writer, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@trick("endless chunks", ("timeout", "body"))
async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    await pour(writer, CHUNKED, b"1\r\na\r\n" * 200)


@trick("endless trailers", ("protocol", "malformed"), ("timeout", "body"))
async def endless_trailers(writer: asyncio.StreamWriter) -> None:
    await pour(writer, CHUNKED + b"0\r\n", b"X-Trailer: more\r\n" * 500)


@trick("a chunk of the size of the world", ("protocol", "malformed"))
async def chunk_bomb(writer: asyncio.StreamWriter) -> None:
    await pour(writer, CHUNKED, b"7fffffffffffffff\r\n" + b"a" * 1000)


@trick("a chunk size without an end", ("protocol", "malformed"))
async def chunk_size_bomb(writer: asyncio.StreamWriter) -> None:
    await pour(writer, CHUNKED, b"0" * 10_000)


@trick("a chunk with an endless extension", ("protocol", "malformed"))
async def chunk_extension_bomb(writer: asyncio.StreamWriter) -> None:
    await pour(writer, CHUNKED + b"1;", b"x" * 10_000)


@trick("a body until the end of time", ("timeout", "body"))
async def endless_body(writer: asyncio.StreamWriter) -> None:
    await pour(writer, HEAD + b"\r\n", b"a" * 1000)


@trick("more answers than requests", ("protocol", "surplus"))
async def surplus(writer: asyncio.StreamWriter) -> None:
    writer.write(OK * 3)


@trick("two lengths", ("protocol", "malformed"))
async def two_lengths(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}")


@trick("length and chunks", ("protocol", "malformed"))
async def length_and_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")


@trick("garbage", ("protocol", "malformed"), ("read", "EOF"))
async def garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff" + random.Random(4).randbytes(5_000))


@trick("a page of nothing but zeros", ("protocol", "malformed"), ("timeout", "body"))
async def zeros(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00" * 100_000)


def cut_trick(length: int, how: Callable[[asyncio.StreamWriter], None]) -> Trick:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(OK[:length])
        await writer.drain()
        how(writer)

    return cut


CUTS = {
    "before a byte": 0,
    "in the status line": 5,
    "in a header": 25,
    "before the body": 38,
    "in the body": 39,
}
for place, length in CUTS.items():
    trick(f"a reset {place}", ("read", "ECONNRESET"), ("write", "EPIPE"))(cut_trick(length, reset))
    trick(f"an end {place}", ("read", "EOF"))(cut_trick(length, lambda writer: writer.close()))


class TestEachTrick:
    @pytest.mark.parametrize("name", TRICKS)
    async def test_gets_its_fault_and_the_next_request_is_fine(
        self, serve: Serve, start_run: StartRun, name: str
    ) -> None:
        play, kinds = TRICKS[name]

        async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
            if request.id % 2:
                with suppress(ConnectionError):
                    await play(writer)
            else:
                writer.write(OK)
            return True

        server = await serve(behave)
        timeout_s = 3.0 if any(category == "timeout" for category, _ in kinds) else 60.0
        plan = make_plan(server.url, connections=2, max_requests=4, timeout_s=timeout_s)
        totals = await start_run(plan).end()
        assert {(category, code) for category, code, _ in totals.faults} <= kinds, totals.faults
        assert (totals.completed, totals.failed) == (2, 2)
        assert totals.in_flight_at_stop == 0

    async def test_an_answer_in_single_bytes_is_an_answer(self, serve: Serve, start_run: StartRun) -> None:
        async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
            await drip(writer, OK, 0)
            return True

        server = await serve(behave)
        totals = await start_run(make_plan(server.url, connections=2, max_requests=8)).end()
        assert (totals.completed, totals.failed) == (8, 0)


class TestAllTricks:
    async def test_in_turns_leave_no_socket_and_no_request_behind(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        plays = itertools.cycle(play for play, _ in TRICKS.values())

        async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
            if request.id % 3:
                with suppress(ConnectionError):
                    await next(plays)(writer)
            else:
                writer.write(OK)
            return True

        server = await serve(behave)
        plan = make_plan(server.url, connections=8, max_requests=90, timeout_s=5.0)
        before = sockets()
        run = start_run(plan)
        totals = await run.end()
        assert (totals.completed, totals.failed) == (30, 60)
        assert totals.scheduled == len({received.id for received in server.received}) == 90
        for writer in server.writers:
            writer.close()
        run.link.close()
        gc.collect()
        async with asyncio.timeout(60):
            while sockets() > before:  # noqa: ASYNC110 - the server's side closes in its own time
                await asyncio.sleep(0.01)


def sockets() -> int:
    """Sockets that this process holds."""
    found = 0
    for fd in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found += str(fd.readlink()).startswith("socket:")
    return found
