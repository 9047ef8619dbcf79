"""The service's clock against ours: bounds of single requests, their agreement, the correction made of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stressdash.metrics.skew import Bounds, ClockSkew, agreement, dated_bounds, joined_bounds

SECOND = 1_000_000
HOUR = 3600 * SECOND

offsets = st.integers(-HOUR, HOUR)
waits = st.integers(0, 10 * SECOND)
instants = st.integers(1_700_000_000 * SECOND, 1_900_000_000 * SECOND)


@st.composite
def requests(draw: st.DrawFn, ahead_us: int) -> Bounds:
    """What a request tells of a clock that is so far ahead."""
    sent_us, way_us, work_us, back_us = draw(instants), draw(waits), draw(waits), draw(waits)
    begun_us = sent_us + way_us + ahead_us
    found = joined_bounds(sent_us, sent_us + way_us + work_us + back_us, begun_us, work_us)
    assert found is not None
    return found


class TestBounds:
    @given(offsets, st.data())
    def test_a_joined_request_always_holds_the_truth(self, ahead_us: int, data: st.DataObject) -> None:
        found = data.draw(requests(ahead_us))
        assert found.low_us <= ahead_us <= found.high_us

    @given(instants, waits, waits)
    def test_its_bounds_are_as_far_apart_as_the_time_on_the_way(
        self, sent_us: int, way_us: int, work_us: int
    ) -> None:
        found = joined_bounds(sent_us, sent_us + way_us + work_us, sent_us + way_us // 2, work_us)
        assert found is not None
        assert found.high_us - found.low_us == way_us

    def test_a_service_that_worked_longer_than_the_client_waited_says_nothing(self) -> None:
        assert joined_bounds(0, 1000, 100, 1001) is None

    @given(offsets, instants, waits, waits)
    def test_a_date_always_holds_the_truth(
        self, ahead_us: int, sent_us: int, way_us: int, back_us: int
    ) -> None:
        date_s = (sent_us + way_us + ahead_us) // SECOND
        found = dated_bounds(sent_us, sent_us + way_us + back_us, date_s)
        assert found.low_us <= ahead_us <= found.high_us


class TestAgreement:
    @given(offsets, st.data())
    def test_true_bounds_agree_on_an_interval_that_holds_the_truth(
        self, ahead_us: int, data: st.DataObject
    ) -> None:
        bounds = data.draw(st.lists(requests(ahead_us), min_size=1, max_size=20))
        found = agreement(bounds)
        assert found is not None
        assert found.low_us <= ahead_us <= found.high_us
        assert found.high_us - found.low_us <= min(each.high_us - each.low_us for each in bounds)

    @given(offsets, st.data())
    def test_a_minority_of_false_ones_does_no_harm(self, ahead_us: int, data: st.DataObject) -> None:
        true = data.draw(st.lists(requests(ahead_us), min_size=3, max_size=10))
        false = [Bounds(9 * HOUR + n, 9 * HOUR + n) for n in range(len(true) - 1)]
        found = agreement(data.draw(st.permutations(true + false)))
        assert found is not None
        assert found.low_us <= ahead_us <= found.high_us

    def test_clocks_of_two_machines_are_not_taken_for_one(self) -> None:
        assert agreement([Bounds(0, 10), Bounds(5, 12), Bounds(900, 910), Bounds(905, 912)]) is None

    def test_of_nothing_nothing_is_known(self) -> None:
        assert agreement([]) is None


class TestClockSkew:
    def test_it_is_unknown_until_several_agree(self) -> None:
        skew = ClockSkew()
        skew.add([Bounds(5_000_000, 5_001_000)] * 2)
        assert (skew.offset, skew.correction_us) == (None, 0)
        skew.add([Bounds(5_000_400, 5_002_000)])
        assert skew.offset is not None
        assert (skew.offset.ahead_us, skew.offset.within_us) == (5_000_700, 300)
        assert skew.correction_us == skew.offset.corrected_us == 5_000_700

    def test_clocks_that_may_be_one_are_left_alone(self) -> None:
        skew = ClockSkew()
        skew.add([Bounds(-300, 2_000), Bounds(-100, 900), Bounds(200, 1_000)])
        assert skew.offset is not None
        assert skew.offset.corrected_us == 0

    def test_a_correction_stays_while_it_may_be_right(self) -> None:
        skew = ClockSkew()
        skew.add([Bounds(1_000_000, 3_000_000)] * 3)
        assert skew.correction_us == 2_000_000
        skew.add([Bounds(1_900_000, 1_997_000)] * 3)
        assert skew.correction_us == 2_000_000
        skew.add([Bounds(1_900_000, 1_910_000)])
        assert skew.correction_us == 1_905_000

    def test_a_clock_that_is_set_is_unknown_and_then_known_anew(self) -> None:
        skew = ClockSkew()
        skew.add([Bounds(-500, 500)] * 64)
        skew.add([Bounds(8_000_000, 8_000_500)] * 32)
        assert skew.offset is None
        skew.add([Bounds(8_000_000, 8_000_500)])
        assert skew.offset is not None
        assert skew.correction_us == 8_000_250

    def test_joined_requests_win_over_dates(self) -> None:
        skew = ClockSkew()
        skew.add([], [Bounds(n, n + 1_000_000) for n in (20_000_000, 20_400_000, 19_700_000)])
        assert skew.correction_us == 20_550_000
        skew.add([Bounds(0, 10)] * 3)
        assert skew.correction_us == 0

    @given(offsets, st.data())
    def test_what_is_corrected_is_never_further_off_than_the_uncertainty_and_the_tolerance(
        self, ahead_us: int, data: st.DataObject
    ) -> None:
        skew = ClockSkew()
        for bounds in data.draw(st.lists(requests(ahead_us), min_size=3, max_size=30)):
            skew.add([bounds])
        assert skew.offset is not None
        assert abs(skew.correction_us - ahead_us) <= 2 * skew.offset.within_us + 5_000
