"""The body of an intake request: compressed bytes in, complete lines out.

Knows no sockets and no JSON. Both parts hold at most one line and one piece of output at a time, so a
decompression bomb costs its sender more than the receiver.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from stressdash.errors import BadInput

__all__ = ["LINE_LIMIT_BYTES", "PIECE_BYTES", "Inflater", "LineSplitter", "LineTooLong"]

LINE_LIMIT_BYTES: Final = 300 * 1024
"""What apm-server calls `max_event_size`."""
PIECE_BYTES: Final = 32 * 1024
"""Output is handed on in pieces of at most this size: some sixty events, a few milliseconds of work, between
which others are answered."""


class LineTooLong(BadInput):
    """A line exceeded the limit; the lines after it are read as usual."""

    def __init__(self, start: bytes) -> None:
        super().__init__("event exceeded the permitted size")
        self.start = start


class Inflater:
    """Takes off gzip or deflate, named by `Content-Encoding` or recognised by the first two bytes."""

    def __init__(self, encoding: str, limit_bytes: int) -> None:
        self._encoding = encoding.strip().lower()
        self._limit = limit_bytes
        self._produced = 0
        self._held = b""
        self._decided = False
        self._inflate: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Plain bytes of the next part of the body.

        Raises:
            BadInput: the bytes are not what the encoding promised, or the whole exceeds the limit.
        """
        if not self._decided:
            self._held += data
            if len(self._held) < 2:
                return
            self._decide(self._held[:2])
            data, self._held = self._held, b""
        if self._inflate is None:
            self._count(len(data))
            for start in range(0, len(data), PIECE_BYTES):
                yield data[start : start + PIECE_BYTES]
            return
        while data and not self._inflate.eof:
            try:
                piece = self._inflate.decompress(data, PIECE_BYTES)
            except zlib.error as error:
                raise BadInput(f"the body is not valid {self._encoding}: {error}") from error
            data = self._inflate.unconsumed_tail
            self._count(len(piece))
            yield piece

    def finish(self) -> bytes:
        """What is left at the end of the body.

        Raises:
            BadInput: the compressed stream was cut off.
        """
        if self._inflate is not None and not self._inflate.eof:
            raise BadInput(f"the {self._encoding} body ends too early: unexpected EOF")
        return self._held

    def _decide(self, magic: bytes) -> None:
        self._decided = True
        if self._encoding not in {"gzip", "deflate"}:
            if magic == b"\x1f\x8b":
                self._encoding = "gzip"
            elif magic[0] & 0x0F == 8 and int.from_bytes(magic, "big") % 31 == 0:
                self._encoding = "deflate"
            else:
                return
        self._inflate = zlib.decompressobj(31 if self._encoding == "gzip" else 15)

    def _count(self, length: int) -> None:
        self._produced += length
        if self._produced > self._limit:
            raise BadInput(f"request body too large: more than {self._limit} bytes when decompressed")


class LineSplitter:
    """Cuts bytes into lines without their line feed; how the bytes arrive makes no difference."""

    def __init__(self, limit_bytes: int = LINE_LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> Iterator[bytes | LineTooLong]:
        """Lines that are complete now, in order; in place of an oversized line, the error that it is."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if self._skipping:
                self._skipping = False
            elif len(line) > self._limit:
                yield LineTooLong(line[: self._limit])
            else:
                yield line
        if len(self._rest) > self._limit:
            if not self._skipping:
                self._skipping = True
                yield LineTooLong(self._rest[: self._limit])
            self._rest = b""

    def finish(self) -> Iterator[bytes | LineTooLong]:
        """The last line, when the body did not end with a line feed."""
        if self._rest and not self._skipping:
            yield self._rest
        self._rest = b""
