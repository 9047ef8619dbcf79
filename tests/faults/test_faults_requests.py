"""Requests from the command line to the JSON: names, expectations, secrets and scripts."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from command import Command

Start = Callable[..., Awaitable[Command]]
TOKEN = "t0p-s3cret-value-of-a-header"
VOID = 5
"""On a machine that has no time for the generator; what was sent and told is the same."""


@dataclass
class Echo:
    """A server that answers with the header it got, as an error where the path says so."""

    url: str = ""
    heads: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
                await reader.readexactly(int(length[1]) if length else 0)
                self.heads.append(head)
                status = b"500 Oops" if b"/fails" in head else b"200 OK"
                body = (
                    b'{"got":"%b"}'
                    % (re.findall(rb"authorization: (.*)\r\n", head, re.IGNORECASE) or [b""])[0]
                )
                writer.write(b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    served = Echo()
    listener = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    yield served
    listener.close()


class TestNames:
    async def test_each_has_its_figures_thresholds_and_faults(self, stressdash: Start, echo: Echo) -> None:
        command = await stressdash(
            *("run", echo.url, "--requests", "400", "-c", "4", "--json", "-"),
            *("--mix", "good:3 GET /good/{{counter}}", "--mix", "bad POST /fails {{uuid}}"),
            *("--threshold", "good:rate<1%", "--threshold", "bad:p(50)<30s", "--threshold", "bad:rate<1%"),
        )
        ended = await command.ended()
        assert ended.code in {4, VOID}, ended.err
        good, bad = sorted(ended.report["by_request"], key=lambda one: -one["completed"])
        assert (good["name"], good["completed"], good["failed"], good["latency_us"]["samples"]) == (
            "good",
            300,
            0,
            300,
        )
        assert (bad["name"], bad["completed"], bad["failed"], bad["failed_share"]) == ("bad", 0, 100, 1)
        assert [one["held"] for one in ended.report["thresholds"]] == [True, True, False]
        paths = {head.split()[1] for head in echo.heads if b"/good" in head}
        assert len(paths) == 300

    async def test_a_threshold_of_a_request_that_there_is_not_is_refused(
        self, stressdash: Start, echo: Echo
    ) -> None:
        command = await stressdash(
            "run", echo.url, "--mix", "read GET /", "--mix", "write POST /", "--threshold", "rad:p(99)<9"
        )
        ended = await command.ended()
        assert ended.code == 2
        assert "the requests are read, write" in ended.sentence
        assert not echo.heads


class TestSecrets:
    async def test_one_is_sent_and_shown_nowhere(
        self, stressdash: Start, echo: Echo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HUSH", TOKEN)
        names = ("run.json", "run.html", "run.xml", "run.md", "run.csv", "run.jsonl")
        files = [tmp_path / name for name in names]
        given = zip(
            ("--json", "--html", "--junit", "--markdown", "--csv", "--jsonl"), map(str, files), strict=True
        )
        command = await stressdash(
            *("run", f"{echo.url}fails", "--requests", "200", "--expect", "body~nothing like it"),
            *("--secret-header", "Authorization=Bearer env:HUSH"),
            *(word for pair in given for word in pair),
        )
        arguments = [" ".join(process.cmdline()) for process in command.family()]
        ended = await command.ended()
        assert ended.code in {0, VOID}, ended.err
        assert all(b"Bearer " + TOKEN.encode() in head for head in echo.heads)
        told = [ended.out, ended.err, *map(str.encode, arguments), *(file.read_bytes() for file in files)]
        told += [file.read_bytes() for file in command.state.rglob("*") if file.is_file()]
        assert len(told) > len(files) + 2
        assert not [text for text in told if TOKEN.encode() in text]


class TestScripts:
    async def test_what_is_printed_is_in_the_result(
        self, stressdash: Start, echo: Echo, tmp_path: Path
    ) -> None:
        script = tmp_path / "told.lua"
        script.write_text("""
            function init(args) print("begins with", args[1]) end
            function done(summary, latency)
               print("ended", summary.requests, summary.errors.status, latency:percentile(50) > 0)
               io.write("\\27[31mred")
            end""")
        command = await stressdash(
            *(
                "run",
                "-s",
                str(script),
                "-t1",
                "-c2",
                echo.url,
                "--requests",
                "60",
                "--json",
                "-",
                "--",
                "one",
            )
        )
        ended = await command.ended()
        assert ended.code in {0, VOID}, ended.err
        assert ended.report["script_output"].splitlines() == [
            "begins with\tone",
            "ended\t60\t0\ttrue",
            "\x1b[31mred",
        ]
        assert ended.report["plan"]["script"] == str(script)
        command = await stressdash("run", "-s", str(script), "-c2", echo.url, "--requests", "20", "--", "one")
        ended = await command.ended()
        assert b"begins with     one\n" in ended.out
        assert b"\x1b" not in ended.out

    @pytest.mark.parametrize(
        ("text", "told", "reported"),
        [
            ("x = = 1", "broken.lua:1: unexpected symbol", False),
            ("function init() local a = nil .. 1 end", "broken.lua:1: attempt to concatenate", False),
            ("\nfunction response() error('seen') end", "broken.lua:2: seen", True),
            ("function done() nothing() end", "broken.lua:1: attempt to call global 'nothing'", True),
        ],
    )
    async def test_a_broken_one_ends_in_one_sentence(
        self, stressdash: Start, echo: Echo, tmp_path: Path, text: str, told: str, reported: bool
    ) -> None:
        script = tmp_path / "broken.lua"
        script.write_text(text)
        command = await stressdash("run", "-s", str(script), echo.url, "--requests", "50")
        ended = await command.ended()
        assert ended.code == 2
        assert told in ended.sentence
        assert (b"Verdict   VOID" in ended.out) is reported
