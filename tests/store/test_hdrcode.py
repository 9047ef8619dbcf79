"""Encodings of histograms: what was written is read again, and no bytes break the reader."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import BadInput
from stressdash.hdr import BUCKETS, bucket_high_us, bucket_index, bucket_low_us
from stressdash.store.hdrcode import Bucket, decode, encode

COUNTS = st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(0, 2**62), max_size=40)


def plain(cookie: int, payload: bytes, *, digits: int = 3, lowest: int = 1) -> bytes:
    """A V1 or V2 histogram that is not compressed."""
    return struct.pack(">IIIIQQd", cookie, len(payload), 0, digits, lowest, 3_600_000_000, 1.0) + payload


class TestRoundTrip:
    @given(COUNTS)
    def test_what_was_encoded_is_decoded(self, counts: dict[int, int]) -> None:
        expected = [
            Bucket(bucket_low_us(index), bucket_high_us(index), counts[index])
            for index in sorted(counts)
            if counts[index]
        ]
        assert decode(encode(counts)) == expected

    @pytest.mark.parametrize("word", [2, 4, 8])
    def test_words_of_each_size_are_read(self, word: int) -> None:
        form = {2: "h", 4: "i", 8: "q"}[word]
        payload = struct.pack(f">4{form}", 0, 5, 0, 7)
        expected = [Bucket(1, 1, 5), Bucket(3, 3, 7)]
        assert decode(plain(0x1C849301 | word << 4, payload)) == expected
        version_0 = struct.pack(">IIQQQ", 0x1C849308 | word << 4, 3, 1, 3_600_000_000, 12) + payload
        assert decode(version_0) == expected

    def test_the_lowest_value_scales_the_buckets(self) -> None:
        assert decode(plain(0x1C849313, b"\x01\x0a", lowest=1000)) == [Bucket(512, 1023, 5)]


class TestHostileBytes:
    @given(st.binary(max_size=200))
    def test_are_refused_in_one_sentence(self, data: bytes) -> None:
        with pytest.raises(BadInput):
            decode(data)

    @given(st.binary(max_size=60), st.integers(0, 6), st.integers(0, 2**63))
    def test_in_a_sound_frame_are_read_or_refused(self, payload: bytes, digits: int, lowest: int) -> None:
        try:
            found = decode(plain(0x1C849313, payload, digits=digits, lowest=lowest))
        except BadInput:
            return
        assert all(bucket.low <= bucket.high and bucket.number > 0 for bucket in found)

    def test_a_bomb_is_not_inflated(self) -> None:
        body = zlib.compress(bytes(80 << 20), 9)
        with pytest.raises(BadInput, match="too large"):
            decode(struct.pack(">II", 0x1C849314, len(body)) + body)

    def test_values_beyond_64_bits_are_refused(self) -> None:
        index = bucket_index(3_600_000_000) + 64 * 1024
        number = (index << 1) - 1  # a run of so many zeros
        run = bytearray()
        while number > 0x7F:
            run.append(number & 0x7F | 0x80)
            number >>= 7
        run.append(number)
        with pytest.raises(BadInput, match="64 bits"):
            decode(plain(0x1C849313, bytes(run) + b"\x02"))
