"""The body of an intake request: decompression and lines, within limits."""

from __future__ import annotations

import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.embedded.apm.body import PIECE_BYTES, Inflater, LineSplitter, LineTooLong
from stressdash.errors import BadInput

BODY = b'{"metadata":{}}\n{"span":{}}\n' * 100
FORMS = {"gzip": gzip.compress(BODY), "deflate": zlib.compress(BODY), "": BODY}


def inflate(data: bytes, encoding: str, *, limit: int = 1 << 20, chunk: int = 1000) -> bytes:
    inflater = Inflater(encoding, limit)
    pieces = [p for at in range(0, len(data), chunk) for p in inflater.feed(data[at : at + chunk])]
    return b"".join(pieces) + inflater.finish()


class TestInflating:
    @pytest.mark.parametrize("encoding", FORMS)
    def test_named_encodings_are_taken_off(self, encoding: str) -> None:
        assert inflate(FORMS[encoding], encoding) == BODY

    @pytest.mark.parametrize("encoding", FORMS)
    def test_encodings_are_recognised_without_a_header(self, encoding: str) -> None:
        assert inflate(FORMS[encoding], "") == BODY

    @pytest.mark.parametrize("encoding", FORMS)
    def test_single_bytes_give_the_same(self, encoding: str) -> None:
        assert inflate(FORMS[encoding], "", chunk=1) == BODY

    @pytest.mark.parametrize("data", [b"", b"{", b"x"])
    def test_bodies_shorter_than_a_magic_number_are_plain(self, data: bytes) -> None:
        assert inflate(data, "") == data

    def test_bytes_after_the_compressed_stream_are_ignored(self) -> None:
        assert inflate(FORMS["gzip"] + b"junk", "gzip") == BODY

    def test_junk_under_a_named_encoding_is_refused(self) -> None:
        with pytest.raises(BadInput, match="not valid gzip"):
            inflate(b"junk that is no gzip", "gzip")

    @pytest.mark.parametrize("encoding", ["gzip", "deflate"])
    def test_a_stream_that_is_cut_off_is_refused(self, encoding: str) -> None:
        with pytest.raises(BadInput, match="ends too early"):
            inflate(FORMS[encoding][:-9], encoding)

    def test_an_empty_body_that_claims_to_be_compressed_is_empty(self) -> None:
        assert inflate(b"", "gzip") == b""


class TestBombs:
    def test_a_bomb_stops_at_the_limit(self) -> None:
        bomb = gzip.compress(b"\0" * 50_000_000)
        inflater = Inflater("gzip", 1_000_000)
        produced = []
        with pytest.raises(BadInput, match="too large"):
            produced += map(len, inflater.feed(bomb))
        assert sum(produced) <= 1_000_000

    @pytest.mark.parametrize("encoding", ["gzip", ""])
    def test_output_comes_in_bounded_pieces(self, encoding: str) -> None:
        inflater = Inflater(encoding, 1 << 30)
        plain = b"\0" * 5_000_000
        sent = gzip.compress(plain) if encoding else plain
        sizes = [len(piece) for piece in inflater.feed(sent)]
        assert sum(sizes) == 5_000_000
        assert max(sizes) <= PIECE_BYTES

    def test_plain_bodies_have_the_same_limit(self) -> None:
        with pytest.raises(BadInput, match="too large"):
            inflate(b"x" * 2000, "", limit=1000)


def split(splitter: LineSplitter, chunks: list[bytes]) -> list[bytes | str]:
    found = [line for chunk in chunks for line in splitter.feed(chunk)]
    found += splitter.finish()
    return [f"too long: {len(line.start)}" if isinstance(line, LineTooLong) else line for line in found]


class TestLines:
    @given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
    def test_any_split_of_the_bytes_gives_the_same_lines(self, data: bytes, cuts: list[int]) -> None:
        data = data.replace(b"a", b"\n")
        edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
        chunks = [data[a:b] for a, b in pairwise(edges)]
        assert split(LineSplitter(20), chunks) == split(LineSplitter(20), [data])

    @given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line), max_size=10))
    def test_lines_come_out_as_they_went_in(self, lines: list[bytes]) -> None:
        assert split(LineSplitter(20), [b"".join(line + b"\n" for line in lines)]) == lines

    def test_the_last_line_needs_no_line_feed(self) -> None:
        assert split(LineSplitter(), [b"one\ntwo"]) == [b"one", b"two"]

    @pytest.mark.parametrize("chunk", [1, 7, 1000])
    def test_an_oversized_line_is_one_error_and_the_next_is_read(self, chunk: int) -> None:
        data = b"ok\n" + b"x" * 99 + b"\nfine\n"
        chunks = [data[at : at + chunk] for at in range(0, len(data), chunk)]
        assert split(LineSplitter(10), chunks) == [b"ok", "too long: 10", b"fine"]

    def test_an_endless_line_takes_no_more_memory_than_the_limit(self) -> None:
        splitter = LineSplitter(10)
        errors = [error for _ in range(1000) for error in splitter.feed(b"x" * 100)]
        assert len(errors) == 1
        assert len(splitter._rest) <= 10
