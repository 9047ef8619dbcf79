"""Faults: one kind for what is the same failure, whatever varies in its words."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.load.faults import (
    MESSAGE_LIMIT,
    FaultKind,
    fold,
    kind_of_answer,
    kind_of_eof,
    kind_of_os_error,
)


class TestFold:
    @pytest.mark.parametrize(
        ("text", "folded"),
        [
            ("Error 1040: Too many connections", "Error 1040: Too many connections"),
            ("(1040, 'Too many connections')", "(<n>, '…')"),
            (
                "errno 111, code=42S02, HTTP 503, SQLSTATE[42000]",
                "errno 111, code=42S02, HTTP 503, SQLSTATE[42000]",
            ),
            ("Duplicate entry '17-3' for key \"PRIMARY\"", "Duplicate entry '…' for key '…'"),
            ("Error 2003: Can't connect to '127.0.0.1'", "Error 2003: Can't connect to '…'"),
            ("user 8123 not found after 1.25s", "user <n> not found after <n>s"),
            ("id 3f2504e0-4f89-11d3-9a0c-0305e82c3301 gone", "id <uuid> gone"),
            ("object 0x7f00AA at deadbeef01", "object <hex> at <hex>"),
            ("two\n lines\t here", "two lines here"),
            ("feedface is a word", "feedface is a word"),
        ],
    )
    def test_variable_parts_go_and_error_numbers_stay(self, text: str, folded: str) -> None:
        assert fold(text) == folded

    @given(st.integers(0, 10**12), st.integers(0, 10**12))
    def test_messages_that_differ_in_a_number_are_one(self, one: int, other: int) -> None:
        assert fold(f"row {one} of table t") == fold(f"row {other} of table t")

    @given(st.text())
    def test_the_result_is_one_bounded_line(self, text: str) -> None:
        folded = fold(text)
        assert len(folded) <= MESSAGE_LIMIT
        assert "\n" not in folded

    def test_long_messages_end_with_an_ellipsis(self) -> None:
        assert fold("word " * 500).endswith("…")


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "body", "kind"),
        [
            (500, b'{"code":"internal","msg":"Error 1040: x"}', ("rpc", "internal", "Error 1040: x")),
            (404, b'{"code":"bad_route","msg":"no \\"/x\\""}', ("rpc", "bad_route", "no '…'")),
            (500, b'{"code":"strange","msg":"m"}', ("http", "500", "m")),
            (500, b'{"code":7,"message":"m"}', ("http", "500", "m")),
            (400, b'{"error":{"message":"bad field 7"}}', ("http", "400", "bad field <n>")),
            (422, b'{"detail":[{"msg":"missing"}]}', ("http", "422", "missing")),
            (500, b'{"title":"Oops","status":500}', ("http", "500", "Oops")),
            (500, b"plain words\nsecond line", ("http", "500", "plain words")),
            (502, b"<html><title>502 Bad Gateway</title>", ("http", "502", "<n> Bad Gateway")),
            (503, b"", ("http", "503", "Service Unavailable")),
            (599, b"", ("http", "599", "unknown status")),
            (500, b'{"code":"internal","msg":"cut of', ("http", "500", "{'…':'…','…':\"cut of")),
            (500, b"[" * 5000, None),
            (503, b'{"msg":{"msg":{"msg":{"msg":{"msg":"deep"}}}}}', ("http", "503", "Service Unavailable")),
        ],
    )  # fmt: skip
    def test_bodies_of_every_usual_form(
        self, status: int, body: bytes, kind: tuple[str, str, str] | None
    ) -> None:
        found = kind_of_answer(status, body)
        if kind is None:
            assert found.category == "http"
        else:
            assert found == kind

    @given(st.binary(max_size=200))
    def test_any_body_makes_a_kind(self, body: bytes) -> None:
        assert kind_of_answer(500, body).category in {"http", "rpc"}


class TestSystem:
    def test_the_errno_is_named_and_the_system_gives_the_words(self) -> None:
        kind = kind_of_os_error("connect", OSError(errno.ECONNREFUSED, "whatever"))
        assert kind == FaultKind("connect", "ECONNREFUSED", "Connection refused")

    def test_an_end_says_where_it_came(self) -> None:
        assert kind_of_eof(answer_begun=True) != kind_of_eof(answer_begun=False)
