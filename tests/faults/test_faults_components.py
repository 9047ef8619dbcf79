"""Components that die or are spoken to badly while a headless run goes on."""

from __future__ import annotations

import asyncio
import gzip
import signal
from collections.abc import Awaitable, Callable

import aiohttp
import pytest
from command import PASSED_OR_VOID, Command, runs, survivors, until

Start = Callable[..., Awaitable[Command]]

ACT = ("run", "act3", "--stack", "embedded", "--connections", "20", "--json", "-")
JUNK = (
    b"\x00\xff\x1b[2Jjunk\n" * 100,
    b'{"metadata":{}}\n{"transaction":' + b"[" * 5_000 + b"\n",
    b'{"metadata":{"service":{"name":"\x1b]0;x\x07"}}}\n{"error":{"id":1}}\n',
    gzip.compress(b'{"metadata":{}}\n')[:-9],
    b"",
)

pytestmark = pytest.mark.serial


class TestDeathUnderLoad:
    @pytest.mark.parametrize(
        ("module", "component"), [("service", "service"), ("stressdash.embedded.mysql", "database")]
    )
    async def test_the_run_goes_on_counts_faults_and_reports_a_void_result_that_names_the_dead(
        self, stressdash: Start, module: str, component: str
    ) -> None:
        command = await stressdash(*ACT, "--duration", "6s")
        victim = await command.comes(module)
        await command.loads()
        victim.kill()
        ended = await command.ended()
        report = ended.report
        assert ended.err == b""
        assert ended.code == 5
        assert report["verdict"]["status"] == "void"
        assert any(f"the {component} was ended by SIGKILL" in text for text in report["verdict"]["reasons"])
        assert report["requests"]["failed"] > 0
        books = report["requests"]
        assert books["scheduled"] == books["completed"] + books["failed"] + books["in_flight_at_stop"]
        assert report["audit"]["lost"] in (None, 0)

    async def test_a_dead_load_worker_ends_the_run_with_a_void_result(self, stressdash: Start) -> None:
        command = await stressdash(*ACT, "--duration", "60s")
        await command.loads()
        (await command.comes("stressdash.load.worker")).kill()
        ended = await command.ended()
        assert ended.code == 5
        assert any(
            "load worker" in text and "signal 9" in text for text in ended.report["verdict"]["reasons"]
        )
        assert ended.report["audit"]["lost"] == 0

    async def test_a_dead_supervisor_is_a_state_of_all_components_and_the_report_is_still_given(
        self, stressdash: Start
    ) -> None:
        command = await stressdash(*ACT, "--duration", "6s")
        await command.loads()
        (await command.comes("stressdash.stack.supervisor")).kill()
        ended = await command.ended()
        assert ended.err == b""
        assert ended.code == 5
        assert any("supervisor has ended" in text for text in ended.report["verdict"]["reasons"])


class TestJunkToTheIntake:
    async def test_a_run_is_not_disturbed_and_its_figures_hold_nothing_of_the_junk(
        self, stressdash: Start
    ) -> None:
        command = await stressdash(*ACT, "--duration", "6s")
        await command.loads()
        intake = await command.comes("stressdash.embedded.apm")
        (port,) = {c.laddr.port for c in intake.net_connections() if c.status == "LISTEN"}
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
            for body in JUNK:
                for encoding in ("", "gzip", "deflate"):
                    headers = {"Content-Type": "application/x-ndjson"} | (
                        {"Content-Encoding": encoding} if encoding else {}
                    )
                    async with client.post("/intake/v2/events", data=body, headers=headers) as answer:
                        assert 400 <= answer.status < 500
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00 no HTTP at all\r\n\r\n")
        await reader.read()
        writer.close()
        ended = await command.ended()
        assert ended.code in PASSED_OR_VOID
        assert ended.report["apm"]["error_groups"] == []
        assert ended.report["apm"]["transactions"] > 0
        assert ended.report["warnings"] == []


class TestSignals:
    async def test_ctrl_c_ends_the_load_and_still_gives_the_report(self, stressdash: Start) -> None:
        command = await stressdash(*ACT, "--duration", "60s")
        await command.loads()
        family = command.family()
        command.press_ctrl_c()
        ended = await command.ended()
        assert ended.code == 130
        assert ended.err == b""
        verdict = ended.report["verdict"]
        assert (verdict["status"], verdict["reasons"][0]) == ("interrupted", "interrupted before its end")
        assert 0 < ended.report["duration_s"] < 60
        assert ended.report["audit"]["lost"] == 0
        assert survivors(family) == []

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
    async def test_other_orderly_signals_do_the_same(self, stressdash: Start, number: signal.Signals) -> None:
        command = await stressdash(*ACT, "--duration", "60s")
        await command.loads()
        command.signal(number)
        ended = await command.ended()
        assert ended.code == 130
        assert ended.report["verdict"]["status"] == "interrupted"

    async def test_a_second_ctrl_c_gives_up_at_once_without_a_traceback(self, stressdash: Start) -> None:
        command = await stressdash(*ACT, "--duration", "60s")
        await command.loads()
        family = command.family()
        command.press_ctrl_c()
        command.press_ctrl_c()
        ended = await command.ended()
        assert ended.code == 130
        assert b"Traceback" not in ended.err
        assert survivors(family) == []

    async def test_ctrl_c_while_the_stack_starts_leaves_nothing(self, stressdash: Start) -> None:
        command = await stressdash(*ACT, "--duration", "60s")
        await command.comes("stressdash.stack.supervisor")
        command.press_ctrl_c()
        ended = await command.ended()
        assert ended.code == 130
        assert ended.out == b""
        assert b"Traceback" not in ended.err
        assert survivors(command.family()) == []

    async def test_ctrl_c_after_the_load_has_ended_spoils_nothing(self, stressdash: Start) -> None:
        command = await stressdash(*ACT, "--requests", "2000")
        worker = await command.comes("stressdash.load.worker")
        await until(lambda: not runs(worker))
        command.press_ctrl_c()
        ended = await command.ended()
        assert ended.code in PASSED_OR_VOID
        assert ended.report["requests"]["completed"] == 2000
