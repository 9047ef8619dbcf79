"""What a script's `request` returned, taken apart: one request, or several that are to be pipelined."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput
from stressdash.load.account import Account
from stressdash.load.expectation import Checks
from stressdash.load.message import Message, NumberMessage

__all__ = ["AT_ONCE", "Part", "PartMessage", "plain_message", "split_requests"]

AT_ONCE: Final = 1024
"""Requests of one batch."""
LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([!-~\x80-\xff]{1,8192}) HTTP/1\.[01]\r\n")
LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,12})[ \t]*\r\n", re.IGNORECASE)
CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
TRACED: Final = re.compile(rb"\r\ntraceparent:", re.IGNORECASE)
NUMBER: Final = re.compile(r"(?<=/)\d+(?=/|$)")
NAME_LIMIT: Final = 80


@dataclass(frozen=True, slots=True)
class Part:
    """One request of a script."""

    name: str
    """Method and path, without query and numbers."""
    bodyless: bool
    """Its answer has no body."""
    line: bytes
    """Request line, with its end."""
    rest: bytes
    traced: bool
    """It has a `traceparent` of its own."""


def split_requests(text: object) -> tuple[Part, ...]:
    """The requests in what a script returned.

    Raises:
        BadInput: it is no text, or not whole requests of HTTP/1.1 one after the other.
    """
    if not isinstance(text, bytes):
        raise BadInput("request() returned no string; return what wrk.format makes")
    parts: list[Part] = []
    at = 0
    while at < len(text) or not parts:
        part, at = _part(text, at)
        parts.append(part)
        if len(parts) > AT_ONCE:
            raise BadInput(f"request() returned more than {AT_ONCE} requests at once; return fewer")
    return tuple(parts)


def _part(text: bytes, at: int) -> tuple[Part, int]:
    line = LINE.match(text, at)
    if line is None:
        raise BadInput("request() returned what is no request; it begins like 'GET /path HTTP/1.1'")
    end = text.find(b"\r\n\r\n", line.end() - 2)
    if end < 0:
        raise BadInput("request() returned a request without the empty line after its headers")
    if CHUNKED.search(text, line.end() - 2, end + 2):
        raise BadInput("request() returned a chunked body; give it whole, with a Content-Length")
    length = LENGTH.search(text, line.end() - 2, end + 2)
    after = end + 4 + (int(length[1]) if length else 0)
    if after > len(text):
        raise BadInput("request() returned a body shorter than its Content-Length")
    path = line[2].decode("utf-8", "replace").partition("?")[0]
    return Part(
        name=f"{line[1].decode()} {NUMBER.sub('{n}', path)}"[:NAME_LIMIT],
        bodyless=line[1] == b"HEAD",
        line=text[at : line.end()],
        rest=text[line.end() : after],
        traced=TRACED.search(text, line.end() - 2, end + 2) is not None,
    ), after


class PartMessage(Message):
    """Requests of a script under one name; `part` is the one to be rendered."""

    __slots__ = ("_traceparent", "part")

    def __init__(self, part: Part, traceparent: bytes, account: Account, checks: Checks | None) -> None:
        """A message for requests such as `part`.

        Args:
            part: the first of them.
            traceparent: printf-style header line with two places for the number; empty: none is sent.
            account: where they are booked.
            checks: what must hold of their answers.
        """
        super().__init__(account, bodyless=part.bodyless, checks=checks)
        self.part = part
        self._traceparent = traceparent

    def hand_over(self, kept: int) -> None:
        """Keep that much of each answer for the script."""
        self.parsed = True
        self.kept = max(self.kept, kept)

    def render(self, number: int) -> bytes:
        """The request's bytes."""
        return self.render_part(self.part, number)

    def render_part(self, part: Part, number: int) -> bytes:
        """Those of another request, which may be of another name."""
        if part.traced or not self._traceparent:
            return part.line + part.rest
        return part.line + self._traceparent % (number, number) + part.rest


def plain_message(part: Part, traceparent: bytes, account: Account, checks: Checks | None) -> Message:
    """A message for a request that is always the same: it costs what any request without a script costs."""
    head, _, body = (part.line + part.rest).partition(b"\r\n\r\n")
    line, _, headers = (head + b"\r\n").partition(b"\r\n")
    trace = b"" if part.traced else traceparent
    return NumberMessage(
        account,
        line.replace(b"%", b"%%") + b"\r\n" + trace + headers.replace(b"%", b"%%"),
        body.replace(b"%", b"%%"),
        sends_length=False,
        bodyless=part.bodyless,
        checks=checks,
    )
