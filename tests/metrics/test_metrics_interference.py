"""Who used the machine is told in shares that add up and never leave 0 to 1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.metrics.interference import CpuReading, Usage, interference, usage

NAMES = ("generator", "dashboard", "apm", "service", "database")


def reading(at_s: float, busy_s: float | None = 0.0, **groups: dict[str, float]) -> CpuReading:
    return CpuReading(at_s, busy_s, 0.0, groups)


class TestUsage:
    def test_is_the_difference_of_clocks_by_process(self) -> None:
        spent = usage(
            reading(10, 3.0, service={"1": 1.0, "2": 5.0}), reading(12, 6.5, service={"1": 1.5, "2": 6.0})
        )
        assert (spent.elapsed_s, spent.busy_s, spent.groups) == (2, 3.5, {"service": 1.5})

    def test_a_process_seen_once_counts_as_nothing(self) -> None:
        spent = usage(reading(0, service={"1": 1.0}), reading(1, service={"2": 900.0}))
        assert spent.groups == {"service": 0}

    def test_a_group_seen_once_is_unknown(self) -> None:
        assert "apm" not in usage(reading(0), reading(1, apm={"1": 4.0})).groups

    def test_a_clock_that_runs_backwards_counts_as_nothing(self) -> None:
        spent = usage(reading(5, 9.0, apm={"1": 4.0}), reading(4, 8.0, apm={"1": 3.0}))
        assert (spent.elapsed_s, spent.busy_s, spent.groups) == (0, 0, {"apm": 0})

    def test_adds_up_over_intervals(self) -> None:
        total = Usage(1, 0.5, None, {"apm": 0.1}) + Usage(2, 1.5, 0.2, {"apm": 0.2, "service": 1.0})
        assert (total.elapsed_s, total.busy_s, total.steal_s) == (3, 2, None)
        assert total.groups == pytest.approx({"apm": 0.3, "service": 1.0})


class TestShares:
    def test_are_of_the_whole_machine_and_interference_of_its_busy_part(self) -> None:
        groups = dict(zip(NAMES, (1.0, 0.25, 0.75, 1.5, 0.5), strict=True))
        seen = interference(Usage(4, 4.0, 0.08, groups), 2, generator_core=0.25, requests=50_000)
        assert (seen.machine, seen.generator, seen.service, seen.steal) == (0.5, 0.125, 0.1875, 0.01)
        assert seen.share == 0.5
        assert seen.generator_cpu_us_per_request == 20

    def test_of_what_was_not_seen_are_unknown(self) -> None:
        seen = interference(Usage(1, None, None, {"service": 0.5}), 2)
        assert (seen.machine, seen.generator, seen.share, seen.steal) == (None,) * 4
        assert seen.generator_cpu_us_per_request is None

    def test_of_no_time_are_unknown(self) -> None:
        assert interference(Usage(groups={"service": 0.0}), 2).service is None

    @given(
        st.floats(0.01, 100),
        st.floats(0, 1_000),
        st.dictionaries(st.sampled_from(NAMES), st.floats(0, 1_000)),
        st.integers(1, 64),
    )
    def test_never_leave_zero_to_one(
        self, elapsed_s: float, busy_s: float, groups: dict[str, float], cores: int
    ) -> None:
        seen = interference(Usage(elapsed_s, busy_s, 0.0, groups), cores)
        shares = [seen.machine, seen.steal, seen.share, *(getattr(seen, name) for name in NAMES)]
        assert all(share is None or 0 <= share <= 1 for share in shares)
