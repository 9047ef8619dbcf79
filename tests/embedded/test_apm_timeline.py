"""Figures by second: event time, weights, what counts and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from apm_events import AT_MS, AT_US, error, line, metadata, self_time, span, transaction
from hypothesis import given
from hypothesis import strategies as st

from stressdash.embedded.apm.archive import Archive
from stressdash.embedded.apm.rows import SelfTime, select_rows
from stressdash.embedded.apm.seconds import Names, Seconds
from stressdash.embedded.apm.stream import IntakeStream
from stressdash.hdr import bucket_index, bucket_mid_us
from stressdash.samples import ApmBucket, ApmSeries, Scope

START, END = AT_MS, AT_MS + 3000
CALL = {"destination": {"service": {"resource": "mysql/stats"}}}
LATER_MS = AT_MS + 3_600_000


def filled(*lines: bytes, archive: Archive | None = None, now_ms: int = LATER_MS, **service: Any) -> Archive:
    archive = archive or Archive(10_000, lambda: now_ms)
    stream = IntakeStream(archive, AT_US, "", 1 << 30)
    for _ in stream.feed(b"\n".join([metadata(**service), *lines])):
        pass
    stream.finish()
    assert stream.result.errors == []
    return archive


def transactions(*events: dict[str, Any]) -> Archive:
    return filled(*(line("transaction", event) for event in events))


def series(archive: Archive, step_ms: int = 1000, start_ms: int = START, end_ms: int = END) -> ApmSeries:
    return archive.series(start_ms, end_ms, step_ms, Scope())


def first(archive: Archive) -> ApmBucket:
    return series(archive).buckets[0]


def at(offset_ms: int) -> int:
    return AT_US + 1000 * offset_ms


class TestEventTime:
    def test_events_count_in_the_second_in_which_they_began(self) -> None:
        archive = transactions(
            *(transaction(n, timestamp=at(ms)) for n, ms in enumerate((0, 999, 1000, 2500)))
        )
        assert [bucket.transactions for bucket in series(archive).buckets] == [2, 1, 1]

    def test_what_lies_outside_of_the_range_does_not_count(self) -> None:
        archive = transactions(transaction(1, timestamp=at(-1)), transaction(2, timestamp=at(3000)))
        assert series(archive).transactions == 0

    def test_late_events_are_added_to_their_second(self) -> None:
        archive = transactions(transaction(1), transaction(2, timestamp=at(1500)))
        assert first(archive).transactions == 1
        filled(line("transaction", transaction(3, timestamp=at(10))), archive=archive)
        assert first(archive).transactions == 2

    @given(st.lists(st.integers(0, 2999), max_size=30), st.integers(1, 1500), st.integers(-700, 700))
    def test_buckets_of_any_width_and_alignment_count_each_event_once(
        self, offsets: list[int], step_ms: int, shift_ms: int
    ) -> None:
        archive = transactions(*(transaction(n, timestamp=at(ms)) for n, ms in enumerate(offsets)))
        start_ms = START + shift_ms
        found = series(archive, step_ms, start_ms, END)
        for bucket in found.buckets:
            inside = [ms for ms in offsets if bucket.start_ms <= AT_MS + ms < bucket.start_ms + step_ms]
            assert bucket.transactions == len(inside)

    def test_the_newest_buckets_are_provisional_by_agent_delay_and_latency(self) -> None:
        archive = filled(line("transaction", transaction(duration=700.0)), now_ms=AT_MS + 3000)
        # settled = 3,000 - 1,000 - 700 ms: in the second bucket
        assert series(archive).provisional_from_ms == AT_MS + 1000

    def test_an_old_range_is_final(self) -> None:
        assert series(transactions(transaction())).provisional_from_ms is None


class TestWeights:
    def test_sampled_transactions_stand_for_those_that_were_not(self) -> None:
        archive = transactions(
            transaction(1, sample_rate=0.1), transaction(2, sample_rate=0.1, outcome="failure")
        )
        found = series(archive)
        assert (found.transactions, found.failed, found.sampling) == (20, 10, 0.1)
        assert first(archive).succeeded == 10

    def test_what_was_kept_because_it_failed_counts_in_none_of_the_figures(self) -> None:
        kept = transaction(2, outcome="failure", duration=900.0, context={"tags": {"kept_for": "error"}})
        found = series(transactions(transaction(1), kept))
        assert (found.transactions, found.failed, found.sampling) == (1, 0, 1)
        assert found.p99_us == bucket_mid_us(bucket_index(10_000))

    def test_unsampled_transactions_are_dropped(self) -> None:
        archive = transactions(transaction(sampled=False, sample_rate=0.0))
        assert series(archive).transactions == 0
        assert archive.health(0, "").documents == 0

    def test_other_types_than_requests_do_not_count(self) -> None:
        assert series(transactions(transaction(type="background"))).transactions == 0

    def test_without_transactions_figures_are_unknown_not_zero(self) -> None:
        found = series(Archive(10, lambda: LATER_MS))
        assert (found.sampling, found.mean_us, found.p50_us, found.newest_ms) == (None, None, None, None)
        assert [bucket.mean_us for bucket in found.buckets] == [None] * 3


class TestFigures:
    def test_outcomes_and_results_are_told_apart(self) -> None:
        outcomes = [
            ("success", "HTTP 2xx"),
            ("failure", "HTTP 5xx"),
            ("unknown", ""),
            ("failure", "HTTP 5xx"),
        ]
        events = [transaction(n, outcome=o, result=r) for n, (o, r) in enumerate(outcomes)]
        bucket = first(transactions(*events))
        assert (bucket.succeeded, bucket.failed, bucket.unknown) == (1, 2, 1)
        assert bucket.results == {"HTTP 2xx": 1, "HTTP 5xx": 2, "": 1}

    @given(st.lists(st.integers(1, 10_000_000), min_size=1, max_size=60))
    def test_percentiles_are_those_of_the_whole_range(self, durations_us: list[int]) -> None:
        events = [
            transaction(n, duration=us / 1000, timestamp=at(n * 40)) for n, us in enumerate(durations_us)
        ]
        found = series(transactions(*events))
        ordered = sorted(durations_us)
        for share, got in ((0.5, found.p50_us), (0.95, found.p95_us), (0.99, found.p99_us)):
            rank = -(-int(share * 100) * len(ordered) // 100)
            assert got is not None
            assert got == pytest.approx(ordered[rank - 1], rel=1 / 1024, abs=1)

    def test_the_mean_is_exact(self) -> None:
        found = series(transactions(transaction(1, duration=1.0), transaction(2, duration=4.0)))
        assert found.mean_us == 2500

    def test_absurd_durations_are_recorded_as_an_hour(self) -> None:
        assert series(transactions(transaction(duration=1e300))).mean_us == 3_600_000_000

    def test_errors_are_counted_by_document_whatever_the_sampling(self) -> None:
        unsampled = {"name": "Push", "type": "request", "sampled": False}
        archive = filled(*(line("error", error(n, transaction=unsampled)) for n in range(3)))
        assert [bucket.errors for bucket in series(archive).buckets] == [3, 0, 0]


class TestServices:
    def test_each_service_has_its_own_figures(self) -> None:
        archive = filled(line("transaction", transaction(1)), name="front")
        filled(*(line("transaction", transaction(n)) for n in (2, 3)), archive=archive, name="back")
        filled(line("error", error(4)), archive=archive, name="back")
        counts = [
            archive.series(START, END, 1000, Scope(name)).transactions
            for name in ("front", "back", None, "none")
        ]
        assert counts == [1, 2, 3, 0]
        assert [len(archive.error_groups(START, END, Scope(name))) for name in ("front", "back", "none")] == [
            0,
            1,
            0,
        ]
        assert archive.services() == ("back", "front")

    def test_the_newest_transaction_is_that_of_the_service(self) -> None:
        archive = filled(line("transaction", transaction(1, timestamp=at(5))), name="front")
        filled(line("transaction", transaction(2, timestamp=at(9))), archive=archive, name="back")
        newest = [archive.series(START, END, 1000, Scope(name)).newest_ms for name in ("front", None, "none")]
        assert newest == [AT_MS + 5, AT_MS + 9, None]


class TestErrorGroups:
    def test_a_group_shows_every_message_and_the_most_frequent_as_its_own(self) -> None:
        def raised(number: int, message: str, offset_ms: int) -> bytes:
            exception = {"type": "OperationalError", "message": message, "handled": False}
            return line("error", error(number, exception=exception, timestamp=at(offset_ms)))

        archive = filled(raised(1, "1205", 100), raised(2, "1040", 2100), raised(3, "1040", 2050))
        (group,) = archive.error_groups(START, END, Scope())
        assert (group.message, group.names) == ("1040", {"1040": 2, "1205": 1})
        assert (group.count, group.first_ms, group.last_ms) == (3, AT_MS + 100, AT_MS + 2100)
        assert group.spark == (1, 0, 2)
        assert (group.type, group.culprit, group.handled) == ("OperationalError", "service.stats.push", False)
        assert group.transactions == {"stats.StatsService/Push": 3}

    def test_a_part_of_a_second_counts_only_its_own_errors(self) -> None:
        archive = filled(*(line("error", error(n, timestamp=at(ms))) for n, ms in enumerate((100, 400, 900))))
        (group,) = archive.error_groups(START + 200, START + 900, Scope())
        assert (group.count, group.first_ms, group.last_ms) == (1, START + 400, START + 400)

    def test_the_most_frequent_groups_come_first(self) -> None:
        errors = [error(n, exception={"type": "AAB"[n], "message": "m"}) for n in (2, 0, 1)]
        groups = filled(*(line("error", event) for event in errors)).error_groups(START, END, Scope())
        assert [group.type for group in groups] == ["A", "B"]


class TestBreakdownAndProcess:
    def test_self_times_add_up_by_type_and_subtype(self) -> None:
        sets = [
            self_time("db", "mysql", 2, 300),
            self_time("app", "", 5, 900),
            self_time("db", "mysql", 1, 50),
        ]
        found = filled(*(line("metricset", each) for each in sets)).breakdown(START, END, Scope())
        parts = [(part.type, part.subtype, part.count, part.sum_us) for part in found.parts]
        assert parts == [("app", "", 5, 900), ("db", "mysql", 3, 350)]

    def test_process_metrics_are_means_and_the_greatest_memory(self) -> None:
        def metrics(cpu: float, rss: int, offset_ms: int) -> bytes:
            samples = {
                "system.process.cpu.total.norm.pct": {"value": cpu},
                "system.cpu.total.norm.pct": {"value": 2 * cpu},
                "system.process.memory.rss.bytes": {"value": rss},
            }
            return line("metricset", {"timestamp": at(offset_ms), "samples": samples})

        archive = filled(metrics(0.1, 300, 0), metrics(0.3, 200, 900), metrics(0.5, 1, 2000))
        one, two, _ = archive.process_metrics(START, END, 1000, Scope())
        assert one.cpu_share == pytest.approx(0.2)
        assert one.system_cpu_share == pytest.approx(0.4)
        assert (one.rss_bytes, two.rss_bytes, two.cpu_share) == (300, None, None)


class TestBounds:
    def test_the_oldest_seconds_go_to_the_disk_and_still_count(self) -> None:
        archive = Archive(1000, lambda: LATER_MS, row_limit=20)
        for number in range(300):
            events = (
                line("transaction", transaction(number, timestamp=at(number * 1000))),
                line("span", span(number, timestamp=at(number * 1000), context=CALL)),
                line("error", error(number, timestamp=at(number * 1000))),
            )
            filled(*events, archive=archive)
        whole = (START, START + 300_000)
        assert len(archive._timeline._requests._rows) <= 20
        assert [bucket.transactions for bucket in archive.series(*whole, 1000, Scope()).buckets] == [1] * 300
        assert [group.count for group in archive.error_groups(*whole, Scope())] == [300]
        assert [found.calls for found in archive.views.dependencies(*whole, Scope())] == [300]

    def test_a_late_event_joins_its_second_on_the_disk(self) -> None:
        archive = Archive(1000, lambda: LATER_MS, row_limit=5)
        for number in range(30):
            filled(line("transaction", transaction(number, timestamp=at(number * 1000))), archive=archive)
        assert first(archive).transactions == 1
        filled(line("transaction", transaction(99, timestamp=at(1))), archive=archive)
        assert first(archive).transactions == 2
        assert archive.series(START, START + 30_000, 1000, Scope()).transactions == 31

    def test_beyond_a_limit_the_oldest_seconds_are_forgotten(self) -> None:
        seconds = Seconds(list[SelfTime], select_rows, 1000, second_limit=10)
        for second in range(25):
            seconds.at(second).append(SelfTime(0, 0, "db", "", 1, 1))
        assert [at_ms for at_ms, _ in seconds.summaries(0, 25_000, frozenset({0}))] == [
            1000 * second for second in range(15, 25)
        ]

    def test_endless_new_names_share_one_number(self) -> None:
        names = Names(limit=3)
        numbers = [names.number(f"name {n}") for n in range(10)]
        assert numbers[:3] == [0, 1, 2]
        assert {names.text(number) for number in numbers[3:]} == {Names.OTHER}

    def test_names_are_cut_to_what_elasticsearch_indexes(self) -> None:
        names = Names()
        assert names.text(names.number("x" * 5000)) == "x" * 1024
        assert names.number("x" * 5000) == names.number("x" * 1024)
