"""Requests as bytes on the wire: one printf for the whole message, with a value in every place.

Where only the request's number varies, the length of a body changes with the number of its digits alone, so
`content-length` is part of the literal text, and the format is made again nine times in a billion requests.
Other fields (`stressdash.load.field`) make a body of any length; it is rendered first.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from stressdash.load.account import Account
from stressdash.load.expectation import Checks
from stressdash.load.field import Source
from stressdash.load.http1 import KEPT_BODY
from stressdash.load.plan import Plan, Request
from stressdash.load.target import Target
from stressdash.load.template import Bound, Template, joined, literal, numbers
from stressdash.load.trace import traceparent_format

__all__ = ["FieldMessage", "Message", "NumberMessage", "make_message", "schedule_messages"]

AGENT = b"user-agent: stressdash\r\n"


class Message(ABC):
    """One kind of request of a plan, ready to be rendered for one worker."""

    __slots__ = ("account", "bodyless", "checks", "kept", "parsed")

    def __init__(self, account: Account, *, bodyless: bool = False, checks: Checks | None = None) -> None:
        """What is told of the answers.

        Args:
            account: where they are booked.
            bodyless: they have no body whatever their header says (HEAD).
            checks: what else must hold of them.
        """
        self.account = account
        self.bodyless = bodyless
        self.checks = checks
        self.parsed = bodyless or checks is not None
        """Whether each answer goes through a parser."""
        self.kept = KEPT_BODY if checks is None else checks.keeps
        """Bytes of a body that it keeps."""

    @abstractmethod
    def render(self, number: int) -> bytes:
        """The request's bytes. Numbers grow from call to call."""


class NumberMessage(Message):
    """A request in which nothing but its number varies."""

    __slots__ = ("_body", "_format", "_head", "_limit", "_places", "_sends_length")

    def __init__(
        self, account: Account, head: bytes, body: bytes, *, sends_length: bool, **answers: Any
    ) -> None:
        """A message of printf-style parts.

        Args:
            account: as `Message`.
            head: request line and headers, without `content-length` and the empty line.
            body: of the request.
            sends_length: whether the length of the body is told.
            answers: the other arguments of `Message`.
        """
        super().__init__(account, **answers)
        self._head = head
        self._body = body
        self._sends_length = sends_length
        self._limit = 0
        self._format = b""
        self._places = 0

    def render(self, number: int) -> bytes:
        """The request's bytes."""
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


class FieldMessage(Message):
    """A request with fields of its own kind in head or body."""

    __slots__ = ("_body", "_head", "_sends_length")

    def __init__(
        self, account: Account, head: Bound, body: Bound, *, sends_length: bool, **answers: Any
    ) -> None:
        super().__init__(account, **answers)
        self._head = head
        self._body = body
        self._sends_length = sends_length

    def render(self, number: int) -> bytes:
        """The request's bytes."""
        body = self._body.render(number)
        length = b"content-length: %d\r\n" % len(body) if self._sends_length else b""
        return b"%b%b\r\n%b" % (self._head.render(number), length, body)


def make_message(
    request: Request,
    plan: Plan,
    target: Target,
    worker: int,
    account: Account,
    secrets: Mapping[str, str] = MappingProxyType({}),
) -> Message:
    """The message of a plan's request for one worker; `secrets` are values by their source."""
    source = Source(plan.run_tag, plan.seed, {rows.name: rows for rows in plan.rows})
    head = _head(request, plan, target, worker, source, secrets)
    body = Template.parse(request.body).bind(source, f"body:{request.name}")
    answers: dict[str, Any] = {
        "sends_length": bool(request.body) or request.method in {"POST", "PUT", "PATCH"},
        "bodyless": request.method == "HEAD",
        "checks": Checks(request.expect) if request.expect else None,
    }
    if head.varies or body.varies:
        return FieldMessage(account, head, body, **answers)
    return NumberMessage(account, head.format, body.format, **answers)


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


def _head(
    request: Request,
    plan: Plan,
    target: Target,
    worker: int,
    source: Source,
    secrets: Mapping[str, str],
) -> Bound:
    """Request line and headers, without `content-length` and the empty line."""
    name = request.name
    path = Template.parse((request.path or target.path).encode()).bind(source, f"path:{name}")
    parts = [literal(f"{request.method} ".encode()), path, literal(b" HTTP/1.1\r\n")]
    given = {header.lower() for header, _ in request.headers}
    given |= {header.name.lower() for header in request.secrets}
    if "host" not in given:
        parts.append(literal(f"host: {target.authority}\r\n".encode()))
    if "user-agent" not in given:
        parts.append(literal(AGENT))
    for header, value in request.headers:
        bound = Template.parse(value.encode()).bind(source, f"header:{name}:{header}")
        parts += [literal(f"{header}: ".encode()), bound, literal(b"\r\n")]
    parts += [literal(header.line(secrets)) for header in request.secrets]
    if plan.traceparent and "traceparent" not in given:
        parts += [
            literal(b"traceparent: "),
            numbers(traceparent_format(plan.run_id, worker)),
            literal(b"\r\n"),
        ]
    if not plan.transport.keepalive:
        parts.append(literal(b"connection: close\r\n"))
    return joined(parts)


def _count_places(text: bytes) -> int:
    return text.replace(b"%%", b"").count(b"%")
