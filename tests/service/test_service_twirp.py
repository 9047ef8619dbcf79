"""Twirp's wire format against the specification's table, and JSON against protobuf's own reader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from service import stats_pb2, twirp
from service.twirp import JSON, PROTOBUF, Method, Router, TwirpError

SERVICE = Path(twirp.__file__).parent
PATH = "/twirp/stats.StatsService/Push"


async def never(_request: Any, _call: Any) -> Any:
    raise AssertionError


PUSH = Method("stats.StatsService", "Push", stats_pb2.PushRequest, never)
ROUTER = Router(PUSH)


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "status"),
        [
            ("canceled", 408), ("unknown", 500), ("invalid_argument", 400), ("malformed", 400),
            ("deadline_exceeded", 408), ("not_found", 404), ("bad_route", 404), ("already_exists", 409),
            ("permission_denied", 403), ("unauthenticated", 401), ("resource_exhausted", 429),
            ("failed_precondition", 412), ("aborted", 409), ("out_of_range", 400), ("unimplemented", 501),
            ("internal", 500), ("unavailable", 503), ("data_loss", 500),
        ],
    )  # fmt: skip
    def test_have_the_status_of_the_specification(self, code: str, status: int) -> None:
        assert TwirpError(code, "x").status == status

    def test_are_eighteen(self) -> None:
        assert len(twirp.STATUS) == 18

    def test_are_json_without_empty_meta(self) -> None:
        assert json.loads(TwirpError("not_found", 'no "x"').body()) == {"code": "not_found", "msg": 'no "x"'}

    def test_of_other_classes_are_internal_and_tell_their_cause(self) -> None:
        error = twirp.wrap(KeyError("x"))
        assert (error.code, error.message, error.meta) == ("internal", "'x'", {"cause": "KeyError"})
        assert str(error) == "twirp error internal: 'x'"


class TestRoutes:
    @pytest.mark.parametrize(
        "content_type",
        [JSON, "application/json; charset=utf-8", "Application/JSON;x=y", " application/json "],
    )
    def test_are_found_whatever_parameters_the_content_type_has(self, content_type: str) -> None:
        assert ROUTER.route("POST", PATH, content_type) == (PUSH, JSON)

    @pytest.mark.parametrize(
        ("verb", "path", "content_type", "message"),
        [
            ("GET", PATH, JSON, 'unsupported method "GET" (only POST is allowed)'),
            (
                "POST",
                "/twirp/stats.StatsService/Pull",
                JSON,
                'no handler for path "/twirp/stats.StatsService/Pull"',
            ),
            ("POST", PATH + "/", JSON, f'no handler for path "{PATH}/"'),
            ("POST", PATH, "text/plain", 'unexpected Content-Type: "text/plain"'),
            ("POST", PATH, "", 'unexpected Content-Type: ""'),
        ],
    )
    def test_that_do_not_exist_are_bad_routes(
        self, verb: str, path: str, content_type: str, message: str
    ) -> None:
        with pytest.raises(TwirpError) as raised:
            ROUTER.route(verb, path, content_type)
        error = raised.value
        assert (error.code, error.message) == ("bad_route", message)
        assert error.meta == {"twirp_invalid_route": f"{verb} {path}"}


class TestRequests:
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"section": -1}', b'{"section": 4294967296}',
         b'{"section": "x"}', b'{"section": true}', b'{"section": 1.5}', b'{"property": 1}', b'{"id": NaN}',
         b'{"property": "\\ud800"}', b'{"id": 1, "id": 1}', b'{"x": {"y": 1, "y": 2}}', b"[" * 100_000,
         '{"property": "news", "section": 1, "id": 2}'.encode("utf-16")],
        ids=lambda body: repr(body[:20]),
    )  # fmt: skip
    def test_that_are_no_message_in_json_are_malformed(self, body: bytes) -> None:
        with pytest.raises(TwirpError) as raised:
            twirp.decode(PUSH, JSON, body)
        assert (raised.value.code, raised.value.message) == (
            "malformed", "the json request could not be decoded",
        )  # fmt: skip

    def test_that_are_no_protobuf_are_malformed(self) -> None:
        with pytest.raises(TwirpError) as raised:
            twirp.decode(PUSH, PROTOBUF, b"\xff")
        assert str(raised.value) == "twirp error malformed: the protobuf request could not be decoded"

    @pytest.mark.parametrize(
        "body",
        [
            b'{"property":"news","section":1,"id":2}',
            b'{"property":"news","section":"1","id":2.0}',
            b'{"property":"news","section":1,"id":2,"unknown":{"x":[]}}',
        ],
    )
    def test_may_be_json_in_every_form_that_protobuf_takes(self, body: bytes) -> None:
        assert twirp.decode(PUSH, JSON, body) == stats_pb2.PushRequest(property="news", section=1, id=2)

    @given(
        st.dictionaries(
            st.sampled_from(["property", "section", "id", "other"]),
            st.none() | st.booleans() | st.integers(-2, 2**33) | st.floats() | st.text(max_size=5),
        )
    )
    def test_mean_in_json_what_protobufs_own_reader_says(self, document: dict[str, Any]) -> None:
        body = json.dumps(document)
        try:
            expected = json_format.Parse(body, stats_pb2.PushRequest(), ignore_unknown_fields=True)
        except (json_format.ParseError, ValueError):
            with pytest.raises(TwirpError):
                twirp.decode(PUSH, JSON, body.encode())
        else:
            assert twirp.decode(PUSH, JSON, body.encode()) == expected

    @given(st.builds(stats_pb2.PushRequest, property=st.text(), section=st.integers(0, 2**32 - 1)))
    def test_survive_protobuf(self, request_message: stats_pb2.PushRequest) -> None:
        assert twirp.decode(PUSH, PROTOBUF, twirp.encode(PROTOBUF, request_message)) == request_message


class TestAnswers:
    def test_that_are_empty_are_an_empty_object_in_json(self) -> None:
        assert twirp.encode(JSON, stats_pb2.PushResponse()) == b"{}"
        assert twirp.encode(PROTOBUF, stats_pb2.PushResponse()) == b""

    def test_name_every_field_as_the_proto_file_does(self) -> None:
        for section in (0, 1):
            answer = json.loads(twirp.encode(JSON, stats_pb2.PushRequest(section=section)))
            assert answer == {"property": "", "section": section, "id": 0}


class TestGeneratedCode:
    def test_is_what_the_proto_file_generates(self, tmp_path: Path) -> None:
        (tmp_path / "stats.proto").write_bytes((SERVICE / "stats.proto").read_bytes())
        subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "grpc_tools.protoc", f"-I{tmp_path}",
             f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", "stats.proto"],
            check=True,
        )  # fmt: skip
        for name in ("stats_pb2.py", "stats_pb2.pyi"):
            fresh, kept = (tmp_path / name).read_text(), (SERVICE / name).read_text()
            assert _without_versions(fresh) == _without_versions(kept)


def _without_versions(code: str) -> list[str]:
    """Generated code without the lines that tell which generator wrote it."""
    lines = [line.strip() for line in code.splitlines()]
    return [
        line for line in lines if "Protobuf Python Version" not in line and not line.rstrip(",").isdigit()
    ]
