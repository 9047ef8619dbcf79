"""Expectations: what holds of an answer, what does not and is a fault, and what cannot be read."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from load_harness import MakeFleet, Received, Serve, StartRun, make_plan

from stressdash.errors import BadInput
from stressdash.load.expectation import CHECKED_BODY, Checks
from stressdash.load.plan import Request


def complaint(text: str, body: bytes = b"", status: int = 200) -> str:
    fault = Checks((text,)).fault(status, body)
    return "" if fault is None else f"{fault.category} {fault.code}: {fault.message}"


class TestStatus:
    @pytest.mark.parametrize(
        ("text", "status"), [("status=200", 200), ("status=201, 404", 404), ("status=5xx", 503)]
    )
    def test_one_that_is_expected_is_no_failure(self, text: str, status: int) -> None:
        assert complaint(text, status=status) == ""

    def test_another_one_is(self) -> None:
        assert complaint("status=200,201", status=204) == "body status: status 204, expected 200, 201"

    def test_an_error_that_nobody_expected_keeps_its_own_words(self) -> None:
        body = b'{"code":"internal","msg":"pool is full"}'
        assert complaint("status=200", body, 500) == "rpc internal: pool is full"
        assert complaint("body~full", body, 500) == "rpc internal: pool is full"

    def test_several_add_up(self) -> None:
        checks = Checks(("status=200", "status=3xx"))
        assert checks.fault(200, b"") is None
        assert checks.fault(304, b"") is None
        assert checks.fault(201, b"") is not None


class TestBody:
    def test_a_substring_is_there_or_lacks(self) -> None:
        assert complaint("body~ok", b"it is ok") == ""
        assert complaint("body~é=1", b"it is not") == "body substring: the body lacks é=1"

    def test_beyond_what_is_looked_at_nothing_is_found(self) -> None:
        assert "first 1 MiB" in complaint("body~x", b"a" * CHECKED_BODY)
        assert "too long" in complaint("json:/a=1", b"[" * CHECKED_BODY)

    @pytest.mark.parametrize(
        "text",
        [
            *("json:/status=ok", 'json:/status="ok"', "json:/n=3", "json:/n=3.0", "json:/list/1=b"),
            *("json:/a~1b=true", "json:/none=null", "json:/none", 'json:/list=["a","b"]'),
        ],
    )
    def test_pointers_lead_to_values(self, text: str) -> None:
        body = b'{"status":"ok","n":3,"list":["a","b"],"a/b":true,"none":null}'
        assert complaint(text, body) == ""

    @pytest.mark.parametrize(
        ("text", "body", "expected"),
        [
            ("json:/a=1", b'{"a":true}', "/a is not 1"),
            ("json:/a=1", b'{"a":2}', "/a is not 1"),
            ("json:/a=1", b"{}", "the JSON has no /a"),
            ("json:/a/5", b'{"a":[1]}', "the JSON has no /a/5"),
            ("json:/a", b"nope", "the body is no JSON"),
            ("json:=3", b"4", " is not 3"),
        ],
    )
    def test_what_does_not_hold_is_said(self, text: str, body: bytes, expected: str) -> None:
        assert complaint(text, body) == f"body json: {expected}"


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        ["", "200", "status=", "status=20", "status=2xy", "body~", "json", "json:a=1"],
    )
    def test_say_what_can_be_written(self, text: str) -> None:
        with pytest.raises(BadInput, match=r"expectation .*(write|names)"):
            Checks((text,))

    def test_a_request_with_one_cannot_be_made(self) -> None:
        with pytest.raises(BadInput, match="expectation"):
            Request("get", expect=("nope",))


async def lists_or_not(request: Received, writer: asyncio.StreamWriter) -> bool:
    """Every third answer has no list."""
    body = b'{"items":[1]}' if request.id % 3 else b'{"items":[]}'
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    return True


class TestRuns:
    async def test_what_does_not_hold_is_a_fault_of_its_own(self, serve: Serve, start_run: StartRun) -> None:
        server = await serve(lists_or_not)
        request = Request("list", body=b'{"id":{{request}}}', expect=("status=200", "json:/items/0=1"))
        totals = await start_run(make_plan(server.url, request=request, max_requests=30)).end()
        assert totals.faults == {("body", "json", "the JSON has no /items/0"): 10}
        assert (totals.completed, totals.failed, totals.responses) == (20, 10, 30)
        (exemplar, *_) = next(fault.exemplars for window in totals.windows for fault in window.faults)
        assert exemplar.body == b'{"items":[]}'

    async def test_a_long_body_is_looked_at_to_its_end(self, serve: Serve, start_run: StartRun) -> None:
        async def long(request: Received, writer: asyncio.StreamWriter) -> bool:
            body = b"x" * 200_000 + b"end"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            return True

        server = await serve(long)
        request = Request("get", method="GET", expect=("body~end",))
        totals = await start_run(make_plan(server.url, request=request, max_requests=8)).end()
        assert (totals.completed, totals.failed) == (8, 0)

    async def test_only_requests_that_have_them_are_checked(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve()
        checked = Request("checked", method="GET", expect=("body~nothing like it",))
        free = Request("free", method="GET", weight=3)
        plan = make_plan(server.url, max_requests=40)
        fleet, totals = make_fleet(replace(plan, requests=(checked, free)))
        await fleet.start()
        await fleet.wait()
        totals.check_books()
        counted = {"checked": [0, 0], "free": [0, 0]}
        for window in totals.windows:
            for name, counts in window.by_request.items():
                counted[name][0] += counts.completed
                counted[name][1] += counts.failed
        assert counted == {"checked": [0, 10], "free": [30, 0]}
