"""The log of a container that talks more than anybody can read."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from stressdash.stack.docker_log import KEPT_LINES, MISSED, DockerLog

ANSWER_LINES = 2_000


def stamp(number: int) -> str:
    """The time of a line, a nanosecond after the one before."""
    return f"2026-11-24T07:58:28.{number:09d}Z"


def lines(*numbers: int) -> list[tuple[str, str]]:
    return [(stamp(number), f"line {number}") for number in numbers]


class TestTake:
    def test_numbers_lines_and_tells_when_they_were_said(self) -> None:
        log = DockerLog("db", ANSWER_LINES)
        log.take(lines(1, 2))
        assert [(line.sequence, line.text) for line in log.after(0)] == [(1, "line 1"), (2, "line 2")]
        assert {line.at_ms for line in log.after(0)} == {1795507108000}

    def test_lines_that_were_told_before_count_once(self) -> None:
        log = DockerLog("db", ANSWER_LINES)
        log.take(lines(1, 2))
        log.take(lines(2, 3))
        assert [line.text for line in log.after(1)] == ["line 2", "line 3"]

    def test_the_next_answer_is_wanted_from_the_last_line_on(self) -> None:
        log = DockerLog("db", ANSWER_LINES)
        assert log.since_s == 0
        log.take([("2026-11-24T07:58:28.500000000Z", "x")])
        assert log.since_s == 1795507108.5

    def test_what_docker_did_not_stamp_is_no_line(self) -> None:
        log = DockerLog("db", ANSWER_LINES)
        log.take([("garbage", "x"), ("", "")])
        assert log.after(0) == ()

    @given(st.lists(st.sets(st.integers(0, 500), max_size=40), max_size=10))
    def test_no_line_comes_twice_and_none_goes_back(self, answers: list[set[int]]) -> None:
        log = DockerLog("db", ANSWER_LINES)
        for answer in answers:
            log.take(lines(*sorted(answer)))
        texts = [int(line.text.split()[1]) for line in log.after(0)]
        assert texts == sorted(set(texts))
        assert [line.sequence for line in log.after(0)] == list(range(1, len(texts) + 1))


class TestFlood:
    def test_of_100_000_lines_a_second_is_bounded_and_says_what_is_left_out(self) -> None:
        log = DockerLog("db", ANSWER_LINES)
        for answer in _polled_four_times_a_second(seconds=10):
            log.take(answer)
        kept = log.after(0)
        assert len(kept) == KEPT_LINES
        assert kept[-1].text == "line 1000000"
        assert MISSED in {line.text for line in kept}

    def test_without_a_gap_is_not_called_one(self) -> None:
        log = DockerLog("db", 10)
        log.take(lines(*range(10)))
        log.take(lines(*range(10, 15)))
        assert MISSED not in {line.text for line in log.after(0)}


def _polled_four_times_a_second(seconds: int) -> Iterator[list[tuple[str, str]]]:
    """What Docker answers: the last lines only, however many there were."""
    for last in range(25_000, seconds * 100_000 + 1, 25_000):
        yield lines(*range(last - ANSWER_LINES + 1, last + 1))
