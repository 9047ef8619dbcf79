"""A target whose answers are written against the terminal, the report's reader and the engine's own pipes."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import tty
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Awaitable, Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command import Command

Start = Callable[..., Awaitable[Command]]

EVIL = "\x7f\x1b]0;pwned\x07\x1b[2J\x9b31m[red]\u202e</script><img src=x onerror=alert(1)>'\"&\x00\r"
REASON = "\x1b[31mOK\x9b2J <b>[bold]"


def twirp(message: str) -> bytes:
    return json.dumps({"code": "internal", "msg": message, "meta": {"cause": EVIL}}).encode()


def full(body: bytes, reason: str = "No", kind: str = "application/json", status: int = 500) -> bytes:
    head = f"HTTP/1.1 {status} {reason}\r\nConnection: close\r\nContent-Type: {kind}\r\nX-Note: \x9b2J<b>\r\n"
    return head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body


ANSWERS = (
    full(twirp(EVIL)),
    full(twirp("\ud800 lone surrogate \udfff")),
    full(twirp(EVIL * 500), reason=REASON),
    full(EVIL.encode(), kind="text/plain", status=502),
    full(b"\xff\xfe\x1b[2J\x9b", kind="text/plain", status=404),
    full(b"[" * 100_000, status=503),
    full(json.dumps({"error": {"message": [EVIL, {"x": EVIL}]}}).encode(), reason=EVIL[:9], status=418),
    b"\x1b[2J" + EVIL.encode() + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: \x1b[2J\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\x1b[2J\r\n",
    f"HTTP/1.1 500 No\r\nConnection: close\r\nX-Note: {EVIL}\r\nContent-Length: 0\r\n\r\n".encode(),
    full(b"fine", status=200),
)

pytestmark = pytest.mark.serial


@pytest.fixture
async def hostile_url() -> AsyncIterator[str]:
    """A server that gives one evil answer after the other, each on a connection of its own."""
    answers = iter(ANSWERS * 1_000)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(next(answers))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


def load(url: str) -> tuple[str, ...]:
    return ("run", url, "--requests", str(20 * len(ANSWERS)), "--connections", "4")


def harmless(data: bytes) -> bool:
    """Whether a terminal would only write it: lines of characters that show."""
    return all(line.isprintable() for line in data.decode().split("\n"))


class Page(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


class TestHostileAnswers:
    async def test_the_json_on_stdout_moves_no_cursor_and_keeps_every_fault(
        self, stressdash: Start, hostile_url: str
    ) -> None:
        ended = await (await stressdash(*load(hostile_url), "--json", "-")).ended()
        assert ended.err == b""
        assert harmless(ended.out)
        report = ended.report
        assert report["requests"]["scheduled"] == 20 * len(ANSWERS)
        assert report["requests"]["completed"] == 20
        assert report["requests"]["failed"] == 20 * (len(ANSWERS) - 1)
        assert sum(fault["count"] for fault in report["faults"]) == report["requests"]["failed"]
        assert any("\x1b]" in fault["message"] for fault in report["faults"])

    async def test_the_summary_and_the_files_show_the_sequences_and_obey_none(
        self, stressdash: Start, hostile_url: str, tmp_path: Path
    ) -> None:
        html, junit = tmp_path / "run.html", tmp_path / "run.xml"
        command = await stressdash(
            *load(hostile_url), "--html", str(html), "--junit", str(junit), "--threshold", "failed:rate<1%"
        )
        ended = await command.ended()
        assert ended.code in {4, 5}, "failed, or void where so short a run filled the generator's core"
        assert ended.err == b""
        assert harmless(ended.out)
        assert b"\\x1b" in ended.out
        page = Page(html.read_text())
        assert "img" not in page.tags
        assert not {name for name in page.attributes if name.startswith("on")}
        assert harmless(re.sub(rb"<style>.*?</style>", b"", html.read_bytes(), flags=re.DOTALL))
        assert harmless(junit.read_bytes())
        assert ET.parse(junit).getroot().tag == "testsuites"  # noqa: S314  we wrote it

    async def test_the_progress_line_on_a_terminal_holds_nothing_of_the_target(
        self, state: Path, hostile_url: str
    ) -> None:
        ours, theirs = pty.openpty()
        tty.setraw(theirs)
        seen = bytearray()
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: seen.extend(os.read(ours, 1 << 16)))
        command = await Command.start(*load(hostile_url), state=state, stderr=theirs)
        ended = await command.ended()
        loop.remove_reader(ours)
        os.close(ours)
        os.close(theirs)
        await command.close()
        assert harmless(ended.out)
        assert b"attaching to" in seen
        assert harmless(bytes(seen).replace(b"\r\x1b[2K", b"\n"))
