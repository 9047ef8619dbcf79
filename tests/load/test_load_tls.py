"""TLS over real sockets: who is trusted, what is offered, and the fault of each way in which it fails."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from load_harness import Behaviour, Server, StartRun, answer_ok, make_plan, until

from stressdash.errors import UsageError
from stressdash.load.plan import Plan
from stressdash.load.tls import make_context
from stressdash.load.transport import Transport

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(ca: trustme.CA, tmp_path: Path) -> str:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


ServeTls = Callable[..., Any]


@pytest.fixture
async def serve_tls(ca: trustme.CA) -> AsyncIterator[ServeTls]:
    """Start a server with a certificate for the given names; `adjust` changes its context."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            *names: str,
            behave: Behaviour = answer_ok,
            not_after: dt.datetime | None = None,
            adjust: Callable[[ssl.SSLContext], None] = lambda _: None,
        ) -> Server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert(*(names or ("localhost", "127.0.0.1")), not_after=not_after).configure_cert(context)
            adjust(context)
            server = Server()
            listener = await asyncio.start_server(
                lambda reader, writer: server.serve(reader, writer, behave), "127.0.0.1", 0, ssl=context
            )
            stack.push_async_callback(end, server, listener)
            server.port = listener.sockets[0].getsockname()[1]
            return server

        yield start


async def end(server: Server, listener: asyncio.Server) -> None:
    listener.close()
    for task in server.tasks:
        task.cancel()
    await asyncio.gather(*server.tasks, return_exceptions=True)
    for writer in server.writers:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def raw_server(
    behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[int]:
    """A server below TLS; its port."""
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            await behave(reader, writer)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for writer in writers:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def tls_plan(port: int, *, host: str = "localhost", **changes: Any) -> Plan:
    transport = Transport(**changes.pop("transport", {}))
    return make_plan(f"https://{host}:{port}/push", transport=transport, **changes)


async def faults_of(start_run: StartRun, plan: Plan) -> set[tuple[str, str, str]]:
    totals = await start_run(plan).end()
    assert totals.completed == 0
    assert totals.failed == totals.scheduled == 4
    return set(totals.faults)


class TestTrusted:
    async def test_a_server_of_our_own_ca_is_loaded(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        server = await serve_tls()
        totals = await start_run(tls_plan(server.port, transport={"ca_file": ca_file})).end()
        assert (totals.completed, totals.failed) == (40, 0)
        assert totals.histogram("tls").total() == totals.connects == server.accepted == 4

    async def test_the_name_is_told_and_http_1_1_alone_is_offered(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        told: list[str | None] = []

        def adjust(context: ssl.SSLContext) -> None:
            context.set_alpn_protocols(["h2", "http/1.1"])
            context.sni_callback = lambda _sock, name, _context: told.append(name)

        server = await serve_tls(adjust=adjust)
        await start_run(tls_plan(server.port, transport={"ca_file": ca_file})).end()
        assert set(told) == {"localhost"}
        chosen = {w.get_extra_info("ssl_object").selected_alpn_protocol() for w in server.writers}
        assert chosen == {"http/1.1"}

    async def test_an_address_needs_no_name(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        server = await serve_tls()
        totals = await start_run(
            tls_plan(server.port, host="127.0.0.1", transport={"ca_file": ca_file})
        ).end()
        assert totals.completed == 40

    async def test_answers_of_many_records_and_large_requests_come_whole(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        async def large(request: Any, writer: asyncio.StreamWriter) -> bool:
            assert len(request.body) == 3 << 20
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 20) + bytes(1 << 20))
            return True

        from stressdash.load.plan import Request

        server = await serve_tls(behave=large)
        big = Request("big", body=b"x" * (3 << 20))
        plan = tls_plan(server.port, transport={"ca_file": ca_file}, request=big, max_requests=6)
        totals = await start_run(plan).end()
        assert (totals.completed, totals.failed) == (6, 0)
        assert totals.bytes_received > 6 << 20

    async def test_insecure_takes_any_certificate(self, serve_tls: ServeTls, start_run: StartRun) -> None:
        server = await serve_tls("other.example", not_after=NOW - DAY)
        totals = await start_run(tls_plan(server.port, transport={"insecure": True})).end()
        assert (totals.completed, totals.failed) == (40, 0)

    async def test_old_and_new_versions_of_tls_are_spoken(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        def adjust(context: ssl.SSLContext) -> None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2

        server = await serve_tls(adjust=adjust)
        totals = await start_run(tls_plan(server.port, transport={"ca_file": ca_file})).end()
        assert totals.completed == 40


class TestRefused:
    async def test_an_unknown_issuer(self, serve_tls: ServeTls, start_run: StartRun) -> None:
        server = await serve_tls()
        faults = await faults_of(start_run, tls_plan(server.port, max_requests=4))
        assert faults == {("tls", "UNKNOWN_ISSUER", "unable to get local issuer certificate")}

    async def test_a_certificate_for_another_name(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        server = await serve_tls("other.example")
        plan = tls_plan(server.port, transport={"ca_file": ca_file}, max_requests=4)
        assert {fault[:2] for fault in await faults_of(start_run, plan)} == {("tls", "HOSTNAME_MISMATCH")}

    async def test_a_certificate_for_another_address(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        server = await serve_tls("localhost")
        plan = tls_plan(server.port, host="127.0.0.1", transport={"ca_file": ca_file}, max_requests=4)
        assert {fault[:2] for fault in await faults_of(start_run, plan)} == {("tls", "IP_ADDRESS_MISMATCH")}

    async def test_a_certificate_of_yesterday(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        server = await serve_tls(not_after=NOW - DAY)
        plan = tls_plan(server.port, transport={"ca_file": ca_file}, max_requests=4)
        assert await faults_of(start_run, plan) == {("tls", "CERT_HAS_EXPIRED", "certificate has expired")}


class TestClientCertificates:
    @staticmethod
    def asking(ca: trustme.CA) -> Callable[[ssl.SSLContext], None]:
        def adjust(context: ssl.SSLContext) -> None:
            ca.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED

        return adjust

    async def test_one_that_the_server_knows_is_let_in(
        self, serve_tls: ServeTls, start_run: StartRun, ca: trustme.CA, ca_file: str, tmp_path: Path
    ) -> None:
        client = ca.issue_cert("client")
        client.private_key_pem.write_to_path(tmp_path / "key.pem")
        client.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
        server = await serve_tls(adjust=self.asking(ca))
        transport = {
            "ca_file": ca_file,
            "cert_file": str(tmp_path / "cert.pem"),
            "key_file": str(tmp_path / "key.pem"),
        }
        totals = await start_run(tls_plan(server.port, transport=transport)).end()
        assert (totals.completed, totals.failed) == (40, 0)

    async def test_without_one_the_fault_says_what_is_asked_for(
        self, start_run: StartRun, ca: trustme.CA, ca_file: str
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(context)
        self.asking(ca)(context)

        def accept(listener: socket.socket) -> None:
            for _ in range(4):
                accepted, _ = listener.accept()
                with context.wrap_socket(
                    accepted, server_side=True, do_handshake_on_connect=False
                ) as secured:
                    with contextlib.suppress(ssl.SSLError):
                        secured.do_handshake()
                    while socket.socket.recv(secured, 4096):  # closing at once would reset the connection
                        pass

        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(60)
            accepting = asyncio.create_task(asyncio.to_thread(accept, listener))
            plan = tls_plan(
                listener.getsockname()[1], transport={"ca_file": ca_file}, max_requests=4, connections=1
            )
            faults = await faults_of(start_run, plan)
            await accepting
        assert faults == {
            ("tls", "TLSV13_ALERT_CERTIFICATE_REQUIRED", "server asks for a client certificate (--cert)")
        }


class TestBrokenHandshakes:
    async def test_a_server_without_tls(self, start_run: StartRun) -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            await reader.read()

        async with raw_server(plain) as port:
            (fault,) = await faults_of(start_run, tls_plan(port, max_requests=4))
        assert fault[:2] == ("tls", "WRONG_VERSION_NUMBER")
        assert "perhaps plain HTTP" in fault[2]

    async def test_a_server_that_takes_no_http_1_1(self, start_run: StartRun) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(16_384)
            writer.write(b"\x15\x03\x03\x00\x02\x02\x78")  # fatal alert 120
            await reader.read()

        async with raw_server(refuse) as port:
            (fault,) = await faults_of(start_run, tls_plan(port, max_requests=4))
        assert fault[:2] == ("tls", "TLSV1_ALERT_NO_APPLICATION_PROTOCOL")
        assert "HTTP/2 only" in fault[2]

    async def test_a_server_that_says_nothing(self, start_run: StartRun) -> None:
        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            await reader.read()

        async with raw_server(wait) as port:
            plan = tls_plan(port, max_requests=4, connect_timeout_s=1.0)
            assert await faults_of(start_run, plan) == {("timeout", "tls", "no TLS handshake within 1 s")}

    async def test_a_server_that_closes(self, start_run: StartRun) -> None:
        async def leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(16_384)
            writer.close()

        async with raw_server(leave) as port:
            faults = await faults_of(start_run, tls_plan(port, max_requests=4))
        assert faults == {("tls", "EOF", "server closed during the TLS handshake")}

    async def test_garbage(self, start_run: StartRun) -> None:
        async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(16_384)
            writer.write(bytes(range(256)) * 64)
            await reader.read()

        async with raw_server(babble) as port:
            faults = await faults_of(start_run, tls_plan(port, max_requests=4))
        assert {category for category, _, _ in faults} == {"tls"}

    async def test_steering_closes_connections_in_the_middle_of_one(self, start_run: StartRun) -> None:
        held: list[bytes] = []

        async def wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            held.append(await reader.read(1))
            await reader.read()

        async with raw_server(wait) as port:
            run = start_run(tls_plan(port, max_requests=None))
            await until(lambda: len(held) == 4)
            run.command("connections", connections=1, segment=1)
            run.command("stop")
            totals = await run.end()
        assert (totals.scheduled, totals.failed) == (0, 0)


class TestHttp2Only:
    SETTINGS = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80"

    async def test_over_tls_its_first_frame_is_told(
        self, serve_tls: ServeTls, start_run: StartRun, ca_file: str
    ) -> None:
        async def frame(request: Any, writer: asyncio.StreamWriter) -> bool:
            writer.write(self.SETTINGS)
            return True

        server = await serve_tls(behave=frame)
        plan = tls_plan(server.port, transport={"ca_file": ca_file}, max_requests=4)
        faults = await faults_of(start_run, plan)
        assert faults == {("protocol", "http2", "server answers in HTTP/2; only HTTP/1.1 is spoken here")}

    @pytest.mark.parametrize(
        "data",
        [SETTINGS, b"\0\0\x08\x07\0\0\0\0\0" + b"\0\0\0\0\0\0\0\x01"],
        ids=["SETTINGS", "GOAWAY"],
    )
    async def test_in_plain_text_too(self, start_run: StartRun, data: bytes) -> None:
        async def frame(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(data)
            await reader.read()

        async with raw_server(frame) as port:
            totals = await start_run(make_plan(f"http://127.0.0.1:{port}/", max_requests=4)).end()
        assert {fault[:2] for fault in totals.faults} == {("protocol", "http2")}

    async def test_status_505_is_named(self, start_run: StartRun) -> None:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 505 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await reader.read()

        async with raw_server(refuse) as port:
            totals = await start_run(make_plan(f"http://127.0.0.1:{port}/", max_requests=4)).end()
        assert set(totals.faults) == {("http", "505", "HTTP Version Not Supported")}


class TestFiles:
    def test_what_cannot_be_used_is_told_with_its_flag(self, tmp_path: Path, ca: trustme.CA) -> None:
        text, cert, key = tmp_path / "text", tmp_path / "cert.pem", tmp_path / "key.pem"
        text.write_text("no certificate")
        issued = ca.issue_cert("client")
        issued.cert_chain_pems[0].write_to_path(cert)
        ca.issue_cert("other").private_key_pem.write_to_path(key)
        for transport, words in (
            (Transport(ca_file=str(tmp_path / "none")), "--cacert: cannot read .*No such file"),
            (Transport(ca_file=str(text)), "--cacert: .* holds no certificate"),
            (Transport(cert_file=str(text)), "--cert: no certificate and key"),
            (Transport(cert_file=str(cert)), "give the key with --key"),
            (Transport(cert_file=str(cert), key_file=str(key)), "not the key of the certificate"),
        ):
            with pytest.raises(UsageError, match=words):
                make_context(transport)

    def test_a_key_with_a_passphrase_is_refused_and_nobody_is_asked(
        self, tmp_path: Path, ca: trustme.CA
    ) -> None:
        from cryptography.hazmat.primitives import serialization

        issued = ca.issue_cert("client")
        loaded = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
        locked = loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
        (tmp_path / "both.pem").write_bytes(issued.cert_chain_pems[0].bytes() + locked)
        with pytest.raises(UsageError, match="without a passphrase"):
            make_context(Transport(cert_file=str(tmp_path / "both.pem")))
