"""HdrHistograms as bytes: the encodings that HdrHistogram's libraries exchange, in all their versions.

    compressed = cookie, length, zlib(encoded)          double = cookie, digits, ratio, encoded
    encoded    = cookie, header of its version, counts

V2 writes counts as ZigZag LEB128 with runs of zeros as negative numbers, V1 and V0 as words of 2, 4 or 8
bytes. Histograms of doubles wrap one of integers whose values are to be multiplied by a ratio. Whatever the
layout, what was read are plain buckets: lowest and highest value, and how many. Written is V2, in the layout
of `stressdash.hdr`.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, NamedTuple

from stressdash.errors import BadInput
from stressdash.hdr import HIGHEST_US
from stressdash.samples import Counts

__all__ = ["Bucket", "decode", "encode"]

V0, V1, V2 = 0x1C849308, 0x1C849301, 0x1C849303
V0_COMPRESSED, V1_COMPRESSED, V2_COMPRESSED = 0x1C849309, 0x1C849302, 0x1C849304
DOUBLE, DOUBLE_COMPRESSED = 0x0C72124E, 0x0C72124F
WORD_MARK: Final = 0x10
"""In a cookie, bits 4 to 7 tell the size of words; V2 has this in their place."""
COOKIE: Final = struct.Struct(">I")
COMPRESSED: Final = struct.Struct(">II")
HEADER: Final = struct.Struct(">IIIQQd")
"""Of V1 and V2: payload's length, offset of shifted values, digits, lowest and highest value, ratio."""
HEADER_V0: Final = struct.Struct(">IQQQ")
"""Digits, lowest and highest value, total."""
DOUBLE_HEADER: Final = struct.Struct(">IQ")
LAST_BYTES: Final = 9
"""A number takes nine bytes at most, and of the ninth all eight bits."""
DIGITS: Final = 3
LARGEST: Final = 64 << 20
"""Bytes that one histogram may inflate to; Java's largest have some millions."""
BUCKETS_LIMIT: Final = 1 << 24
VALUE_BITS: Final = 63


class Bucket(NamedTuple):
    """Values between `low` and `high`, in the unit of who recorded them."""

    low: float
    high: float
    number: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which values a bucket holds."""

    digits: int
    lowest: int
    ratio: float

    def buckets(self, counts: list[tuple[int, int]]) -> list[Bucket]:
        """Counts by index as buckets of values."""
        if not (0 <= self.digits <= 5 and self.lowest >= 1 and 0 < self.ratio < math.inf):
            raise BadInput("its header tells a layout that cannot be")
        unit = self.lowest.bit_length() - 1
        half = math.ceil(math.log2(2 * 10**self.digits)) - 1
        found = []
        for index, count in counts:
            shift = max(0, (index >> half) - 1)
            if shift + unit >= VALUE_BITS:
                raise BadInput("it has counts of values beyond 64 bits")
            low = (index - (shift << half)) << (shift + unit)
            high = low + (1 << (shift + unit)) - 1
            if self.ratio == 1:
                found.append(Bucket(low, high, count))
            else:
                found.append(Bucket(low * self.ratio, high * self.ratio, count))
        return found


def encode(counts: Counts) -> bytes:
    """Bucket counts of `stressdash.hdr` as a compressed V2 histogram."""
    payload = bytearray()
    following = 0
    for index in sorted(counts):
        if not counts[index]:
            continue
        if index > following:
            payload += _zigzag(following - index)
        payload += _zigzag(counts[index])
        following = index + 1
    header = HEADER.pack(len(payload), 0, DIGITS, 1, HIGHEST_US, 1.0)
    body = zlib.compress(COOKIE.pack(V2 | WORD_MARK) + header + payload)
    return COMPRESSED.pack(V2_COMPRESSED | WORD_MARK, len(body)) + body


def decode(data: bytes) -> list[Bucket]:
    """Buckets that hold something, in rising order.

    Raises:
        BadInput: why these bytes are no histogram.
    """
    try:
        return _decode(data)
    except struct.error as error:
        raise BadInput("it ends too early") from error


def _decode(data: bytes) -> list[Bucket]:
    (cookie,) = COOKIE.unpack_from(data)
    if _base(cookie) in {V0_COMPRESSED, V1_COMPRESSED, V2_COMPRESSED}:
        return _decode_plain(_inflated(data))
    if cookie in {DOUBLE, DOUBLE_COMPRESSED}:
        return _decode(data[COOKIE.size + DOUBLE_HEADER.size :])
    return _decode_plain(data)


def _inflated(data: bytes) -> bytes:
    _, length = COMPRESSED.unpack_from(data)
    body = data[COMPRESSED.size : COMPRESSED.size + length]
    if len(body) < length:
        raise BadInput("it ends too early")
    inflater = zlib.decompressobj()
    try:
        inflated = inflater.decompress(body, LARGEST)
    except zlib.error as error:
        raise BadInput("its compressed part is damaged") from error
    if not inflater.eof:
        raise BadInput(
            "its compressed part ends too early" if not inflater.unconsumed_tail else "it is too large"
        )
    return inflated


def _decode_plain(data: bytes) -> list[Bucket]:
    (cookie,) = COOKIE.unpack_from(data)
    base, at = _base(cookie), COOKIE.size
    if base == V0:
        digits, lowest, _, _ = HEADER_V0.unpack_from(data, at)
        layout, payload = _Layout(digits, lowest, 1.0), data[at + HEADER_V0.size :]
    elif base in {V1, V2}:
        length, _, digits, lowest, _, ratio = HEADER.unpack_from(data, at)
        at += HEADER.size
        layout, payload = _Layout(digits, lowest, ratio), data[at : at + length]
        if len(payload) < length:
            raise BadInput("it ends too early")
    else:
        raise BadInput("it begins like no histogram that is known")
    return layout.buckets(_numbers(payload) if base == V2 else _words(payload, (cookie & 0xE0) >> 4))


def _base(cookie: int) -> int:
    return cookie & ~0xF0


def _words(payload: bytes, size: int) -> list[tuple[int, int]]:
    """Counts of fixed size by index, without those that are 0."""
    form = {2: "h", 4: "i", 8: "q"}.get(size)
    if form is None:
        raise BadInput(f"its counts have {size} bytes, which no version has")
    whole = len(payload) // size
    counts = struct.unpack_from(f">{whole}{form}", payload)
    if any(count < 0 for count in counts):
        raise BadInput("it has a negative count")
    return [(index, count) for index, count in enumerate(counts) if count]


def _numbers(payload: bytes) -> list[tuple[int, int]]:
    """Counts of V2 by index."""
    found = []
    index = at = 0
    while at < len(payload):
        number, at = _read_zigzag(payload, at)
        if number < 0:
            index -= number
        else:
            if number:
                found.append((index, number))
            index += 1
        if index > BUCKETS_LIMIT:
            raise BadInput("it has more buckets than there can be")
    return found


def _zigzag(number: int) -> bytes:
    rest = (number << 1) ^ (number >> 63)
    written = bytearray()
    while rest > 0x7F and len(written) < LAST_BYTES - 1:
        written.append(rest & 0x7F | 0x80)
        rest >>= 7
    written.append(rest)
    return bytes(written)


def _read_zigzag(payload: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it."""
    more = sum(1 for _ in takewhile(lambda byte: byte > 0x7F, payload[at : at + LAST_BYTES - 1]))
    if at + more >= len(payload):
        raise BadInput("it ends in the middle of a count")
    raw = payload[at + more] << 7 * more
    for place in range(more):
        raw |= (payload[at + place] & 0x7F) << 7 * place
    return (raw >> 1) ^ -(raw & 1), at + more + 1
