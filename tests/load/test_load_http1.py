"""The response parser: every framing, every refusal, and the same result for any split of the bytes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.load.http1 import KEPT_BODY, Malformed, Parser, parse_head

Outcome = tuple[object, ...]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def outcome(pieces: list[bytes], *, eof: bool = False, bodyless: bool = False) -> Outcome:
    """What a parser makes of the bytes: the response, a reason, or nothing whole."""
    parser = Parser(bodyless=bodyless)
    try:
        for piece in pieces:
            if parser.feed(piece):
                break
        if eof and not parser.complete:
            parser.eof()
    except Malformed as error:
        return ("malformed", str(error))
    if not parser.complete:
        return ("incomplete",)
    return (parser.head, parser.head_bytes, bytes(parser.body))


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if end > start]


class TestHead:
    @pytest.mark.parametrize(
        ("block", "status", "length", "keep_alive"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5", 200, 5, True),
            (b"HTTP/1.1 200\r\ncontent-length:5", 200, 5, True),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5", 200, 5, True),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5", 200, 5, True),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close", 200, 5, False),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, close", 200, 5, False),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 5", 200, 5, False),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive", 200, 5, True),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked", 200, -1, True),
            (b"HTTP/1.1 200 OK\r\nX: y", 200, -2, False),
            (b"HTTP/1.1 204 No Content", 204, 0, True),
            (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99", 304, 0, True),
            (b"HTTP/1.1 599 \xff\x80 reason", 599, -2, False),
        ],
    )
    def test_framing_follows_from_status_version_and_headers(
        self, block: bytes, status: int, length: int, keep_alive: bool
    ) -> None:
        head = parse_head(block)
        assert (head.status, head.length, head.keep_alive) == (status, length, keep_alive)

    @pytest.mark.parametrize(
        ("block", "reason"),
        [
            (b"HTTP/1.2 200 OK", "bad status line"),
            (b"HTTP/1.1 99 OK", "bad status line"),
            (b"HTTP/1.1 2000 OK", "bad status line"),
            (b"HTTP/1.1  200 OK", "bad status line"),
            (b"HTTP/1.1 200 O\x00K", "bad status line"),
            (b"HTTP/1.1 200 OK\r\n folded", "folded header line"),
            (b"HTTP/1.1 200 OK\r\nno colon", "header line without a colon"),
            (b"HTTP/1.1 200 OK\r\nspace : x", "bad character in a header line"),
            (b"HTTP/1.1 200 OK\r\n: x", "bad character in a header line"),
            (b"HTTP/1.1 200 OK\r\na: \x00", "bad character in a header line"),
            (b"HTTP/1.1 200 OK\r\na: b\rc: d", "bad character in a header line"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6", "conflicting content-length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: -5", "bad content-length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: +5", "bad content-length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length:", "bad content-length"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
             "both content-length and transfer-encoding"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked", "unknown transfer-encoding"),
            (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked", "unknown transfer-encoding"),
        ],
    )  # fmt: skip
    def test_what_would_need_a_guess_is_refused_with_its_reason(self, block: bytes, reason: str) -> None:
        with pytest.raises(Malformed) as caught:
            parse_head(block)
        assert str(caught.value) == reason

    def test_only_a_plain_reusable_answer_has_an_exact_length(self) -> None:
        assert parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 5").exact == 5
        assert parse_head(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close").exact == -1
        assert parse_head(b"HTTP/1.1 100 Continue").exact == -1


class TestBody:
    def test_chunks_with_extensions_and_trailers(self) -> None:
        data = CHUNKED + b"3;a=b\r\nabc\r\n2 \r\nde\r\n0\r\nT: x\r\n\r\n"
        assert outcome([data])[2] == b"abcde"

    def test_until_close_ends_with_the_connection_only(self) -> None:
        data = b"HTTP/1.1 200 OK\r\n\r\nabc"
        assert outcome([data]) == ("incomplete",)
        assert outcome([data], eof=True)[2] == b"abc"

    def test_an_end_in_the_middle_completes_nothing(self) -> None:
        assert outcome([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"], eof=True) == ("incomplete",)

    def test_only_the_beginning_of_a_body_is_kept(self) -> None:
        parser = Parser()
        parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(100):
            parser.feed(b"x" * 1000)
        assert parser.complete
        assert len(parser.body) == KEPT_BODY

    def test_interim_answers_are_skipped(self) -> None:
        interim = b"HTTP/1.1 100 Continue\r\n\r\n"
        final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        assert outcome([interim * 3 + final]) == outcome([final])

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"HTTP/1.1 100 Continue\r\n\r\n" * 17, "more than 16 interim answers"),
            (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "switches protocols, which was not asked for"),
            (CHUNKED + b"3\r\nabcd\r\n", "chunk longer than its size says"),
            (CHUNKED + b"-3\r\n", "bad chunk size"),
            (CHUNKED + b"f" * 15 + b"\r\n",
             "body over the limit of 1073741824 bytes"),
            (CHUNKED + b"3;" + b"x" * 2000,
             "chunk line over the limit of 1024 bytes"),
            (CHUNKED + b"0\r\n" + b"a: b\r\n" * 20_000,
             "trailers over the limit of 65536 bytes"),
            (CHUNKED + b"0\r\nno colon\r\n", "header line without a colon"),
        ],
    )  # fmt: skip
    def test_bad_framing_is_refused_with_its_reason(self, data: bytes, reason: str) -> None:
        assert outcome([data]) == ("malformed", reason)

    def test_bytes_after_the_end_are_surplus(self) -> None:
        parser = Parser()
        assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab")
        assert parser.surplus


header_lines = st.sampled_from(
    [
        b"Content-Length: 3",
        b"Transfer-Encoding: chunked",
        b"Connection: close",
        b"X: y",
        b" folded",
        b"bad",
        b"A: \n",
    ]
)
bodies = st.sampled_from(
    [b"", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nT: x\r\n\r\n", b"3\r\nabcd", b"zz\r\n"]
)
starts = st.sampled_from(
    [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.0 500 No",
        b"HTTP/1.1 204 x",
        b"HTTP/2 200",
        b"junk",
        b"HTTP/1.1 100 Continue",
    ]
)


@st.composite
def responses(draw: st.DrawFn) -> bytes:
    one = draw(starts) + b"".join(b"\r\n" + line for line in draw(st.lists(header_lines, max_size=3)))
    interim = draw(st.sampled_from([b"", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"]))
    return interim + one + b"\r\n\r\n" + draw(bodies)


class TestSplits:
    @given(data=responses(), cuts=st.lists(st.integers(0, 400)), eof=st.booleans(), bodyless=st.booleans())
    def test_any_split_of_a_response_gives_the_same_result(
        self, data: bytes, cuts: list[int], eof: bool, bodyless: bool
    ) -> None:
        whole = outcome([data], eof=eof, bodyless=bodyless)
        assert outcome(split(data, cuts), eof=eof, bodyless=bodyless) == whole

    @given(data=responses())
    def test_single_bytes_give_the_same_result(self, data: bytes) -> None:
        assert outcome([bytes([byte]) for byte in data], eof=True) == outcome([data], eof=True)

    @given(data=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300)))
    def test_arbitrary_bytes_are_answered_or_refused_alike(self, data: bytes, cuts: list[int]) -> None:
        for prefix in (b"", b"HTTP/1.1 200 OK\r\n", CHUNKED):
            assert outcome(split(prefix + data, cuts)) == outcome([prefix + data])
