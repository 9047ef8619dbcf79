"""Interval logs as others write them: read to the same figures as the Java library reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import BadInput
from stressdash.store.hlog import TagSummary, read_log, summarise

LOGS = Path(__file__).parent / "hlogs"
EXPECTED: dict[str, dict[str, dict[str, Any]]] = json.loads((LOGS / "expected.json").read_text())
FIRST = (LOGS / "java-v2.hlog").read_bytes().splitlines()[6]


def summary_of(name: str) -> dict[str, TagSummary]:
    with (LOGS / name).open("rb") as lines:
        return summarise(read_log(lines))


class TestFigures:
    @pytest.mark.parametrize("name", [name for name in EXPECTED if "doubles" not in name])
    def test_are_those_of_the_java_library(self, name: str) -> None:
        found = {
            tag: {
                "intervals": each.intervals,
                "count": each.count,
                "mean": pytest.approx(each.mean, rel=1e-12),
                "max": each.maximum,
                **each.percentiles(),
            }
            for tag, each in summary_of(name).items()
        }
        assert found == EXPECTED[name]

    def test_of_doubles_are_those_of_the_java_library_within_a_bucket(self) -> None:
        (each,) = summary_of("java-doubles.hlog").values()
        expected = EXPECTED["java-doubles.hlog"][""]
        assert (each.intervals, each.count) == (expected["intervals"], expected["count"])
        for name, value in {"max": each.maximum, "mean": each.mean, **each.percentiles()}.items():
            assert value == pytest.approx(expected[name], rel=1e-3), name

    def test_the_unit_of_the_column_max_is_found_out(self) -> None:
        assert {each.max_ratio for each in summary_of("java-v2.hlog").values()} == {1e3}
        assert summary_of("jhiccup-v0.hlog")[""].max_ratio == 1e6
        assert summary_of("java-doubles.hlog")[""].max_ratio == 1


class TestTimes:
    @pytest.mark.parametrize(
        ("comments", "start_s"),
        [
            ([], 5.0),
            ([b"#[StartTime: 1700000000.500 (seconds since epoch), Tue]"], 1_700_000_005.5),
            ([b"#[StartTime: 6.000 (seconds since epoch)]"], 5.0),
            ([b"#[StartTime: 1700000000.000 (s)]", b"#[BaseTime: 100.000 (s)]"], 105.0),
        ],
        ids=["none", "long before: relative", "near: absolute", "base time"],
    )
    def test_stamps_count_from_what_the_comments_say(self, comments: list[bytes], start_s: float) -> None:
        line = FIRST.replace(b"Tag=push,0.000", b"5.000")
        (interval,) = read_log([*comments, b"# a comment", b"", b'"StartTimestamp","Any"', line])
        assert interval.start_s == start_s

    def test_fields_may_be_set_apart_by_spaces(self) -> None:
        (interval,) = read_log([FIRST.replace(b",", b" , ")])
        assert (interval.tag, interval.length_s) == ("push", 1.0)


class TestDamage:
    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (b"0.0,1.0,2.0", "has 3 fields"),
            (b"a,1.0,2.0,HIST", "are numbers"),
            (b"inf,1.0,2.0,HIST", "finite"),
            (b"0,1,2,!!!!", "no base64"),
            (b"0,1,2,AAAA", "ends too early"),
            (b"0,1,2,AAAAAAAAAAAAAAAAAAAAAAAAAAAA", "begins like no histogram"),
            (b"Tag=x", "nothing follows"),
            (FIRST[:-40], "cannot be read"),
            (b"\xff\xfe\x00", "no text"),
        ],
    )
    def test_is_told_with_its_line(self, line: bytes, words: str) -> None:
        with pytest.raises(BadInput, match=rf"line 3: .*{words}"):
            list(read_log([b"# x", FIRST, line]))

    @given(st.integers(60, len(FIRST) - 1), st.integers(0, 255))
    def test_of_one_byte_is_either_told_or_harmless(self, at: int, byte: int) -> None:
        line = FIRST[:at] + bytes([byte]) + FIRST[at + 1 :]
        told = ""
        try:
            assert sum(1 for _ in read_log([line])) <= 1
        except BadInput as error:
            told = str(error)
        assert not told or told.startswith("line 1: ")
