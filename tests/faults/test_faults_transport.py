"""TLS, Unix sockets and connections for each request, as the command line gives them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme
from command import PASSED_OR_VOID, Command, Ended


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Everything with an empty 200."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    return made


@pytest.fixture
async def url(ca: trustme.CA) -> AsyncIterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost").configure_cert(context)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield f"https://localhost:{server.sockets[0].getsockname()[1]}/"
    server.close()


async def run(state: Path, *words: str) -> Ended:
    """Twenty requests with pauses between them: handshakes without any would fill the worker's core."""
    calm = ("--connections", "2", "--think", "50ms", "--requests", "20")
    return await (await Command.start("run", *words, *calm, state=state)).ended()


class TestTls:
    async def test_a_server_that_nobody_vouches_for_is_not_loaded(self, url: str, state: Path) -> None:
        ended = await run(state, url, "--json", "-")
        assert ended.code == 3
        assert "unable to get local issuer certificate" in ended.sentence
        (fault,) = ended.report["faults"]
        assert (fault["category"], fault["code"], fault["count"]) == ("tls", "UNKNOWN_ISSUER", 20)
        assert ended.report["plan"]["tls"] == "verified"

    async def test_with_its_ca_it_is(self, url: str, ca: trustme.CA, state: Path, tmp_path: Path) -> None:
        ended = await run(state, url, "--cacert", str(tmp_path / "ca.pem"), "--json", "-")
        assert ended.code in PASSED_OR_VOID
        assert ended.err == b""
        assert ended.report["requests"]["completed"] == 20
        assert not any("insecure" in warning for warning in ended.report["warnings"])

    async def test_insecure_is_said_in_json_and_summary(self, url: str, state: Path, tmp_path: Path) -> None:
        file = tmp_path / "run.json"
        ended = await run(state, url, "-k", "--json", str(file))
        assert ended.code in PASSED_OR_VOID
        assert ended.err == b""
        assert b"TLS certificates are not verified (--insecure)" in b" ".join(ended.out.split())
        assert '"tls": "not verified"' in file.read_text()

    async def test_files_that_cannot_be_used_are_told_before_the_load(self, url: str, state: Path) -> None:
        ended = await run(state, url, "--cert", "/does/not/exist.pem")
        assert ended.code == 2
        assert "--cert: cannot read '/does/not/exist.pem'" in ended.sentence


class TestUnixSocket:
    async def test_is_loaded_and_named_in_the_report(self, state: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="sd") as folder:
            async with await asyncio.start_unix_server(answer, f"{folder}/s"):
                ended = await run(state, "http://x/", "--unix-socket", f"{folder}/s", "--json", "-")
        assert ended.code in PASSED_OR_VOID
        assert ended.err == b""
        assert ended.report["plan"]["unix_socket"] == f"{folder}/s"
        assert ended.report["requests"]["completed"] == 20


class TestNewConnections:
    @pytest.mark.parametrize("flag", ["--disable-keepalive", "--new-connection-per-request"])
    async def test_each_request_has_one_by_either_name(
        self, url: str, state: Path, tmp_path: Path, flag: str
    ) -> None:
        ended = await run(state, url, "--cacert", str(tmp_path / "ca.pem"), flag, "--json", "-")
        assert ended.code in PASSED_OR_VOID
        assert ended.report["transfer"]["connects"] >= 20
        assert ended.report["plan"]["keepalive"] is False
