"""HTTP/1.1 responses, sans-IO: bytes in, one response out, the same for any split of the bytes.

`parse_head` reads a header block; `Parser` frames a whole response: content-length, chunked with trailers,
until close, interim answers (1xx), answers without a body (204, 304, HEAD). Of the body only the beginning is
kept. It is strict where a lenient reader would guess (bare line feeds, folded headers, two lengths), because
a guess would be booked as the server's answer; each refusal says exactly what was wrong.

Memory is bounded by the header limit plus what one read brings, whatever the server sends.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = [
    "BODY_LIMIT",
    "CHUNKED",
    "HEAD_LIMIT",
    "KEPT_BODY",
    "UNTIL_CLOSE",
    "Head",
    "Malformed",
    "OtherProtocol",
    "Parser",
    "parse_head",
]

HEAD_LIMIT: Final = 64 * 1024
"""Longest header block, and longest trailer block, in bytes."""
BODY_LIMIT: Final = 1 << 30
CHUNK_LINE_LIMIT: Final = 1024
INTERIM_LIMIT: Final = 16
KEPT_BODY: Final = 2048
HEADS_LIMIT: Final = 512
"""Header blocks that are remembered; a server that varies them starts the memory anew."""

CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2

STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")
FIELD_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
HTTP2_FRAME: Final = re.compile(rb"\0[\0-\x40][\0-\xff](?:\x04[\0\x01]|\x07\0)\0\0\0\0", re.DOTALL)
"""Head of a SETTINGS or GOAWAY frame: what a server that speaks HTTP/2 only begins with."""
BARE_LF: Final = re.compile(rb"(?<!\r)\n")
CHUNK_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)


class Malformed(ValueError):
    """The bytes are no HTTP/1.1 response; the text says why."""


class OtherProtocol(Malformed):
    """The bytes are those of HTTP/2."""


@dataclass(frozen=True, slots=True)
class Head:
    """What matters of a header block."""

    status: int
    length: int
    """Bytes of body, or `CHUNKED`, or `UNTIL_CLOSE`."""
    keep_alive: bool
    exact: int
    """`length` when the connection stays open and the length is known, else -1: lets the loop ask one
    question instead of three."""


def parse_head(block: bytes, *, bodyless: bool = False) -> Head:
    """Head of a header block, given without the empty line that ends it.

    Args:
        block: from the status line to the last header line.
        bodyless: the request was one whose answer has no body (HEAD).

    Raises:
        Malformed: the reason.
    """
    status_line, *lines = block.split(b"\r\n")
    match = STATUS_LINE.fullmatch(status_line)
    if match is None:
        raise Malformed("bad status line")
    status = int(match[2])
    fields = [_field(line) for line in lines]
    persistent = match[1] == b"1"
    empty = bodyless or status < 200 or status in {204, 304}
    length = 0 if empty else _length(fields, persistent=persistent)
    tokens = _tokens(fields, b"connection")
    keep_alive = (persistent or b"keep-alive" in tokens) and b"close" not in tokens and length != UNTIL_CLOSE
    return Head(status, length, keep_alive, length if keep_alive and length >= 0 and status >= 200 else -1)


def _field(line: bytes) -> tuple[bytes, bytes]:
    match = FIELD_LINE.fullmatch(line)
    if match is not None:
        return match[1].lower(), match[2].rstrip(b" \t")
    if line[:1] in {b" ", b"\t"}:
        raise Malformed("folded header line")
    if b":" not in line:
        raise Malformed("header line without a colon")
    raise Malformed("bad character in a header line")


def _tokens(fields: list[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [
        token.strip(b" \t").lower() for key, value in fields if key == name for token in value.split(b",")
    ]


def _length(fields: list[tuple[bytes, bytes]], *, persistent: bool) -> int:
    codings = _tokens(fields, b"transfer-encoding")
    lengths = set(_tokens(fields, b"content-length"))
    if codings:
        if lengths:
            raise Malformed("both content-length and transfer-encoding")
        if codings != [b"chunked"] or not persistent:
            raise Malformed("unknown transfer-encoding")
        return CHUNKED
    if not lengths:
        return UNTIL_CLOSE
    if len(lengths) > 1:
        raise Malformed("conflicting content-length")
    text = lengths.pop()
    if not text.isdigit() or len(text) > 18:
        raise Malformed("bad content-length")
    length = int(text)
    if length > BODY_LIMIT:
        raise Malformed(f"body over the limit of {BODY_LIMIT} bytes")
    return length


class Parser:
    """Frames one response. Feed it until `complete`; tell it `eof` when the server closed."""

    __slots__ = (
        "_bodyless", "_heads", "_interims", "_kept", "_left", "_pending", "_step", "_taken",
        "body", "complete", "head", "head_bytes",
    )  # fmt: skip

    def __init__(
        self, heads: dict[bytes, Head] | None = None, *, bodyless: bool = False, kept: int = KEPT_BODY
    ) -> None:
        """A parser for the next response.

        Args:
            heads: memory of parsed header blocks, shared by parsers with the same `bodyless`.
            bodyless: the request was HEAD.
            kept: bytes of the body that are kept.
        """
        self._kept = kept
        self._heads = {} if heads is None else heads
        self._bodyless = bodyless
        self._pending = bytearray()
        self._step: Callable[[], bool] = self._take_head
        self._interims = 0
        self._left = 0
        self._taken = 0
        self.head: Head | None = None
        self.head_bytes = b""
        """The header block as received, without its empty line."""
        self.body = bytearray()
        """The first bytes of the body, as many as are kept."""
        self.complete = False

    @property
    def surplus(self) -> bool:
        """Whether bytes came after the end of the response."""
        return self.complete and bool(self._pending)

    def take_surplus(self) -> bytes:
        """The bytes after the end of the response, which are the next one's: of pipelined requests."""
        surplus = bytes(self._pending)
        self._pending.clear()
        return surplus

    def feed(self, data: bytes) -> bool:
        """Take bytes; True once the response is complete.

        Raises:
            Malformed: the reason.
        """
        self._pending += data
        while not self.complete and self._step():
            pass
        return self.complete

    def eof(self) -> bool:
        """The server closed: True when that completes the response, False when something is missing."""
        if self.head is not None and self.head.length == UNTIL_CLOSE:
            self.complete = True
        return self.complete

    def _take_head(self) -> bool:
        pending = self._pending
        if not b"HTTP/1.".startswith(pending[:7]):
            if HTTP2_FRAME.match(pending):
                raise OtherProtocol("server answers in HTTP/2; only HTTP/1.1 is spoken here")
            raise Malformed("does not start like an HTTP/1 response")
        end = pending.find(b"\r\n\r\n", 0, HEAD_LIMIT)
        if BARE_LF.search(pending, 0, HEAD_LIMIT if end < 0 else end):
            raise Malformed("line feed without carriage return")
        if end < 0:
            if len(pending) >= HEAD_LIMIT:
                raise Malformed(f"header block over the limit of {HEAD_LIMIT} bytes")
            return False
        self.head_bytes = block = bytes(pending[:end])
        del pending[: end + 4]
        head = self._remembered(block)
        if head.status < 200:
            return self._skip_interim(head)
        self.head = head
        self._begin_body(head)
        return True

    def _remembered(self, block: bytes) -> Head:
        head = self._heads.get(block)
        if head is None:
            head = parse_head(block, bodyless=self._bodyless)
            if len(self._heads) >= HEADS_LIMIT:
                self._heads.clear()
            self._heads[block] = head
        return head

    def _skip_interim(self, head: Head) -> bool:
        if head.status == 101:
            raise Malformed("switches protocols, which was not asked for")
        self._interims += 1
        if self._interims > INTERIM_LIMIT:
            raise Malformed(f"more than {INTERIM_LIMIT} interim answers")
        return bool(self._pending)

    def _begin_body(self, head: Head) -> None:
        if head.length == CHUNKED:
            self._step = self._take_chunk_line
        elif head.length == UNTIL_CLOSE:
            self._step = self._take_rest
        else:
            self._left = head.length
            self._step = self._take_body
            self.complete = head.length == 0

    def _take_body(self) -> bool:
        self._take(self._left)
        self.complete = self._left == 0
        return False

    def _take_rest(self) -> bool:
        self._left = len(self._pending)
        self._count_body(self._left)
        self._take(self._left)
        return False

    def _take(self, most: int) -> None:
        """Move up to `most` bytes from what is pending into the body."""
        piece = self._pending[:most]
        del self._pending[:most]
        self._left -= len(piece)
        room = self._kept - len(self.body)
        if room > 0:
            self.body += piece[:room]

    def _count_body(self, more: int) -> None:
        self._taken += more
        if self._taken > BODY_LIMIT:
            raise Malformed(f"body over the limit of {BODY_LIMIT} bytes")

    def _take_chunk_line(self) -> bool:
        line = self._take_line(CHUNK_LINE_LIMIT, "chunk line")
        if line is None:
            return False
        match = CHUNK_LINE.fullmatch(line)
        if match is None:
            raise Malformed("bad chunk size")
        self._left = int(match[1], 16)
        self._count_body(self._left)
        self._step = self._take_chunk if self._left else self._take_trailer
        self._taken = self._taken if self._left else 0
        return True

    def _take_chunk(self) -> bool:
        self._take(self._left)
        if self._left:
            return False
        self._step = self._take_chunk_end
        return True

    def _take_chunk_end(self) -> bool:
        if len(self._pending) < 2:
            return False
        if self._pending[:2] != b"\r\n":
            raise Malformed("chunk longer than its size says")
        del self._pending[:2]
        self._step = self._take_chunk_line
        return True

    def _take_trailer(self) -> bool:
        """One trailer line; `_taken` counts their bytes from here on."""
        line = self._take_line(HEAD_LIMIT, "trailer line")
        if line is None:
            return False
        if not line:
            self.complete = True
            return False
        _field(line)
        self._taken += len(line) + 2
        if self._taken > HEAD_LIMIT:
            raise Malformed(f"trailers over the limit of {HEAD_LIMIT} bytes")
        return True

    def _take_line(self, limit: int, what: str) -> bytes | None:
        """The next line without its end; None when it is not whole yet."""
        end = self._pending.find(b"\r\n", 0, limit + 2)
        if end < 0:
            if len(self._pending) >= limit + 2:
                raise Malformed(f"{what} over the limit of {limit} bytes")
            return None
        line = bytes(self._pending[:end])
        del self._pending[: end + 2]
        return line
