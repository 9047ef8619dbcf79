"""wrk scripts, unmodified: the server sees the same requests from wrk and from here; broken ones are told."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from load_harness import OK, MakeFleet, Received, Serve, Server, Totals, make_plan, until

from stressdash.errors import BadInput, TargetRefused, UsageError
from stressdash.load import lua, threadscript
from stressdash.load.control import Assignment
from stressdash.load.fleet import Fleet
from stressdash.load.plan import Plan, Request
from stressdash.load.script import Script, read_script
from stressdash.load.scriptrequest import split_requests
from stressdash.load.scriptstage import Distribution, Summary
from stressdash.load.target import Address
from stressdash.load.threadscript import ThreadScript

SCRIPTS = Path(__file__).with_name("scripts")
COMPARED = ["form", "counting", "bodies", "together", "learning", "waiting", "telling", "ending"]
FIRST = 45
"""Requests that are compared."""


def scripted(url: str, text: str | None = None, name: str = "form", *arguments: str, **changes: Any) -> Plan:
    """A plan for a script of the folder, or for its text."""
    script = read_script(SCRIPTS / f"{name}.lua") if text is None else Script("my.lua", text.encode())
    plan = make_plan(url, request=Request("script", method="GET"), **{"connections": 1, **changes})
    return replace(plan, script=replace(script, arguments=arguments))


async def run(make_fleet: MakeFleet, plan: Plan) -> tuple[Fleet, Totals]:
    fleet, totals = make_fleet(plan)
    await fleet.start()
    async with asyncio.timeout(60):
        await fleet.wait()
    totals.check_books()
    return fleet, totals


def assigned(plan: Plan) -> Assignment:
    """A plan as its one worker gets it."""
    return Assignment(plan, 0, 1, (Address(socket.AF_INET, "127.0.0.1", 1),), 1, None)


async def through(fleet: Fleet) -> None:
    """Start and wait for the end."""
    await fleet.start()
    await fleet.wait()


async def token(request: Received, writer: asyncio.StreamWriter) -> bool:
    """An answer that a script can learn from."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Token: t7\r\nContent-Length: 3\r\n\r\nabc")
    return True


def seen(server: Server) -> list[tuple[str, dict[str, str], bytes]]:
    """What the server read first, without what only we send."""
    return [
        (one.line, {key: value for key, value in one.headers.items() if key != "traceparent"}, one.body)
        for one in server.received[:FIRST]
    ]


class TestBesideWrk:
    @pytest.mark.parametrize("name", COMPARED)
    async def test_the_server_sees_the_same_requests(
        self, name: str, serve: Serve, make_fleet: MakeFleet, needs: Callable[[str], str]
    ) -> None:
        program = needs("wrk")
        theirs, ours = await serve(token), await serve(token)
        ours_plan = scripted(theirs.url, None, name, "first word", max_requests=FIRST)
        await run(make_fleet, replace(ours_plan, url=ours.url))
        wrk = await asyncio.create_subprocess_exec(
            *(
                program,
                "-t1",
                "-c1",
                "-d60s",
                "-s",
                str(SCRIPTS / f"{name}.lua"),
                theirs.url,
                "--",
                "first word",
            ),
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            await until(lambda: len(theirs.received) >= FIRST or wrk.returncode is not None, 60)
        finally:
            if wrk.returncode is None:
                wrk.kill()
            await wrk.wait()
        assert len(ours.received) >= FIRST
        expected = [
            (line, {**headers, "host": headers["host"].replace(str(theirs.port), str(ours.port))}, body)
            for line, headers, body in seen(theirs)
        ]
        assert seen(ours) == expected
        assert all("traceparent" in one.headers for one in ours.received)


class TestRequests:
    async def test_one_that_only_fills_in_the_table_takes_the_hot_path(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve()
        _, totals = await run(make_fleet, scripted(server.url, connections=4))
        assert (totals.completed, totals.failed) == (40, 0)
        assert {one.body for one in server.received} == {b"a=1&b=two"}
        assert len({one.headers["traceparent"] for one in server.received}) == 40

    async def test_several_at_once_are_booked_each_by_itself(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        async def second_fails(request: Received, writer: asyncio.StreamWriter) -> bool:
            second = request.line.startswith("POST /second")
            writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n" if second else OK)
            return True

        server = await serve(second_fails)
        _, totals = await run(
            make_fleet, scripted(server.url, None, "together", connections=3, max_requests=60)
        )
        assert totals.faults == {("http", "503", "Service Unavailable"): 20}
        assert (totals.completed, totals.failed, totals.sent) == (40, 20, 60)
        ended: Counter[str] = Counter()
        for window in totals.windows:
            ended.update({name: one.completed + one.failed for name, one in window.by_request.items()})
        assert ended == {"GET /first": 20, "POST /second": 20, "GET /third": 20}
        assert len({one.headers["traceparent"] for one in server.received}) == 60

    @pytest.mark.parametrize("answered", [0, 1, 2])
    async def test_a_close_in_the_middle_fails_all_that_were_not_answered(
        self, serve: Serve, make_fleet: MakeFleet, answered: int
    ) -> None:
        open_for: dict[asyncio.StreamWriter, int] = {}

        async def some(request: Received, writer: asyncio.StreamWriter) -> bool:
            open_for[writer] = open_for.get(writer, 0) + 1
            if open_for[writer] > answered:
                return False
            writer.write(OK)
            return True

        server = await serve(some)
        _, totals = await run(make_fleet, scripted(server.url, None, "together", max_requests=9))
        assert (totals.completed, totals.failed) == (3 * answered, 9 - 3 * answered)
        assert {category for category, _, _ in totals.faults} == {"read"}

    async def test_answers_in_odd_pieces_are_told_apart(self, serve: Serve, make_fleet: MakeFleet) -> None:
        async def pieces(request: Received, writer: asyncio.StreamWriter) -> bool:
            for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
            return True

        server = await serve(pieces)
        _, totals = await run(
            make_fleet, scripted(server.url, None, "together", connections=2, max_requests=12)
        )
        assert (totals.completed, totals.failed, totals.responses) == (12, 0, 12)

    async def test_headers_of_the_command_line_and_secrets_are_in_the_table(
        self, serve: Serve, make_fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from stressdash.load.secret import parse_secret_header

        monkeypatch.setenv("SCRIPT_TOKEN", "hush-hush")
        server = await serve()
        text = (
            "function init() print(wrk.headers.Authorization) end function request() return wrk.format() end"
        )
        plan = scripted(server.url, text)
        secrets = (parse_secret_header("Authorization=Bearer env:SCRIPT_TOKEN"),)
        request = Request("script", method="GET", headers=(("X-Mine", "1"),), secrets=secrets)
        fleet, _ = await run(make_fleet, replace(plan, requests=(request,)))
        assert {one.headers["authorization"] for one in server.received} == {"bearer hush-hush"}
        assert {one.headers["x-mine"] for one in server.received} == {"1"}
        assert b"Bearer ***" in fleet.printed
        assert b"hush-hush" not in fleet.printed

    async def test_expectations_hold_of_them_too(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        plan = scripted(server.url, None, "counting")
        request = replace(plan.requests[0], expect=("body~nothing",))
        _, totals = await run(make_fleet, replace(plan, requests=(request,)))
        assert totals.faults == {("body", "substring", "the body lacks nothing"): 40}

    async def test_numbers_in_paths_make_no_names(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        text = """
            local sent = 0
            function request()
               sent = sent + 1
               return wrk.format("GET", (sent % 2 == 0 and "/a/" or "/b/") .. sent .. "?q=" .. sent)
            end"""
        _, totals = await run(make_fleet, scripted(server.url, text))
        assert {name for window in totals.windows for name in window.by_request} == {
            "GET /a/{n}",
            "GET /b/{n}",
        }


class TestBatchesOfAnOpenLoop:
    """The rate is that of requests; a batch leaves when its first is due, and all of it is due then."""

    async def test_the_rate_is_that_of_requests(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        plan = scripted(server.url, None, "together", rate=300.0, max_requests=None, duration_s=1.0)
        _, totals = await run(make_fleet, plan)
        assert 300 <= totals.scheduled <= 302  # the last batch may be two longer than the schedule
        assert totals.histogram("send_lag").total() == totals.sent
        assert len(server.received) == totals.sent
        assert totals.histogram("latency_intended").total() == totals.scheduled

    async def test_a_number_of_requests_ends_it(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        plan = scripted(server.url, None, "together", rate=1000.0, max_requests=30)
        _, totals = await run(make_fleet, plan)
        assert (totals.completed, len(server.received)) == (30, 30)

    async def test_those_that_leave_early_are_given_no_time(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve()
        plan = scripted(server.url, None, "together", rate=30.0, max_requests=15)
        _, totals = await run(make_fleet, plan)
        raw, corrected = (
            sorted(totals.histogram(name).elements()) for name in ("latency", "latency_intended")
        )
        assert len(raw) == len(corrected) == 15
        assert all(later >= sooner for sooner, later in zip(raw, corrected, strict=True))

    async def test_what_waits_behind_others_at_the_end_is_not_lost(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        async def only_the_first(request: Received, writer: asyncio.StreamWriter) -> bool:
            if request.line.startswith("GET /first"):
                writer.write(OK)
            return True

        server = await serve(only_the_first)
        plan = scripted(server.url, None, "together", rate=100.0, max_requests=None)
        fleet, totals = make_fleet(plan)
        await fleet.start()
        await until(lambda: totals.completed == 1 and totals.scheduled > 20)
        await fleet.stop("abort")
        await fleet.wait()
        totals.check_books()
        assert totals.completed == 1
        assert totals.histogram("latency_intended_bounds").total() == totals.in_flight_at_stop > 2
        assert totals.histogram("latency_intended").total() == totals.scheduled


class TestThreads:
    async def test_what_setup_gives_and_done_asks_for(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        plan = scripted(server.url, None, "telling", "hello", workers=2, connections=2)
        fleet, totals = await run(make_fleet, plan)
        assert fleet.stage is not None
        values = sorted({1000: totals.responses}.items())
        latency = Distribution([v for v, _ in values], [c for _, c in values], 1000.0, 0.0)
        errors = dict.fromkeys(("connect", "read", "write", "status", "timeout"), 0)
        fleet.stage.done(Summary(10, 40, 99, errors), latency, Distribution([5.0], [1], 5.0, 0.0))
        printed = fleet.printed.decode().splitlines()
        assert sorted(printed[:2]) == ["thread 1 begins with hello", "thread 2 begins with hello"]
        assert printed[2:4] == ["thread 1 of 2", "thread 2 of 2"]
        assert printed[4:] == [
            "agree\ttrue\t0\ttrue\ttrue",
            "latency\ttrue\ttrue\ttrue",
            "first\ttrue\ttrue\ttrue\ttrue\ttrue",
        ]

    async def test_tables_cross_both_ways(self, serve: Serve, make_fleet: MakeFleet) -> None:
        """With which wrk itself falls over."""
        server = await serve()
        text = """
            local one
            function setup(thread)
               one = thread
               thread:set("words", { "a", nested = { true, 2.5 }, [7] = "seven" })
            end
            function init() words.nested[3] = words[7] .. tostring(words.nested[1]) end
            function done()
               local words = one:get("words")
               print(words[1], words.nested[2], words.nested[3])
            end"""
        fleet, _ = await run(make_fleet, scripted(server.url, text))
        assert fleet.stage is not None
        nothing = Distribution((), (), 0.0, 0.0)
        fleet.stage.done(Summary(0, 0, 0, {}), nothing, nothing)
        assert fleet.printed == b"a\t2.5\tseventrue\n"

    async def test_stop_ends_the_run(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        _, totals = await run(make_fleet, scripted(server.url, None, "ending", max_requests=None))
        assert 50 <= totals.completed < 60

    async def test_a_thread_goes_where_setup_sends_it(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        fleet, totals = await run(make_fleet, scripted(server.url, None, "choosing"))
        assert totals.completed == 40
        assert f"to 127.0.0.1:{server.port}".encode() in fleet.printed

    @pytest.mark.parametrize("use", ["thread.addr = found[1]", "wrk.connect(found[1])"])
    async def test_but_never_to_a_public_address(self, serve: Serve, make_fleet: MakeFleet, use: str) -> None:
        server = await serve()
        text = f'function setup(thread) local found = wrk.lookup("192.0.2.1", "80") {use} end'
        fleet, _ = make_fleet(scripted(server.url, text))
        with pytest.raises(TargetRefused, match=r"192\.0\.2\.1"):
            await fleet.start()

    async def test_delays_are_waited_for(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        text = "asked = 0 function delay() asked = asked + 1 return 1 end function done() end"
        fleet, totals = await run(make_fleet, scripted(server.url, text, max_requests=20))
        assert fleet.stage is not None
        assert totals.completed == 20
        assert fleet.stage._stage.get(0, b"asked") >= 20


class TestBrokenOnes:
    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("x = = 1", r"my\.lua:1: unexpected symbol"),
            ("\n\nlocal a = nil + 1", r"my\.lua:3: attempt to perform arithmetic"),
            ("function setup() error('no') end", r"my\.lua:1: no"),
            ("function init()\n nothing() end", r"my\.lua:2: attempt to call global 'nothing'"),
            ("function request() return 5 end", r"my\.lua: request\(\) returned no string"),
            ("function request() return 'GET /' end", r"returned what is no request"),
            ("function request() return 'GET / HTTP/1.1\\r\\nHost: a\\r\\n' end", "empty line"),
            ("function request() return wrk.format() .. 'x' end", "what is no request"),
            ("function request()\n error({}) end", r"my\.lua"),
            ("os.exit(0)", "cannot end the program"),
            ("function deeper() return coroutine.wrap(deeper)() end deeper()", "too many coroutines"),
            ("function delay() return 'soon' end", "milliseconds"),
            ("function setup(t) t:set('f', print) end", "takes nil, true"),
            ("function setup(t) t.addr = 'here' end", "wrk.lookup"),
            ("function setup(t) t:stop() end", "ends a thread that runs"),
        ],
    )
    async def test_are_told_with_file_line_and_reason(
        self, serve: Serve, make_fleet: MakeFleet, text: str, match: str
    ) -> None:
        server = await serve()
        fleet, _ = make_fleet(scripted(server.url, text))
        with pytest.raises(BadInput, match=match):
            await through(fleet)

    @pytest.mark.parametrize(
        "text",
        [
            "while true do end",
            "while true do pcall(function() while true do end end) end",
            "function init() while true do xpcall(function() while true do end end, print) end end",
            "function init() coroutine.wrap(function() while true do end end)() end",
            "function request() while true do coroutine.resume(coroutine.create(function() end)) end end",
        ],
    )
    def test_endless_ones_are_stopped(self, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
        monkeypatch.setattr(threadscript, "CALL_S", 0.2)
        with pytest.raises(BadInput, match=r"my\.lua:1: it did not come to an end within 0\.2 s"):
            ThreadScript(assigned(scripted("http://127.0.0.1:1/", text)))

    async def test_one_that_becomes_endless_is_stopped(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        fleet, _ = make_fleet(scripted(server.url, "function response() while true do end end"))
        with pytest.raises(BadInput, match=r"my\.lua:1: it did not come to an end within 5 s"):
            await through(fleet)

    def test_one_that_takes_all_memory_is_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lua, "MEMORY_LIMIT", 20 << 20)
        text = "local kept = {} while true do kept[#kept + 1] = ('x'):rep(1e6) .. #kept end"
        with pytest.raises(BadInput, match=r"my\.lua takes more than 20 MiB"):
            ThreadScript(assigned(scripted("http://127.0.0.1:1/", text)))

    @pytest.mark.parametrize(
        "text", ["print(python)", "print(#{...})", "print(package.loaded.lupa, package.loaded.python)"]
    )
    def test_none_sees_python(self, text: str) -> None:
        script = ThreadScript(assigned(scripted("http://127.0.0.1:1/", text)))
        assert script.printed in {b"nil\n", b"0\n", b"nil\tnil\n"}

    async def test_one_that_breaks_later_ends_the_run_and_keeps_what_was_measured(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve()
        text = """
            local sent = 0
            function request()
               sent = sent + 1
               if sent > 500 then error("enough") end
               return wrk.format()
            end"""
        fleet, _ = make_fleet(scripted(server.url, text, max_requests=None))
        await fleet.start()
        with pytest.raises(BadInput, match=r"my\.lua:5: enough"):
            await fleet.wait()
        assert len(server.received) == 499  # the first was checked and not sent

    async def test_delays_do_not_go_with_a_rate(self, serve: Serve, make_fleet: MakeFleet) -> None:
        server = await serve()
        fleet, _ = make_fleet(scripted(server.url, None, "waiting", rate=50.0))
        with pytest.raises(UsageError, match="say when to send"):
            await fleet.start()

    def test_a_file_that_cannot_be_read_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="No such file"):
            read_script(tmp_path / "none.lua")


class TestSplitting:
    def test_bodies_belong_to_their_requests(self) -> None:
        text = b"POST /a?b=1 HTTP/1.1\r\ncontent-length: 9\r\n\r\nGET / HTTHEAD /c/12/d HTTP/1.1\r\n\r\n"
        first, other = split_requests(text)
        assert (first.name, first.line + first.rest) == (
            "POST /a",
            text[: -len(b"HEAD /c/12/d HTTP/1.1\r\n\r\n")],
        )
        assert (other.name, other.bodyless) == ("HEAD /c/{n}/d", True)

    @pytest.mark.parametrize(
        ("text", "match"),
        [
            (b"", "no request"),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabc", "shorter than"),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "chunked"),
            (b"GET / HTTP/1.1\r\n\r\n" * 1025, "1024"),
        ],
    )
    def test_what_is_no_whole_request_is_refused(self, text: bytes, match: str) -> None:
        with pytest.raises(BadInput, match=match):
            split_requests(text)
