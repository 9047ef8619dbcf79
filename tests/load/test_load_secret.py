"""Secret headers: read from where they are named, sent, and shown nowhere."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load_harness import MakeFleet, Received, Serve, make_plan

from stressdash import wire
from stressdash.errors import BadInput
from stressdash.load.plan import Request
from stressdash.load.secret import Redaction, SecretHeader, parse_secret_header, read_secrets

TOKEN = f"s3cr3t/{random.Random(5).getrandbits(128):032x}"


class TestReading:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Authorization=Bearer env:TOKEN", SecretHeader("Authorization", "Bearer", "env:TOKEN")),
            (" X-Key = file:/a b/c ", SecretHeader("X-Key", "", "file:/a b/c")),
            ("A=one two env:B", SecretHeader("A", "one two", "env:B")),
        ],
    )
    def test_a_header_names_its_source(self, text: str, expected: SecretHeader) -> None:
        assert parse_secret_header(text) == expected

    @pytest.mark.parametrize(
        "text", ["Authorization: Bearer abc", "Authorization=abc", "=env:A", "A=env:", ""]
    )
    def test_a_value_in_its_place_is_refused_and_not_repeated(self, text: str) -> None:
        with pytest.raises(BadInput, match="never the value") as caught:
            parse_secret_header(text)
        assert "abc" not in str(caught.value)

    def test_values_come_from_environment_and_files(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("from file\n")
        headers = [SecretHeader("A", "", "env:T"), SecretHeader("B", "", f"file:{tmp_path / 'key'}")]
        assert list(read_secrets(headers, {"T": "from env"}).values()) == ["from env", "from file"]
        assert headers[0].line({"env:T": "x"}) == b"A: x\r\n"
        assert SecretHeader("A", "Bearer", "env:T").line({"env:T": "x"}) == b"A: Bearer x\r\n"

    @pytest.mark.parametrize(
        ("value", "match"), [("", "not set"), ("a\nb", "one line"), ("x" * 9000, "one line")]
    )
    def test_what_is_no_value_is_refused_and_not_repeated(self, value: str, match: str) -> None:
        with pytest.raises(BadInput, match=match) as caught:
            read_secrets([SecretHeader("A", "", "env:T")], {"T": value})
        assert not value or value not in str(caught.value)

    def test_files_that_hold_nothing_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        for name, match in (("empty", "is empty"), ("none", "No such file")):
            with pytest.raises(BadInput, match=match):
                read_secrets([SecretHeader("A", "", f"file:{tmp_path / name}")], {})


class TestRedaction:
    @given(st.text(min_size=1, max_size=20), st.binary(max_size=30), st.binary(max_size=30))
    def test_nothing_of_a_secret_is_left(self, secret: str, before: bytes, after: bytes) -> None:
        assert secret.encode() not in Redaction([secret])(before + secret.encode() + after).replace(
            b"***", b""
        )

    def test_also_as_json_or_a_url_writes_it(self) -> None:
        redact = Redaction(['a/b"c'])
        assert redact(b'{"x":"a/b\\"c"} a%2Fb%22c a/b%22c') == b'{"x":"***"} *** ***'

    def test_the_start_of_one_that_was_cut_off_goes_too(self) -> None:
        assert Redaction(["0123456789"])(b"Bearer 01234") == b"Bearer ***"

    def test_without_secrets_everything_stays(self) -> None:
        assert Redaction(())(b"anything") == b"anything"
        assert not Redaction(())


async def echo(request: Received, writer: asyncio.StreamWriter) -> bool:
    """Errors and answers that send the header back."""
    value = request.headers["authorization"].encode()
    status = b"500 Oops" if len(value) and int(request.headers["x-number"]) % 2 else b"200 OK"
    body = b"not with " + value
    writer.write(
        b"HTTP/1.1 %b\r\nX-Back: %b\r\nContent-Length: %d\r\n\r\n%b" % (status, value, len(body), body)
    )
    return True


class TestRuns:
    async def test_the_server_gets_it_and_no_window_has_it(
        self, serve: Serve, make_fleet: MakeFleet, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("STRESSDASH_TEST_TOKEN", TOKEN)
        server = await serve(echo)
        request = Request(
            "get",
            method="GET",
            headers=(("X-Number", "{{request}}"),),
            secrets=(parse_secret_header("Authorization=Bearer env:STRESSDASH_TEST_TOKEN"),),
        )
        plan = make_plan(server.url, request=request)
        fleet, totals = make_fleet(plan)
        await fleet.start()
        await fleet.wait()
        assert {one.headers["authorization"] for one in server.received} == {f"bearer {TOKEN}".lower()}
        told = wire.to_json(totals.windows) + repr(totals.windows).encode() + wire.to_json(plan)
        assert b"***" in told
        assert TOKEN.lower().encode() not in told.lower()
        assert TOKEN[:12].lower().encode() not in told.lower()

    async def test_a_variable_that_is_not_set_is_told_before_any_load(
        self, serve: Serve, make_fleet: MakeFleet
    ) -> None:
        server = await serve()
        request = Request("get", secrets=(SecretHeader("A", "", "env:STRESSDASH_TEST_UNSET"),))
        fleet, _ = make_fleet(make_plan(server.url, request=request))
        with pytest.raises(BadInput, match="STRESSDASH_TEST_UNSET, which is not set"):
            await fleet.start()
        assert not server.accepted
