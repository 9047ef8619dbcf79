"""Requests as bytes on the wire: one printf for the whole message, with the number in every place.

The length of a body changes only with the number of digits of the request number, so `content-length` is
part of the literal text, and the format is made again nine times in a billion requests.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from stressdash.load.account import Account
from stressdash.load.plan import Plan, Request
from stressdash.load.target import Target
from stressdash.load.template import Template
from stressdash.load.trace import traceparent_format

__all__ = ["Message", "schedule_messages"]

AGENT = b"user-agent: stressdash\r\n"


class Message:
    """One kind of request of a plan, ready to be rendered for one worker."""

    __slots__ = ("_body", "_format", "_head", "_limit", "_places", "_sends_length", "account", "bodyless")

    def __init__(self, request: Request, plan: Plan, target: Target, worker: int, account: Account) -> None:
        self.account = account
        self.bodyless = request.method == "HEAD"
        """The answer has no body whatever its header says."""
        self._head = _head(request, plan, target, worker)
        self._body = Template.parse(request.body).bind(plan.run_tag)
        self._sends_length = bool(request.body) or request.method in {"POST", "PUT", "PATCH"}
        self._limit = 0
        self._format = b""
        self._places = 0

    def render(self, number: int) -> bytes:
        """The request's bytes. Numbers grow from call to call."""
        if number >= self._limit:
            self._make_format(number)
        return self._format % ((number,) * self._places)

    def _make_format(self, number: int) -> None:
        places = _count_places(self._body)
        length = b""
        if self._sends_length:
            length = b"content-length: %d\r\n" % len(self._body % ((number,) * places))
        self._format = self._head + length + b"\r\n" + self._body
        self._places = _count_places(self._format)
        self._limit = 10 ** len(str(number))


def schedule_messages(messages: Sequence[Message], weights: Sequence[int]) -> tuple[Message, ...]:
    """One round of messages in which each appears by its weight, spread as evenly as can be."""
    divisor = math.gcd(*weights)
    shares = [weight // divisor for weight in weights]
    credit = [0] * len(shares)
    order = []
    for _ in range(sum(shares)):
        credit = [have + share for have, share in zip(credit, shares, strict=True)]
        best = credit.index(max(credit))
        credit[best] -= sum(shares)
        order.append(messages[best])
    return tuple(order)


def _head(request: Request, plan: Plan, target: Target, worker: int) -> bytes:
    """Printf-style request line and headers, without `content-length` and the empty line."""
    path = Template.parse((request.path or target.path).encode()).bind(plan.run_tag)
    lines = [request.method.encode(), b" ", path, b" HTTP/1.1\r\n"]
    names = {name.lower() for name, _ in request.headers}
    if "host" not in names:
        lines += [b"host: ", target.authority.encode().replace(b"%", b"%%"), b"\r\n"]
    if "user-agent" not in names:
        lines.append(AGENT)
    if not plan.transport.keepalive:
        lines.append(b"connection: close\r\n")
    for name, value in request.headers:
        lines += [name.encode(), b": ", Template.parse(value.encode()).bind(plan.run_tag), b"\r\n"]
    if plan.traceparent and "traceparent" not in names:
        lines += [b"traceparent: ", traceparent_format(plan.run_id, worker), b"\r\n"]
    return b"".join(lines)


def _count_places(text: bytes) -> int:
    return text.replace(b"%%", b"").count(b"%")
