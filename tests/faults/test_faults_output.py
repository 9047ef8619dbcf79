"""Where the result goes, when that place is bad: the run still ends in order."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from command import PASSED_OR_VOID, Command


@pytest.fixture
async def url() -> AsyncIterator[str]:
    """A target that answers everything with an empty 200."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


class TestStdout:
    @pytest.mark.parametrize("form", [("--json", "-"), ()])
    async def test_a_reader_who_has_left_is_no_error(
        self, url: str, state: Path, form: tuple[str, ...]
    ) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        command = await Command.start("run", url, "--requests", "10", *form, state=state, stdout=writer)
        os.close(writer)
        ended = await command.ended()
        assert ended.code in PASSED_OR_VOID
        assert ended.err == b""

    async def test_a_full_disk_is_told_in_one_sentence(self, url: str, state: Path) -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        command = await Command.start("run", url, "--requests", "10", state=state, stdout=full)
        os.close(full)
        ended = await command.ended()
        assert ended.code == 2
        assert "cannot write to stdout: No space left on device" in ended.sentence

    async def test_a_file_that_can_no_longer_be_written_leaves_the_summary(
        self, url: str, state: Path, tmp_path: Path
    ) -> None:
        folder = tmp_path / "reports"
        folder.mkdir()
        command = await Command.start(
            *("run", url, "--duration", "8s", "--html", str(folder / "run.html")), state=state
        )
        await command.comes("stressdash.load.worker")
        folder.rmdir()
        ended = await command.ended()
        assert ended.code == 2
        assert "run.html': No such file or directory" in ended.sentence
        assert b"Requests/sec" in ended.out

    async def test_a_full_disk_under_a_growing_file_is_told_in_the_result_and_at_its_end(
        self, url: str, state: Path, tmp_path: Path
    ) -> None:
        rows = tmp_path / "rows.csv"
        command = await Command.start(
            *("run", url, "--duration", "1s", "--csv", str(rows), "--hlog", "/dev/full", "--json", "-"),
            state=state,
        )
        ended = await command.ended()
        assert ended.code == 2
        assert "cannot write '/dev/full' to its end: No space left on device" in ended.sentence
        assert any("/dev/full" in warning for warning in ended.report["warnings"])
        responses = [int(line.split(",")[12]) for line in rows.read_text().splitlines()[1:]]
        assert sum(responses) == ended.report["requests"]["completed"]

    async def test_a_terminal_that_knows_ascii_only_gets_ascii(
        self, url: str, state: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        ended = await (await Command.start("run", url, "--requests", "10", state=state)).ended()
        assert ended.code in PASSED_OR_VOID
        assert ended.err == b""
        assert ended.out.isascii()
        assert b"Requests/sec" in ended.out
