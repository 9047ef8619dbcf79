"""Connections: address and credentials from what was asked for, the environment and a file; certificates."""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web

from stressdash.apm.connection import Connection, forwarding
from stressdash.apm.elastic import ElasticSource
from stressdash.errors import BadInput, SourceError

URL = "https://elastic.example:9200"
CLOUD_ID = "mine:ZXUuZXhhbXBsZS5vcmckYWJjJGRlZg=="


@pytest.fixture(scope="session")
def ca_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A certificate authority that nobody knows."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Environment that names a credentials file with a text."""

    def write(text: str, mode: int = 0o600, **environ: str) -> dict[str, str]:
        path = tmp_path / "elasticsearch.toml"
        path.write_text(text)
        path.chmod(mode)
        return {"STRESSDASH_ES_FILE": str(path), **environ}

    return write


class TestAddress:
    def test_a_url_without_port_gets_that_of_its_scheme(self) -> None:
        assert Connection.of("https://elastic.example", {}).url == "https://elastic.example:443"
        assert Connection.of(URL, {}).url == URL

    def test_a_cloud_id_is_recognised(self) -> None:
        connection = Connection.of(CLOUD_ID, {})
        assert (connection.cloud_id, connection.url) == (CLOUD_ID, "")

    @pytest.mark.parametrize(
        "address",
        [
            *("", "elastic", "ftp://x", "http://", "name:notbase64", "http://x:99999"),
            *(f"n:{base64.b64encode(text).decode()}" for text in (b"a$", b"$", b"$abc$", b"h:99999$abc")),
        ],
    )
    def test_anything_else_is_refused(self, address: str) -> None:
        with pytest.raises(BadInput, match="wants a URL"):
            Connection.of(address, {})

    def test_credentials_in_a_url_are_refused_and_not_shown(self) -> None:
        with pytest.raises(BadInput) as refused:
            Connection.of("https://user:s3cret@elastic.example:9200", {})
        assert "s3cret" not in str(refused.value)


class TestEnvironment:
    @pytest.mark.parametrize(
        "secret",
        [
            {"STRESSDASH_ES_API_KEY": "key"},
            {"STRESSDASH_ES_BEARER": "token"},
            {"STRESSDASH_ES_USER": "u", "STRESSDASH_ES_PASSWORD": "p"},
        ],
    )
    def test_each_variable_has_its_place(self, secret: dict[str, str], ca_file: str) -> None:
        environ = {**secret, "STRESSDASH_ES_CA": ca_file, "STRESSDASH_ES_FINGERPRINT": "ab" * 32}
        found = Connection.of(URL, environ)
        assert {found.api_key, found.bearer, found.password} == {"", *list(secret.values())[-1:]}
        assert (found.ca_file, found.fingerprint) == (ca_file, "ab" * 32)
        assert found.environment() == environ
        assert Connection.of(URL, found.environment()) == found

    @pytest.mark.parametrize("missing", ["STRESSDASH_ES_CA", "STRESSDASH_ES_FINGERPRINT"])
    def test_what_is_not_given_is_in_no_environment(self, missing: str) -> None:
        assert missing not in Connection.of(URL, {"STRESSDASH_ES_API_KEY": "key"}).environment()

    def test_a_password_without_user_is_that_of_elastic(self) -> None:
        found = Connection.of(URL, {"STRESSDASH_ES_PASSWORD": "p"})
        assert (found.username, found.password) == ("elastic", "p")

    @pytest.mark.parametrize(
        ("environ", "sentence"),
        [
            ({"STRESSDASH_ES_CA": "/nowhere/ca.pem"}, "does not exist"),
            ({"STRESSDASH_ES_CA": "/dev/null"}, "holds no certificates"),
            ({"STRESSDASH_ES_CA": "/"}, "cannot be read"),
            ({"STRESSDASH_ES_FILE": "/nowhere/es.toml"}, "there is no credentials file"),
            ({"STRESSDASH_ES_USER": "u"}, "a user without a password"),
            ({"STRESSDASH_ES_API_KEY": "k", "STRESSDASH_ES_PASSWORD": "p"}, "api_key and password; give one"),
            ({"STRESSDASH_ES_API_KEY": "k\n"}, "must be one line"),
            ({"STRESSDASH_ES_BEARER": "schlüssel"}, "of plain characters"),
            ({"STRESSDASH_ES_FINGERPRINT": "abc"}, "64 hexadecimal digits"),
        ],
    )
    def test_what_cannot_be_trusted_is_told_at_once(self, environ: dict[str, str], sentence: str) -> None:
        with pytest.raises(BadInput, match=sentence):
            Connection.of(URL, environ)


class TestPlainAddress:
    @pytest.mark.parametrize("name", ["STRESSDASH_ES_CA", "STRESSDASH_ES_FINGERPRINT"])
    def test_what_vouches_for_a_certificate_needs_one(self, name: str, ca_file: str) -> None:
        environ = {name: ca_file if name.endswith("CA") else "ab" * 32}
        with pytest.raises(BadInput, match="has no certificate that a CA file or a fingerprint could fit"):
            Connection.of("http://elastic.example:9200", environ)


class TestForwarding:
    def test_an_intake_gets_the_credentials_of_its_address(self, written: Any) -> None:
        environ = written(f'["{URL}"]\napi_key = "mine"\n')
        assert forwarding(URL, environ) == {"STRESSDASH_FORWARD": URL, "STRESSDASH_ES_API_KEY": "mine"}
        assert forwarding("https://other:1", environ) == {"STRESSDASH_FORWARD": "https://other:1"}

    def test_without_an_address_there_is_nothing_to_tell_it(self) -> None:
        assert forwarding(None, {"STRESSDASH_ES_API_KEY": "key"}) is None


class TestFile:
    def test_the_table_of_the_address_is_read(self, written: Any) -> None:
        text = f'["{URL}/"]\napi_key = "mine"\n["https://other"]\napi_key = "theirs"\n'
        assert Connection.of(URL, written(text)).api_key == "mine"

    def test_a_cloud_id_can_have_a_table(self, written: Any) -> None:
        assert Connection.of(CLOUD_ID, written(f'["{CLOUD_ID}"]\nbearer = "t"\n')).bearer == "t"

    def test_another_address_gets_nothing_of_it(self, written: Any) -> None:
        environ = written('["https://other:1"]\napi_key = "theirs"\n')
        assert Connection.of(URL, environ).api_key == ""

    def test_the_environment_wins(self, written: Any) -> None:
        environ = written(f'["{URL}"]\nusername = "u"\npassword = "p"\n', STRESSDASH_ES_API_KEY="key")
        found = Connection.of(URL, environ)
        assert (found.api_key, found.username, found.password) == ("key", "", "")

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
    def test_a_file_that_others_can_read_is_refused(self, written: Any, mode: int) -> None:
        with pytest.raises(BadInput, match="others may read it; chmod 600"):
            Connection.of(URL, written(f'["{URL}"]\n', mode))

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("= no", "is no TOML"),
            (f'["{URL}"]\napikey = "x"\n', "'apikey' is none of the texts api_key"),
            (f'["{URL}"]\napi_key = 3\n', "'api_key' is none of the texts"),
            (f'"{URL}" = "x"\n', "there must be a table"),
        ],
    )
    def test_mistakes_are_told(self, written: Any, text: str, sentence: str) -> None:
        with pytest.raises(BadInput, match=sentence):
            Connection.of(URL, written(text))


class TestCertificates:
    @pytest.fixture
    async def served(self, tmp_path: Path) -> AsyncIterator[tuple[str, str, str]]:
        """URL of a server with a certificate of its own CA, the CA's file, the certificate's fingerprint."""
        authority = trustme.CA()
        certificate = authority.issue_cert("127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

        async def answer(_: web.Request) -> web.Response:
            body = b'{"responses": [{"hits": {"hits": []}}]}'
            headers = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
            return web.Response(body=body, headers=headers)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
        address = f"https://127.0.0.1:{runner.addresses[0][1]}"
        yield address, str(tmp_path / "ca.pem"), hashlib.sha256(der).hexdigest()
        await runner.cleanup()

    async def ask(self, url: str, **environ: str) -> tuple[str, ...]:
        source = ElasticSource(Connection.of(url, environ))
        try:
            return await source.services()
        finally:
            await source.aclose()

    async def test_one_that_nobody_vouches_for_is_told(self, served: tuple[str, str, str]) -> None:
        with pytest.raises(SourceError, match="certificate that is not trusted; give its CA file"):
            await self.ask(served[0])

    async def test_its_ca_file_vouches_for_it(self, served: tuple[str, str, str]) -> None:
        assert await self.ask(served[0], STRESSDASH_ES_CA=served[1]) == ()

    async def test_its_fingerprint_vouches_for_it(self, served: tuple[str, str, str]) -> None:
        assert await self.ask(served[0], STRESSDASH_ES_FINGERPRINT=served[2]) == ()

    async def test_another_fingerprint_does_not(self, served: tuple[str, str, str]) -> None:
        with pytest.raises(SourceError, match="certificate that is not trusted"):
            await self.ask(served[0], STRESSDASH_ES_FINGERPRINT="ab" * 32)
