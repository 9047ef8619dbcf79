"""The schedule of the open loop: exact, never drifting, and the same for both of its readers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.load.pacer import NEVER_NS, Pacer

SECOND_NS = 1_000_000_000


def schedule(pacer: Pacer, until_ns: int) -> list[int]:
    """Due times before `until_ns`."""
    return [pacer.take() for _ in range(pacer.advance(until_ns))]


class TestUniform:
    def test_one_worker_sends_at_even_distances_from_the_start(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(4, 0)
        assert schedule(pacer, SECOND_NS) == [0, 250_000_000, 500_000_000, 750_000_000]

    def test_workers_interleave_to_the_same_schedule(self) -> None:
        due = []
        for worker in range(3):
            pacer = Pacer(worker, 3, "uniform", 0)
            pacer.set_rate(3000, 0)
            due += schedule(pacer, SECOND_NS)
        assert sorted(due) == [round(number * 1e9 / 3000) for number in range(3000)]

    @given(rate=st.floats(0.5, 100_000))
    def test_it_never_drifts(self, rate: float) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(rate, 0)
        day_ns = 86_400 * SECOND_NS
        pacer._ahead._unit = float(int(rate * 86_399))  # type: ignore[union-attr]
        pacer._ahead.step()  # type: ignore[union-attr]
        assert pacer._ahead.next_ns == pytest.approx(day_ns - SECOND_NS, abs=2 * SECOND_NS / rate)  # type: ignore[union-attr]

    @given(times=st.lists(st.integers(1, 10**9), min_size=1, max_size=20))
    def test_however_often_it_is_asked_the_schedule_is_the_same(self, times: list[int]) -> None:
        asked, once = Pacer(0, 1, "uniform", 0), Pacer(0, 1, "uniform", 0)
        asked.set_rate(777, 0)
        once.set_rate(777, 0)
        due = [one for at_ns in sorted(times) for one in schedule(asked, at_ns)]
        assert due == schedule(once, max(times))


class TestPoisson:
    def test_the_rate_is_met_and_gaps_vary(self) -> None:
        pacer = Pacer(0, 1, "poisson", 1)
        pacer.set_rate(10_000, 0)
        due = schedule(pacer, SECOND_NS)
        assert 9_600 < len(due) < 10_400
        gaps = [after - before for before, after in pairwise(due)]
        mean = sum(gaps) / len(gaps)
        variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)
        assert variance == pytest.approx(mean**2, rel=0.15)  # as an exponential distribution has it

    def test_a_seed_gives_one_schedule_and_workers_differ(self) -> None:
        def of(worker: int, seed: int) -> list[int]:
            pacer = Pacer(worker, 2, "poisson", seed)
            pacer.set_rate(100, 0)
            return schedule(pacer, SECOND_NS)

        assert of(0, 1) == of(0, 1)
        assert of(0, 1) != of(1, 1)
        assert of(0, 1) != of(0, 2)


class TestChanges:
    def test_a_new_rate_goes_on_within_the_gap(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(1, 0)
        assert schedule(pacer, SECOND_NS // 2) == [0]
        pacer.set_rate(2, SECOND_NS // 2)  # half of the gap is left: a quarter of a second at the new rate
        assert schedule(pacer, SECOND_NS * 2) == [750_000_000, 1_250_000_000, 1_750_000_000]

    def test_what_was_due_before_a_change_keeps_its_time(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(4, 0)
        assert pacer.advance(SECOND_NS) == 4
        pacer.set_rate(2, SECOND_NS)
        assert pacer.advance(2 * SECOND_NS) == 2
        assert [pacer.take() for _ in range(6)] == [
            0,
            250_000_000,
            500_000_000,
            750_000_000,
            10**9,
            15 * 10**8,
        ]

    def test_a_pause_shifts_the_schedule(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(1, 0)
        assert pacer.advance(250_000_000) == 1
        pacer.pause(250_000_000)
        assert pacer.next_ns == NEVER_NS
        pacer.resume(10 * SECOND_NS)
        assert pacer.advance(11 * SECOND_NS) == 1
        assert [pacer.take(), pacer.take()] == [0, 10_750_000_000]

    def test_a_ramp_is_the_integral_of_its_rate(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(0, 0, slope=100)
        assert pacer.advance(10 * SECOND_NS) == 5000

    def test_a_falling_ramp_ends_at_zero(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(100, 0, slope=-100)
        assert pacer.advance(100 * SECOND_NS) == 51
        assert pacer.next_ns == NEVER_NS

    def test_a_limit_ends_the_schedule(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.limit = 3
        pacer.set_rate(1000, 0)
        assert pacer.advance(SECOND_NS) == 3
        assert pacer.next_ns == NEVER_NS

    def test_an_arrival_taken_early_is_missing_later_whatever_the_rate_is_then(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.set_rate(10, 0)
        assert (pacer.advance(1), pacer.take()) == (1, 0)
        pacer.take_early()
        pacer.take_early()
        assert pacer.next_ns == 300_000_000
        pacer.set_rate(20, 100_000_000)
        assert pacer.next_ns == 200_000_000
        assert pacer.advance(SECOND_NS) == 16
        assert pacer.take() == 200_000_000

    def test_nothing_is_taken_early_of_a_schedule_that_has_ended(self) -> None:
        pacer = Pacer(0, 1, "uniform", 0)
        pacer.limit = 1
        pacer.set_rate(10, 0)
        assert (pacer.advance(SECOND_NS), pacer.take()) == (1, 0)
        pacer.take_early()
        assert (pacer.limit, pacer.next_ns) == (0, NEVER_NS)

    @given(
        arrivals=st.sampled_from(["uniform", "poisson"]),
        changes=st.lists(st.tuples(st.integers(1, 10**9), st.floats(0, 500)), max_size=6),
    )
    def test_both_readers_agree_over_any_changes(
        self, arrivals: str, changes: list[tuple[int, float]]
    ) -> None:
        pacer = Pacer(1, 2, arrivals, 3)
        now_ns = count = 0
        pacer.set_rate(100, now_ns)
        for length_ns, rate in changes:
            now_ns += length_ns
            count += pacer.advance(now_ns)
            pacer.set_rate(rate, now_ns)
        count += pacer.advance(now_ns + SECOND_NS)
        due = [pacer.take() for _ in range(count)]
        assert due == sorted(due)
        assert all(at_ns < now_ns + SECOND_NS for at_ns in due)
