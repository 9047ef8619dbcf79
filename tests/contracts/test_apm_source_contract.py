"""What every `ApmSource` answers when the samples of the real agent are in it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from itertools import pairwise

import apm_harness
import pytest

from stressdash.apm.clocked import ClockedSource
from stressdash.apm.source import ApmSource
from stressdash.samples import LATENCY_EDGES_US, FoundService, Scope

START = 1_795_464_734_000
END = 1_795_464_741_000
STOCK_ERROR = "927a607288262b9a"
PAYMENT_ERROR = "f0e4079fd4a7c5d8"
CACHE_WARNING = "be543a3b3a985c7d"
BOOM_TRACE = "af23c3ce4b7f5c99d2efa23b3d48c5e3"
ORDER_TRACE = "d2d0ca8e7f9ab7951bedb507a05ab8c7"
NO_TRACE = "0" * 32
BEHIND_MS = 7_301

Open = Callable[..., ApmSource]


@pytest.fixture(scope="session")
def intake_url() -> Iterator[str]:
    with apm_harness.intake() as url:
        yield url


REAL = (pytest.mark.elastic, pytest.mark.serial, pytest.mark.timeout(400))
SOURCES = ("intake_url", *(pytest.param(name, marks=REAL) for name in ("elastic9", "elastic8", "elastic7")))


@pytest.fixture(params=SOURCES)
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    """Opens the source under test, for one service or for all."""
    address = request.getfixturevalue(request.param)
    kind = apm_harness.embedded if request.param == "intake_url" else apm_harness.elastic
    sources: list[ApmSource] = []

    def open_source(service: str | None = None, **scope: str) -> ApmSource:
        sources.append(kind(address, Scope(service, **scope)))
        return sources[-1]

    yield open_source
    for source in sources:
        await source.aclose()


@pytest.fixture
def source(opened: Open) -> ApmSource:
    return opened()


class TestSeries:
    async def test_transactions_fall_into_buckets_by_event_time(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000)
        assert [bucket.start_ms for bucket in series.buckets] == list(range(START, END, 1000))
        assert [bucket.transactions for bucket in series.buckets] == [0, 24, 32, 35, 1, 0, 0]
        assert [bucket.failed for bucket in series.buckets] == [0, 1, 1, 4, 0, 0, 0]
        assert [bucket.succeeded for bucket in series.buckets] == [0, 23, 31, 31, 1, 0, 0]
        assert [bucket.unknown for bucket in series.buckets] == [0] * 7

    async def test_errors_are_counted_beside(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000)
        assert [bucket.errors for bucket in series.buckets] == [0, 0, 0, 9, 0, 0, 0]

    async def test_results_are_split(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000)
        assert series.buckets[3].results == {"HTTP 2xx": 29, "HTTP 4xx": 2, "HTTP 5xx": 4}
        assert series.buckets[0].results == {}

    async def test_totals_are_over_the_whole_range(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000)
        assert (series.step_ms, series.transactions, series.failed, series.sampling) == (1000, 92, 6, 1)
        assert series.newest_ms == 1_795_464_738_009
        assert series.provisional_from_ms is None

    # Sources interpolate in ways of their own: percentiles lie between the two transactions next to the rank.
    async def test_latencies_of_the_range_are_those_of_its_transactions(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000)
        assert series.mean_us == pytest.approx(20160.28, abs=0.01)
        assert series.p50_us == pytest.approx(12_790, rel=0.035)
        assert series.p95_us == pytest.approx(48_700, rel=0.03)
        assert series.p99_us == pytest.approx(72_000, rel=0.015)

    async def test_latencies_of_a_bucket_are_those_of_its_transactions(self, source: ApmSource) -> None:
        first, second = (await source.series(START, END, 1000)).buckets[:2]
        assert (first.mean_us, first.p50_us, first.p95_us, first.p99_us) == (None, None, None, None)
        assert second.mean_us == pytest.approx(22382.33, abs=0.01)
        assert second.p50_us == pytest.approx(20_000, rel=0.2)
        assert second.p99_us == pytest.approx(43_000, rel=0.03)

    @pytest.mark.parametrize(
        ("step_ms", "counts"), [(7000, [92]), (2000, [24, 67, 1, 0]), (500, [0, 0, 8, 16, 14, 18, 15, 20])]
    )
    async def test_steps_may_have_any_width(self, source: ApmSource, step_ms: int, counts: list[int]) -> None:
        series = await source.series(START, END, step_ms)
        assert [bucket.transactions for bucket in series.buckets][: len(counts)] == counts

    async def test_ranges_need_no_alignment(self, source: ApmSource) -> None:
        series = await source.series(START + 300, START + 4300, 1000)
        assert [bucket.start_ms for bucket in series.buckets] == [START + 300 + n * 1000 for n in range(4)]
        assert [bucket.transactions for bucket in series.buckets] == [3, 31, 31, 27]

    async def test_a_range_without_transactions_is_zero_and_unknown(self, source: ApmSource) -> None:
        series = await source.series(END, END + 2000, 1000)
        assert [bucket.transactions for bucket in series.buckets] == [0, 0]
        assert (series.transactions, series.mean_us, series.p99_us, series.sampling) == (0, None, None, None)
        assert series.newest_ms == 1_795_464_738_009

    async def test_what_is_provisional_goes_by_the_clock_of_the_events(self, source: ApmSource) -> None:
        series = await source.series(START, END, 1000, START + 5000)
        assert series.provisional_from_ms in range(START + 1000, START + 5000, 1000)
        assert (await source.series(START, END, 1000, END + 10_000)).provisional_from_ms is None


class TestErrorGroups:
    async def test_groups_come_with_counts_names_and_times(self, source: ApmSource) -> None:
        groups = await source.error_groups(START, END)
        assert [group.key for group in groups] == [STOCK_ERROR, CACHE_WARNING, PAYMENT_ERROR]
        stock = groups[0]
        assert (stock.type, stock.message) == ("StockError", "StockError: no stock left for order 7")
        assert (stock.culprit, stock.handled, stock.stack_depth) == ("__main__.boom", True, 2)
        assert (stock.count, stock.first_ms, stock.last_ms) == (3, 1_795_464_737_717, 1_795_464_737_927)
        assert stock.names == {"StockError: no stock left for order 7": 3}
        assert stock.transactions == {"GET /boom": 3}
        assert stock.spark == (0, 0, 0, 3, 0, 0, 0)

    async def test_logged_errors_have_no_type_but_a_message(self, source: ApmSource) -> None:
        payment = (await source.error_groups(START, END))[2]
        assert (payment.type, payment.message) == ("", "payment provider acme answered 502")
        assert (payment.handled, payment.stack_depth) == (None, 18)

    async def test_only_errors_of_the_range_count(self, source: ApmSource) -> None:
        groups = await source.error_groups(START + 3800, START + 3930)
        assert {group.key: group.count for group in groups} == {
            STOCK_ERROR: 2,
            PAYMENT_ERROR: 1,
            CACHE_WARNING: 1,
        }
        assert await source.error_groups(END, END + 1000) == ()


class TestSamples:
    async def test_a_sample_has_its_stack_with_the_raise_site_last(self, source: ApmSource) -> None:
        sample = await source.error_sample(STOCK_ERROR, 0)
        assert sample is not None
        assert (sample.group, sample.index, sample.total) == (STOCK_ERROR, 0, 3)
        assert [(frame.function, frame.library) for frame in sample.frames] == [
            ("handle_request", True),
            ("boom", False),
        ]
        last = sample.frames[-1]
        assert (last.filename, last.line, last.module) == ("demo/app.py", 33, "__main__")
        assert last.context.strip().startswith("except KeyError as e: raise StockError")
        assert last.pre == ("async def boom(req):", "    try: reserve(7, 3)")
        assert sample.causes == (("KeyError", "KeyError: 'sku-7'"),)

    async def test_a_sample_knows_its_transaction(self, source: ApmSource) -> None:
        sample = await source.error_sample(STOCK_ERROR, 2)
        assert sample is not None
        assert (sample.id, sample.at_ms) == ("a3ca117717ae5989fa9fbcb09598f01f", 1_795_464_737_717)
        assert (sample.trace_id, sample.transaction_id) == (BOOM_TRACE, "113e87a20bf797b1")
        assert (sample.transaction_name, sample.sampled) == ("GET /boom", True)
        assert sample.labels == {"team": "shop", "region": "eu"}

    async def test_samples_are_paged_from_the_newest(self, source: ApmSource) -> None:
        samples = [await source.error_sample(STOCK_ERROR, n) for n in range(3)]
        times = [sample.at_ms for sample in samples if sample is not None]
        assert times == sorted(times, reverse=True)
        assert len(set(times)) == 3

    async def test_beyond_the_last_there_is_none(self, source: ApmSource) -> None:
        assert await source.error_sample(STOCK_ERROR, 3) is None
        assert await source.error_sample("no such group", 0) is None

    async def test_samples_can_be_confined_to_a_range(self, source: ApmSource) -> None:
        sample = await source.error_sample(STOCK_ERROR, 0, START, START + 3800)
        assert sample is not None
        assert (sample.at_ms, sample.total) == (1_795_464_737_717, 1)
        assert await source.error_sample(STOCK_ERROR, 1, START, START + 3800) is None

    async def test_logged_errors_show_the_stack_of_their_log(self, source: ApmSource) -> None:
        sample = await source.error_sample(PAYMENT_ERROR, 0)
        assert sample is not None
        assert sample.message == "payment provider acme answered 502"
        assert len(sample.frames) == 18


class TestTraces:
    async def test_a_trace_is_all_services_parts_in_time_order(self, source: ApmSource) -> None:
        trace = await source.trace(ORDER_TRACE)
        assert trace.sampled is True
        assert [(span.kind, span.name) for span in trace.spans] == [
            ("transaction", "GET /order/{id}"),
            ("span", "SELECT FROM orders"),
            ("span", "price"),
            ("span", "GET 127.0.0.1:9102"),
            ("transaction", "GET /stock/{id}"),
            ("span", "SELECT FROM orders"),
        ]
        root, database = trace.spans[:2]
        assert (root.parent_id, root.start_us, root.duration_us) == (None, 1_795_464_735_215_388, 36_769)
        assert (root.type, root.outcome) == ("request", "success")
        assert (database.parent_id, database.type, database.resource) == (root.id, "db", "sqlite")
        assert trace.spans[4].parent_id == trace.spans[3].id

    async def test_errors_are_part_of_their_trace(self, source: ApmSource) -> None:
        trace = await source.trace(BOOM_TRACE)
        error = trace.spans[-1]
        assert (error.kind, error.error_group, error.parent_id) == ("error", STOCK_ERROR, "113e87a20bf797b1")
        assert error.name == "StockError: no stock left for order 7"

    async def test_an_unknown_trace_is_empty(self, source: ApmSource) -> None:
        trace = await source.trace(NO_TRACE)
        assert (trace.trace_id, trace.spans, trace.sampled) == (NO_TRACE, (), None)


class TestJoin:
    async def test_traces_lead_to_their_error_groups(self, source: ApmSource) -> None:
        found = await source.groups_of([BOOM_TRACE, ORDER_TRACE, NO_TRACE])
        assert found == {BOOM_TRACE: (STOCK_ERROR,), ORDER_TRACE: ()}

    async def test_asking_for_no_trace_costs_nothing(self, source: ApmSource) -> None:
        assert await source.groups_of([]) == {}

    async def test_a_trace_leads_to_its_error(self, source: ApmSource) -> None:
        sample = await source.sample_of_trace(BOOM_TRACE)
        assert sample is not None
        assert (sample.id, sample.group) == ("a3ca117717ae5989fa9fbcb09598f01f", STOCK_ERROR)
        assert (sample.index, sample.total) == (2, 3)

    async def test_a_trace_without_error_leads_to_none(self, source: ApmSource) -> None:
        assert await source.sample_of_trace(ORDER_TRACE) is None
        assert await source.sample_of_trace(NO_TRACE) is None


class TestBreakdown:
    async def test_self_times_add_up_over_the_range(self, source: ApmSource) -> None:
        parts = (await source.breakdown(START, END)).parts
        assert [(part.type, part.subtype, part.count, part.sum_us) for part in parts] == [
            ("app", "", 132, 1_189_304),
            ("external", "http", 40, 634_066),
            ("db", "sqlite", 80, 31_396),
        ]

    async def test_an_empty_range_has_no_parts(self, source: ApmSource) -> None:
        assert (await source.breakdown(START, START + 1000)).parts == ()


class TestProcessMetrics:
    async def test_metrics_fall_into_buckets_and_gaps_are_unknown(self, opened: Open) -> None:
        metrics = await opened("shop-frontend").process_metrics(START, END, 1000)
        assert [metric.start_ms for metric in metrics] == list(range(START, END, 1000))
        assert metrics[0].cpu_share == pytest.approx(0.017544, abs=1e-6)
        assert metrics[0].system_cpu_share == pytest.approx(0.340852, abs=1e-6)
        assert metrics[0].rss_bytes == 46_104_576
        assert (metrics[1].cpu_share, metrics[1].system_cpu_share, metrics[1].rss_bytes) == (None, None, None)


class TestServices:
    async def test_services_are_listed_by_name(self, source: ApmSource) -> None:
        assert await source.services() == ("shop-frontend", "stock-service")

    async def test_one_service_is_seen_alone(self, opened: Open) -> None:
        front, stock = opened("shop-frontend"), opened("stock-service")
        assert (await front.series(START, END, 1000)).transactions == 52
        assert (await stock.series(START, END, 1000)).transactions == 40
        assert len(await front.error_groups(START, END)) == 3
        assert await stock.error_groups(START, END) == ()
        assert {part.type for part in (await stock.breakdown(START, END)).parts} == {"app", "db"}

    async def test_an_unknown_service_is_empty(self, opened: Open) -> None:
        nobody = opened("nobody")
        assert (await nobody.series(START, END, 1000)).transactions == 0
        assert (await nobody.series(START, END, 1000)).newest_ms is None
        assert await nobody.error_groups(START, END) == ()


class TestHealth:
    async def test_a_source_that_answers_is_healthy(self, source: ApmSource) -> None:
        health = await source.health()
        assert health.ok
        assert health.newest_ms == 1_795_464_738_009
        assert health.product


class TestTransactions:
    async def test_they_are_listed_by_the_time_they_took(self, source: ApmSource) -> None:
        groups = await source.transactions(START, END)
        counts = {group.name: (group.transactions, group.failed) for group in groups}
        assert counts == {
            "GET /order/{id}": (40, 0),
            "GET /stock/{id}": (40, 3),
            "GET /boom": (3, 3),
            "GET /warn": (3, 0),
            "POST /checkout": (3, 0),
            "GET unknown route": (3, 0),
        }
        assert [group.total_us for group in groups] == sorted((g.total_us for g in groups), reverse=True)
        assert sum(group.total_us for group in groups) == pytest.approx(92 * 20160.28, rel=1e-4)

    async def test_each_has_its_own_latencies(self, source: ApmSource) -> None:
        order = (await source.transactions(START, END))[0]
        assert order.name == "GET /order/{id}"
        assert order.mean_us is not None
        assert order.total_us == pytest.approx(40 * order.mean_us)
        assert order.p50_us is not None
        assert order.p99_us is not None
        assert order.p50_us < order.p99_us

    async def test_an_empty_range_has_none(self, source: ApmSource) -> None:
        assert await source.transactions(END, END + 1000) == ()

    async def test_other_types_are_seen_when_asked_for(self, opened: Open) -> None:
        assert await opened(transaction_type="messaging").transactions(START, END) == ()


class TestLatencyDistribution:
    async def test_bands_hold_every_transaction_once(self, source: ApmSource) -> None:
        found = await source.latency_distribution(START, END)
        assert found.transactions == 92
        assert sum(band.transactions for band in found.bands) == 92
        assert sum(band.failed for band in found.bands) == 6
        assert found.bands[0].transactions > 0
        assert found.bands[-1].transactions > 0
        assert found.p95_us == pytest.approx(48_700, rel=0.03)

    async def test_bands_are_those_of_the_edges_without_gaps(self, source: ApmSource) -> None:
        bands = (await source.latency_distribution(START, END)).bands
        edges = [band.low_us for band in bands]
        first = LATENCY_EDGES_US.index(edges[0])
        assert tuple(edges) == LATENCY_EDGES_US[first : first + len(edges)]
        assert all(band.high_us == after.low_us for band, after in pairwise(bands))
        sample = (await source.transaction_samples(START, END))[0]
        assert bands[-1].low_us <= sample.duration_us < (bands[-1].high_us or 0)

    async def test_one_name_alone(self, source: ApmSource) -> None:
        found = await source.latency_distribution(START, END, "GET /boom")
        assert (found.transactions, sum(band.failed for band in found.bands)) == (3, 3)
        nothing = await source.latency_distribution(START, END, "GET /nothing")
        assert (nothing.transactions, nothing.bands, nothing.p95_us) == (0, (), None)


class TestTransactionSamples:
    async def test_the_slowest_come_first(self, source: ApmSource) -> None:
        samples = await source.transaction_samples(START, END, limit=5)
        durations = [sample.duration_us for sample in samples]
        assert len(durations) == 5
        assert durations == sorted(durations, reverse=True)
        assert durations[0] == 72_816
        trace = await source.trace(samples[0].trace_id)
        assert samples[0].transaction_id in [span.id for span in trace.spans]

    async def test_a_band_and_a_name_narrow_them_down(self, source: ApmSource) -> None:
        boom = await source.transaction_samples(START, END, "GET /boom")
        assert [(sample.name, sample.outcome, sample.result) for sample in boom] == [
            ("GET /boom", "failure", "HTTP 5xx")
        ] * 3
        middle = boom[1].duration_us
        found = await source.transaction_samples(START, END, "GET /boom", middle, middle + 1)
        assert [sample.transaction_id for sample in found] == [boom[1].transaction_id]
        assert await source.transaction_samples(START, END, "GET /nothing") == ()


class TestDependencies:
    async def test_what_was_called_with_its_operations(self, source: ApmSource) -> None:
        found = {dependency.resource: dependency for dependency in await source.dependencies(START, END)}
        assert found.keys() == {"sqlite", "127.0.0.1:9102"}
        database, http = found["sqlite"], found["127.0.0.1:9102"]
        assert (database.type, database.subtype, database.calls, database.failed) == ("db", "sqlite", 80, 0)
        assert database.operations == {"SELECT FROM orders": 80}
        assert (http.type, http.subtype, http.calls, http.failed) == ("external", "http", 40, 3)
        assert http.mean_us is not None
        assert http.p95_us is not None
        assert database.mean_us is not None
        assert http.mean_us > database.mean_us

    async def test_what_took_the_most_time_comes_first(self, source: ApmSource) -> None:
        found = await source.dependencies(START, END)
        assert [dependency.resource for dependency in found] == ["127.0.0.1:9102", "sqlite"]
        assert await source.dependencies(END, END + 1000) == ()

    async def test_of_one_service_alone(self, opened: Open) -> None:
        found = await opened("stock-service").dependencies(START, END)
        assert [(dependency.resource, dependency.calls) for dependency in found] == [("sqlite", 40)]


class TestOverview:
    async def test_every_service_has_its_figures(self, source: ApmSource) -> None:
        front, stock = await source.overview(START, END)
        assert (front.name, front.transactions, front.failed, front.errors) == ("shop-frontend", 52, 3, 9)
        assert (stock.name, stock.transactions, stock.failed, stock.errors) == ("stock-service", 40, 3, 0)
        assert front.mean_us is not None
        assert front.p95_us is not None

    async def test_nothing_in_the_range_is_nothing(self, opened: Open) -> None:
        assert await opened().overview(END, END + 1000) == ()
        assert [one.name for one in await opened("stock-service").overview(START, END)] == ["stock-service"]


class TestErrorNames:
    async def test_a_group_is_split_by_message(self, source: ApmSource) -> None:
        (only,) = await source.error_names(STOCK_ERROR, START, END)
        assert (only.message, only.count) == ("StockError: no stock left for order 7", 3)
        assert (only.first_ms, only.last_ms) == (1_795_464_737_717, 1_795_464_737_927)
        assert only.spark == (0, 0, 0, 3, 0, 0, 0)
        assert await source.error_names("0" * 16, START, END) == ()

    async def test_samples_of_one_message_are_paged_alone(self, source: ApmSource) -> None:
        name = "StockError: no stock left for order 7"
        found = await source.error_sample(STOCK_ERROR, 2, name=name)
        assert found is not None
        assert (found.index, found.total) == (2, 3)
        assert await source.error_sample(STOCK_ERROR, 0, name="another") is None


class TestDiscovery:
    async def test_services_with_environments_and_types(self, source: ApmSource) -> None:
        assert await source.discover() == (
            FoundService("shop-frontend", ("test",), ("request",)),
            FoundService("stock-service", ("test",), ("request",)),
        )

    async def test_an_environment_is_seen_alone(self, opened: Open) -> None:
        test, other = opened(environment="test"), opened(environment="production")
        assert (await test.series(START, END, 1000)).transactions == 92
        assert (await other.series(START, END, 1000)).transactions == 0
        assert await other.error_groups(START, END) == ()
        assert (await other.breakdown(START, END)).parts == ()


class TestAnotherClock:
    async def test_on_a_clock_that_is_behind_all_stands_earlier(self, source: ApmSource) -> None:
        ours = ClockedSource(source, lambda: BEHIND_MS * 1000, lambda: START + 5000 - BEHIND_MS)
        span = (START - BEHIND_MS, END - BEHIND_MS)
        series, theirs = await ours.series(*span, 1000), await source.series(START, END, 1000, START + 5000)
        assert [bucket.transactions for bucket in series.buckets] == [0, 24, 32, 35, 1, 0, 0]
        assert [bucket.start_ms for bucket in series.buckets] == list(range(*span, 1000))
        assert series.newest_ms == 1_795_464_738_009 - BEHIND_MS
        assert theirs.provisional_from_ms is not None
        assert series.provisional_from_ms == theirs.provisional_from_ms - BEHIND_MS
        (stock, *_), (named,) = await ours.error_groups(*span), await ours.error_names(STOCK_ERROR, *span)
        times = (1_795_464_737_717 - BEHIND_MS, 1_795_464_737_927 - BEHIND_MS)
        assert (stock.first_ms, stock.last_ms) == (named.first_ms, named.last_ms) == times
        sample = await ours.error_sample(STOCK_ERROR, 0, *span)
        assert sample is not None
        assert (sample.at_ms, sample.total) == (times[1], 3)
        assert (await ours.trace(ORDER_TRACE)).spans[0].start_us == 1_795_464_735_215_388 - BEHIND_MS * 1000
        assert (await ours.health()).newest_ms == series.newest_ms

    async def test_ranges_are_those_of_the_service(self, source: ApmSource) -> None:
        ours = ClockedSource(source, lambda: BEHIND_MS * 1000, lambda: START)
        span = (START - BEHIND_MS, END - BEHIND_MS)
        assert await ours.transactions(*span) == await source.transactions(START, END)
        assert await ours.latency_distribution(*span) == await source.latency_distribution(START, END)
        assert await ours.dependencies(*span) == await source.dependencies(START, END)
        assert await ours.overview(*span) == await source.overview(START, END)
        assert await ours.breakdown(*span) == await source.breakdown(START, END)
        samples = zip(
            await ours.transaction_samples(*span), await source.transaction_samples(START, END), strict=True
        )
        assert {theirs.at_ms - own.at_ms for own, theirs in samples} == {BEHIND_MS}
        metrics = zip(
            await ours.process_metrics(*span, 1000),
            await source.process_metrics(START, END, 1000),
            strict=True,
        )
        assert {theirs.start_ms - own.start_ms for own, theirs in metrics} == {BEHIND_MS}
        assert await ours.discover() == await source.discover()
        assert await ours.services() == await source.services()
        assert await ours.groups_of([BOOM_TRACE]) == {BOOM_TRACE: (STOCK_ERROR,)}
        sample = await ours.sample_of_trace(BOOM_TRACE)
        assert sample is not None
        assert sample.at_ms == 1_795_464_737_717 - BEHIND_MS
