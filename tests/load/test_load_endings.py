"""How requests end, over real sockets: each misbehaviour of a server gets its own fault, and the books
balance.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from typing import Any

import pytest
from load_harness import OK, Behaviour, Received, Serve, StartRun, Totals, make_plan, until

from stressdash.load.plan import Request


async def run_against(serve: Serve, start_run: StartRun, behave: Behaviour, **changes: Any) -> Totals:
    server = await serve(behave)
    return await start_run(make_plan(server.url, **changes)).end()


def answer(data: bytes, *, keep: bool = True) -> Behaviour:
    async def behave(request: Received, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        return keep

    return behave


class TestCompleted:
    async def test_answers_below_400_are_completed(self, serve: Serve, start_run: StartRun) -> None:
        totals = await run_against(serve, start_run, answer(OK))
        assert (totals.scheduled, totals.sent, totals.completed, totals.failed) == (40, 40, 40, 0)

    async def test_redirects_are_answers_and_are_not_followed(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        moved = b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n"
        totals = await run_against(serve, start_run, answer(moved))
        assert totals.histogram("statuses") == {302: 40}
        assert totals.completed == 40

    async def test_every_answer_is_in_the_latency_histogram_and_has_a_first_byte(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        totals = await run_against(serve, start_run, answer(OK))
        assert totals.histogram("latency").total() == 40
        assert totals.histogram("first_byte").total() == 40

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"HTTP/1.1 204 No Content\r\n\r\n",
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
        ],
        ids=["chunked", "no content", "interim"],
    )
    async def test_framing_keeps_the_connection(self, serve: Serve, start_run: StartRun, data: bytes) -> None:
        server = await serve(answer(data))
        totals = await start_run(make_plan(server.url)).end()
        assert totals.completed == 40
        assert server.accepted == 4

    async def test_answers_to_head_have_no_body(self, serve: Serve, start_run: StartRun) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
        totals = await run_against(serve, start_run, answer(head), request=Request("look", method="HEAD"))
        assert totals.completed == 40

    @pytest.mark.parametrize(
        "data",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\n\r\n{}",
        ],
        ids=["connection: close", "http/1.0", "until close"],
    )
    async def test_a_server_that_closes_after_each_answer_gets_a_connection_for_each(
        self, serve: Serve, start_run: StartRun, data: bytes
    ) -> None:
        server = await serve(answer(data, keep=False))
        totals = await start_run(make_plan(server.url)).end()
        assert totals.completed == 40
        assert totals.failed == 0
        assert totals.reconnects == 0
        assert server.accepted >= 40

    async def test_an_answer_in_single_bytes_counts_once(self, serve: Serve, start_run: StartRun) -> None:
        async def drip(request: Received, writer: asyncio.StreamWriter) -> bool:
            for byte in OK:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0)
            return True

        totals = await run_against(serve, start_run, drip, max_requests=8)
        assert totals.completed == 8

    async def test_header_blocks_in_turns_keep_their_own_lengths(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def in_turns(request: Received, writer: asyncio.StreamWriter) -> bool:
            length = request.id % 3
            writer.write(b"HTTP/1.1 20%d OK\r\nContent-Length: %d\r\n\r\n" % (length, length) + b"x" * length)
            return True

        totals = await run_against(serve, start_run, in_turns, max_requests=30)
        assert totals.completed == 30
        statuses: Counter[int] = Counter()
        for window in totals.windows:
            statuses.update(window.statuses)
        assert statuses == {200: 10, 201: 10, 202: 10}

    async def test_a_known_header_block_that_is_cut_short_is_no_answer_yet(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        block = b"HTTP/1.1 200 OK\r\nContent-Length: 33"
        body = b"x" * (len(block) - 2)  # with a missing end taken for one, the lengths would agree

        async def cut(request: Received, writer: asyncio.StreamWriter) -> bool:
            for piece in (block + b"\r", b"\n\r\n" + body):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.002)
            return True

        assert block.endswith(b"%d" % len(body))
        totals = await run_against(serve, start_run, cut, max_requests=20)
        assert (totals.completed, totals.failed) == (20, 0)


class TestFailedAnswers:
    async def test_twirp_errors_are_named_by_their_code(self, serve: Serve, start_run: StartRun) -> None:
        body = b'{"code":"internal","msg":"Error 1040: Too many connections"}'
        data = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        totals = await run_against(serve, start_run, answer(data))
        assert totals.faults == {("rpc", "internal", "Error 1040: Too many connections"): 40}
        assert totals.responses == 40
        assert totals.histogram("latency_failed").total() == 40

    async def test_other_errors_are_named_by_their_status(self, serve: Serve, start_run: StartRun) -> None:
        data = b"HTTP/1.1 503 Whatever\r\nContent-Length: 0\r\n\r\n"
        totals = await run_against(serve, start_run, answer(data))
        assert totals.faults == {("http", "503", "Service Unavailable"): 40}

    async def test_control_characters_of_a_server_stay_data(self, serve: Serve, start_run: StartRun) -> None:
        body = b"\x1b]0;owned\x07 [bold]x[/bold]"
        data = b"HTTP/1.1 500 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        totals = await run_against(serve, start_run, answer(data))
        assert totals.faults == {("http", "500", "\x1b]<n>;owned\x07 [bold]x[/bold]"): 40}
        assert totals.windows[-1].faults[0].exemplars[-1].body == body


class TestBrokenConnections:
    async def test_refused(self, start_run: StartRun, closed_port: int) -> None:
        totals = await start_run(make_plan(f"http://127.0.0.1:{closed_port}/", max_requests=6)).end()
        assert totals.faults == {("connect", "ECONNREFUSED", "Connection refused"): 6}
        assert (totals.scheduled, totals.sent, totals.failed) == (6, 0, 6)

    async def test_refusals_are_retried_ever_more_slowly(self, start_run: StartRun, closed_port: int) -> None:
        run = start_run(make_plan(f"http://127.0.0.1:{closed_port}/", connections=1, max_requests=4))
        totals = await run.end()
        at = [
            exemplar.at_ns
            for window in totals.windows
            for fault in window.faults
            for exemplar in fault.exemplars
        ]
        assert max(at) - min(at) >= 70_000_000  # 10 + 20 + 40 ms

    async def test_close_before_any_answer(self, serve: Serve, start_run: StartRun) -> None:
        totals = await run_against(serve, start_run, answer(b"", keep=False))
        assert totals.faults == {("read", "EOF", "server closed before any answer"): 40}
        assert totals.sent == 40

    @pytest.mark.parametrize(
        "length", [3, 30, 39], ids=["in the status line", "in the header", "in the body"]
    )
    async def test_close_in_the_middle(self, serve: Serve, start_run: StartRun, length: int) -> None:
        totals = await run_against(serve, start_run, answer(OK[:length], keep=False))
        assert totals.faults == {("read", "EOF", "server closed in the middle of the answer"): 40}

    async def test_reset_while_reading(self, serve: Serve, start_run: StartRun) -> None:
        async def reset(request: Received, writer: asyncio.StreamWriter) -> bool:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return False

        totals = await run_against(serve, start_run, reset)
        assert totals.faults == {("read", "ECONNRESET", "Connection reset by peer"): 40}

    async def test_a_close_while_idle_is_a_reconnect(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(answer(OK))
        run = start_run(make_plan(server.url, max_requests=None))
        await until(lambda: len(server.received) > 20)
        run.command("pause")
        await until(run.totals.rests)
        for writer in server.writers:
            writer.close()
        await until(lambda: run.totals.open_now == 0)
        run.command("resume")
        before = len(server.received)
        await until(lambda: len(server.received) > before + 20)
        run.command("stop")
        totals = await run.end()
        assert totals.failed == 0
        assert totals.reconnects == 4


class TestMalformed:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"SSH-2.0-OpenSSH_9.6\r\n", "does not start like an HTTP/1 response"),
            (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", "line feed without carriage return"),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "folded header line"),
            (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000, "header block over the limit of 65536 bytes"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad chunk size"),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
                "body over the limit of 1073741824 bytes",
            ),
        ],
        ids=["not http", "bare lf", "folded", "endless header", "chunk size", "huge body"],
    )
    async def test_each_gets_its_reason(
        self, serve: Serve, start_run: StartRun, data: bytes, reason: str
    ) -> None:
        totals = await run_against(serve, start_run, answer(data), max_requests=8)
        assert totals.faults == {("protocol", "malformed", reason): 8}

    async def test_bytes_after_the_answer_fail_the_request_and_close_the_connection(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        server = await serve(answer(OK + OK))
        totals = await start_run(make_plan(server.url, max_requests=8)).end()
        assert totals.faults == {("protocol", "surplus", "bytes after the end of the answer"): 8}
        assert server.accepted >= 8


class TestTimeouts:
    async def test_no_answer(self, serve: Serve, start_run: StartRun) -> None:
        totals = await run_against(serve, start_run, answer(b""), max_requests=8, timeout_s=0.05)
        assert totals.faults == {("timeout", "first_byte", "no whole answer within 0.05 s"): 8}
        assert totals.responses == 0

    async def test_half_an_answer(self, serve: Serve, start_run: StartRun) -> None:
        totals = await run_against(serve, start_run, answer(OK[:-1]), max_requests=4, timeout_s=3)
        assert totals.faults == {("timeout", "body", "no whole answer within 3 s"): 4}

    async def test_they_enter_the_histogram_as_bounds(self, serve: Serve, start_run: StartRun) -> None:
        totals = await run_against(serve, start_run, answer(b""), max_requests=8, timeout_s=0.05)
        bounds = totals.histogram("latency_timeouts")
        assert bounds == totals.histogram("latency") == totals.histogram("latency_failed")
        assert bounds.total() == 8

    async def test_the_connection_is_used_again_afterwards(self, serve: Serve, start_run: StartRun) -> None:
        async def stall_once(request: Received, writer: asyncio.StreamWriter) -> bool:
            if request.id > 4:
                writer.write(OK)
            return True

        totals = await run_against(serve, start_run, stall_once, timeout_s=3)
        assert (totals.completed, totals.failed) == (36, 4)

    async def test_an_answer_that_came_while_the_generator_stood_still_is_none(
        self, serve: Serve, start_run: StartRun, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shifted_ns = 0
        real = time.monotonic_ns
        monkeypatch.setattr(time, "monotonic_ns", lambda: real() + shifted_ns)
        arrived, released = asyncio.Event(), asyncio.Event()
        answered: list[int] = []

        async def answer(request: Received, writer: asyncio.StreamWriter) -> bool:
            arrived.set()
            await released.wait()
            writer.write(OK)
            answered.append(request.id)
            return True

        server = await serve(answer)
        run = start_run(make_plan(server.url, connections=1, max_requests=1, timeout_s=60))
        await arrived.wait()
        with run.link.stalled():
            await until(lambda: run.link.stands_still)
            released.set()
            await until(lambda: answered)
            shifted_ns = 61_000_000_000
        totals = await run.end()
        assert (totals.completed, totals.failed) == (1, 0)

    async def test_a_connect_that_hangs(self, start_run: StartRun) -> None:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            url = f"http://127.0.0.1:{full.getsockname()[1]}/"
            with socket.create_connection(full.getsockname()):
                run = start_run(
                    make_plan(url, connections=2, max_requests=2, connect_timeout_s=0.1, timeout_s=0.1)
                )
                totals = await run.end()
        assert ("timeout", "connect", "not connected within 0.1 s") in totals.faults


class TestBigRequests:
    async def test_a_body_that_the_socket_does_not_take_at_once(
        self, serve: Serve, start_run: StartRun
    ) -> None:
        async def check(request: Received, writer: asyncio.StreamWriter) -> bool:
            assert len(request.body) == 8 << 20
            writer.write(OK)
            return True

        totals = await run_against(
            serve,
            start_run,
            check,
            request=Request("big", body=b"x" * (8 << 20)),
            max_requests=4,
            connections=2,
        )
        assert totals.completed == 4
        assert totals.bytes_sent > 4 * (8 << 20)

    async def test_an_answer_before_the_body_was_read_counts_and_closes(self, start_run: StartRun) -> None:
        async def refuse_early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
            await reader.read()
            writer.close()
            await writer.wait_closed()
            closed.append(writer)

        closed: list[asyncio.StreamWriter] = []
        async with await asyncio.start_server(refuse_early, "127.0.0.1", 0) as listener:
            url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
            big = Request("big", body=b"x" * (32 << 20))
            totals = await start_run(make_plan(url, request=big, connections=1, max_requests=2)).end()
            await until(lambda: len(closed) == totals.connects)
        assert totals.histogram("statuses") == {413: 2}
