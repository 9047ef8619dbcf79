"""Requests as bytes: one well-formed message for every number."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from stressdash.load.account import Account
from stressdash.load.message import Message, make_message, schedule_messages
from stressdash.load.plan import Plan, Request
from stressdash.load.target import parse_url


def message(request: Request, url: str = "http://127.0.0.1:8080/base?q=1", **changes: Any) -> Message:
    plan = Plan(url=url, requests=(request,), run_id=41, **changes)
    return make_message(request, plan, parse_url(url), 2, Account(request.name))


class TestRender:
    def test_a_whole_request(self) -> None:
        request = Request(
            "push", path="/push/{{request}}", headers=(("X-Id", "n{{request}}"),), body=b"{{run}}:{{request}}"
        )
        assert message(request).render(9) == (
            b"POST /push/9 HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nuser-agent: stressdash\r\nX-Id: n9\r\n"
            b"traceparent: 00-00000000000000290002000000000009-0002000000000009-01\r\n"
            b"content-length: 4\r\n\r\n42:9"
        )

    @pytest.mark.parametrize("number", [1, 9, 10, 99, 100, 123_456_789])
    def test_content_length_follows_the_digits_of_the_number(self, number: int) -> None:
        head, _, body = (
            message(Request("push", body=b"{{request}}{{request}}")).render(number).partition(b"\r\n\r\n")
        )
        assert body == b"%d%d" % (number, number)
        assert b"content-length: %d" % len(body) in head

    def test_numbers_that_grow_in_one_message(self) -> None:
        made = message(Request("push", body=b"{{request}}"))
        for number in range(1, 1200):
            head, _, body = made.render(number).partition(b"\r\n\r\n")
            assert head.endswith(b"content-length: %d" % len(body))

    def test_get_has_neither_body_nor_length(self) -> None:
        assert b"content-length" not in message(Request("get", method="GET")).render(1)

    def test_the_users_own_headers_win(self) -> None:
        request = Request(
            "get", method="GET", headers=(("Host", "example"), ("User-Agent", "me"), ("Traceparent", "00"))
        )
        text = message(request).render(1)
        assert text.lower().count(b"host:") == 1
        assert text.lower().count(b"user-agent:") == 1
        assert text.lower().count(b"traceparent:") == 1

    def test_traceparent_can_be_left_out(self) -> None:
        assert b"traceparent" not in message(Request("get"), traceparent=False).render(1)


class TestWeights:
    def test_each_request_appears_by_its_weight(self) -> None:
        messages = [message(Request(name)) for name in "abc"]
        order = schedule_messages(messages, [50, 30, 20])
        assert Counter(one.account.name for one in order) == {"a": 5, "b": 3, "c": 2}

    def test_they_are_spread_and_not_in_blocks(self) -> None:
        messages = [message(Request(name)) for name in "ab"]
        assert "".join(one.account.name for one in schedule_messages(messages, [2, 2])) == "ab"
        assert "".join(one.account.name for one in schedule_messages(messages, [3, 1])) in {"aaba", "abaa"}
