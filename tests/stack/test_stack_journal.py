"""The log of a component: what is kept of what it said."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.stack import journal as module
from stressdash.stack.journal import KEPT_LINES, LINE_LIMIT, Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal("apm", tmp_path, lambda: 7)
    yield made
    made.close()


def texts(journal: Journal, after: int = 0) -> list[str]:
    return [line.text for line in journal.after(after)]


class TestLines:
    def test_carry_component_time_and_a_growing_sequence(self, journal: Journal) -> None:
        journal.feed(b"one\ntwo\n")
        first, second = journal.after(0)
        assert (first.component, first.at_ms, first.sequence, first.text) == ("apm", 7, 1, "one")
        assert (second.sequence, second.text) == (2, "two")

    @given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line)), st.data())
    def test_do_not_depend_on_how_the_bytes_were_split(self, lines: list[bytes], data: st.DataObject) -> None:
        whole = b"".join(line + b"\n" for line in lines)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)))))
        journal = Journal("apm", Path("/no/such"), lambda: 0)
        for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            journal.feed(whole[start:end])
        assert texts(journal) == [line.rstrip(b"\r").decode(errors="replace") for line in lines]

    def test_that_are_not_utf8_are_replaced_and_escapes_are_left_to_the_screen(
        self, journal: Journal
    ) -> None:
        journal.feed(b"\xff\x1b[31m\n")
        assert texts(journal) == ["\N{REPLACEMENT CHARACTER}\x1b[31m"]

    def test_are_cut_where_they_are_too_long_even_when_they_never_end(self, journal: Journal) -> None:
        for _ in range(50):
            journal.feed(b"x" * LINE_LIMIT)
        journal.feed(b"\nnext\n")
        assert texts(journal) == ["x" * LINE_LIMIT, "next"]

    def test_unfinished_ones_count_when_the_process_has_ended(self, journal: Journal) -> None:
        journal.feed(b"half")
        assert texts(journal) == []
        journal.flush()
        assert texts(journal) == ["half"]

    def test_only_the_newest_are_kept_and_keep_their_numbers(self, journal: Journal) -> None:
        journal.feed(b"".join(b"%d\n" % number for number in range(1, KEPT_LINES + 11)))
        kept = journal.after(0)
        assert len(kept) == KEPT_LINES
        assert (kept[0].sequence, kept[0].text) == (11, "11")

    def test_after_a_sequence_are_the_later_ones_only(self, journal: Journal) -> None:
        journal.feed(b"one\ntwo\nthree\n")
        assert texts(journal, after=2) == ["three"]
        assert texts(journal, after=3) == []


class TestLastWords:
    def test_are_the_last_line_that_says_something(self, journal: Journal) -> None:
        journal.feed(b"Traceback\nValueError: no\n  \n\n")
        assert journal.last_words(0) == "ValueError: no"

    def test_leave_out_what_was_said_long_before(self, journal: Journal) -> None:
        journal.feed(b"ready\n")
        assert journal.last_words(1) == ""


class TestFiles:
    def test_hold_the_output_as_it_came_for_the_owner_only(self, journal: Journal, tmp_path: Path) -> None:
        journal.feed(b"\xff raw\n")
        path = tmp_path / "apm.log"
        assert path.read_bytes() == b"\xff raw\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_are_two_and_bounded(
        self, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "FILE_LIMIT_BYTES", 100)
        for number in range(100):
            journal.feed(b"%9d\n" % number)
        files = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
        assert files == {"apm.log": 100, "apm.log.1": 100}

    def test_that_cannot_be_written_cost_no_line(self) -> None:
        journal = Journal("apm", Path("/no/such/folder"), lambda: 0)
        journal.feed(b"one\n")
        assert texts(journal) == ["one"]
