"""The Elasticsearch source when things go wrong: told in one sentence, retried later, never fatal."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from stressdash.apm.batch import SearchBatch
from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.apm.queries import Search
from stressdash.errors import SourceError
from stressdash.samples import LatencyDistribution, Scope

Json = dict[str, Any]
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
NOW_MS = 1_795_464_740_000
PRODUCT = {"X-Elastic-Product": "Elasticsearch"}
EMPTY: Json = {"took": 1, "timed_out": False, "_shards": {"total": 0, "failed": 0}, "hits": {"hits": []}}


def json_answer(value: Any, status: int = 200) -> web.Response:
    body = json.dumps(value).encode()
    return web.Response(body=body, status=status, headers={**PRODUCT, "Content-Type": "application/json"})


class FakeElasticsearch:
    """Answers every search with `answer`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answer: Json = EMPTY
        self.status = 200
        self.error: Json = {}
        self.rights: Json | None = None
        """Whether an index pattern may be read; None where nobody is asked for credentials."""
        self.requests: list[list[Json]] = []
        self.headers: list[str] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.headers.append(request.headers.get("Authorization", ""))
        if request.path == "/":
            return json_answer({"error": {"reason": "no cluster rights"}}, 403)
        if request.path == "/_security/user/_has_privileges":
            if self.rights is None:
                return json_answer({"error": "no handler found for uri"}, 400)
            return json_answer({"index": {name: {"read": may} for name, may in self.rights.items()}})
        lines = [json.loads(line) for line in (await request.text()).splitlines()]
        self.requests.append(lines)
        if self.status != 200:
            return json_answer({"error": self.error, "status": self.status}, self.status)
        return json_answer({"responses": [self.answer] * (len(lines) // 2)})


async def until_healthy(source: ElasticSource) -> None:
    async with asyncio.timeout(60):
        while not (await source.health()).ok:  # noqa: ASYNC110  the source waits before it asks again
            await asyncio.sleep(0.05)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[ElasticSource]]]:
    """A source over a server that answers in the given way."""
    closers: list[Any] = []

    async def start(answer: Answer, **credentials: str) -> ElasticSource:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        source = ElasticSource(Connection(url, **credentials), Scope("stats"), lambda: NOW_MS)
        closers.extend((runner.cleanup, source.aclose))
        return source

    yield start
    for close in reversed(closers):
        await close()


class TestAnswersWithoutData:
    async def test_missing_indices_are_an_empty_series(self, serve: Any) -> None:
        series = await (await serve(FakeElasticsearch().handle)).series(0, 2000, 1000)
        assert [bucket.transactions for bucket in series.buckets] == [0, 0]
        assert (series.newest_ms, series.sampling, series.p99_us) == (None, None, None)

    async def test_every_question_has_an_empty_answer(self, serve: Any) -> None:
        source = await serve(FakeElasticsearch().handle)
        assert await source.error_groups(0, 1000) == ()
        assert await source.error_sample("k", 0) is None
        assert (await source.trace("t")).spans == ()
        assert (await source.breakdown(0, 1000)).parts == ()
        assert await source.groups_of(["t"]) == {}
        assert await source.sample_of_trace("t") is None
        assert await source.services() == ()
        assert await source.discover() == ()
        assert await source.transactions(0, 1000) == ()
        assert await source.latency_distribution(0, 1000) == LatencyDistribution()
        assert await source.transaction_samples(0, 1000) == ()
        assert await source.dependencies(0, 1000) == ()
        assert await source.overview(0, 1000) == ()
        assert await source.error_names("k", 0, 1000) == ()
        assert [metric.cpu_share for metric in await source.process_metrics(0, 1000, 1000)] == [None]

    async def test_a_page_beyond_the_reach_of_elasticsearch_is_none(self, serve: Any) -> None:
        fake = FakeElasticsearch()
        assert await (await serve(fake.handle)).error_sample("k", 10_000) is None
        assert fake.requests == []

    @pytest.mark.parametrize(
        "value", [None, 3, "text", [], [None], {}, {"buckets": 3}, {"buckets": [None, 3]}]
    )
    async def test_aggregations_of_any_form_do_no_harm(self, serve: Any, value: Any) -> None:
        fake = FakeElasticsearch()
        names = (
            "buckets",
            "outcomes",
            "percentiles",
            "mean",
            "groups",
            "traces",
            "types",
            "services",
            "before",
            "transactions",
            "bands",
            "dependencies",
            "weight",
        )
        fake.answer = {**EMPTY, "aggregations": dict.fromkeys(names, value)}
        source = await serve(fake.handle)
        assert (await source.series(0, 1000, 1000)).transactions == 0
        assert len(await source.error_groups(0, 1000)) == 0
        assert (await source.breakdown(0, 1000)).parts == ()
        assert await source.services() == ()
        assert await source.transactions(0, 1000) == ()
        assert (await source.latency_distribution(0, 1000)).bands == ()
        assert await source.dependencies(0, 1000) == ()
        assert await source.overview(0, 1000) == ()

    @pytest.mark.parametrize("value", [None, 3, "text", [], {}, [{}], {"us": "x"}, True, "\x1b[31m", 1e400])
    async def test_documents_with_fields_of_wrong_types_are_shown_as_far_as_they_go(
        self, serve: Any, value: Any
    ) -> None:
        names = ("error", "transaction", "span", "event", "timestamp", "labels", "processor")
        fake = FakeElasticsearch()
        broken = {**dict.fromkeys(names, value), "trace": {"id": "t"}}
        kept = {"trace": {"id": "t"}, "processor": {"event": "transaction"}, "transaction": value}
        fake.answer = {
            **EMPTY,
            "hits": {"hits": [{"_source": broken}, {"_source": kept}, {"_source": value}]},
        }
        source = await serve(fake.handle)
        assert [sample.trace_id for sample in await source.transaction_samples(0, 1000)] == ["t", "t"]
        assert [span.kind for span in (await source.trace("t")).spans] == ["transaction"]
        assert (await source.error_sample("k", 0)) is not None

    async def test_a_stack_of_a_megabyte_is_shown_whole(self, serve: Any) -> None:
        frames = [{"function": f"f{n}", "line": {"context": "x" * 1000}} for n in range(1100)]
        document = {"error": {"exception": [{"type": "T", "stacktrace": frames}]}}
        fake = FakeElasticsearch()
        fake.answer = {**EMPTY, "hits": {"hits": [{"_source": document}]}}
        sample = await (await serve(fake.handle)).error_sample("k", 0)
        assert sample is not None
        assert len(sample.frames) == 1100


class TestOlderStacks:
    async def test_without_outcomes_the_result_tells(self, serve: Any) -> None:
        def result(key: str, weight: float) -> Json:
            return {"key": key, "doc_count": 1, "weight": {"value": weight}}

        results = {"buckets": [result("HTTP 2xx", 6.0), result("HTTP 5xx", 3.0), result("", 1.0)]}
        outcomes = {"buckets": [{"key": "absent", "results": results}]}
        bucket = {"key": 0, "doc_count": 5, "outcomes": outcomes}
        fake = FakeElasticsearch()
        fake.answer = {**EMPTY, "aggregations": {"outcomes": outcomes, "buckets": {"buckets": [bucket]}}}
        series = await (await serve(fake.handle)).series(0, 1000, 1000)
        found = series.buckets[0]
        assert (found.succeeded, found.failed, found.unknown) == (6, 3, 1)
        assert (series.transactions, series.sampling) == (10, 0.5)

    async def test_without_grouping_names_the_newest_message_names_the_group(self, serve: Any) -> None:
        source_document = {"error": {"exception": [{"type": "T", "message": "m"}]}}
        newest = {"hits": {"hits": [{"_source": source_document}]}}
        bucket = {"key": "k", "doc_count": 4, "newest": newest, "names": {"buckets": []}}
        fake = FakeElasticsearch()
        fake.answer = {**EMPTY, "aggregations": {"groups": {"buckets": [bucket]}}}
        (group,) = await (await serve(fake.handle)).error_groups(0, 1000)
        assert (group.message, group.names, group.type) == ("m", {"m": 4}, "T")


class TestProvisional:
    async def test_the_newest_buckets_may_still_grow(self, serve: Any) -> None:
        source = await serve(FakeElasticsearch().handle)
        series = await source.series(NOW_MS - 5000, NOW_MS + 1000, 1000)
        assert series.provisional_from_ms == NOW_MS - 2000
        assert (await source.series(NOW_MS - 9000, NOW_MS - 5000, 1000)).provisional_from_ms is None


class TestRights:
    """A real node that hides what may not be read is in `tests/contracts`."""

    NONE = dict.fromkeys(
        ("traces-apm*", "logs-apm.error*", "metrics-apm.internal*", "apm-*-transaction*", "apm-*-span*",
         "apm-*-error*", "apm-*-metric*"),
        False,
    )  # fmt: skip

    async def detail(self, serve: Any, fake: FakeElasticsearch) -> str:
        source = await serve(fake.handle)
        first = await source.health()
        assert first.ok
        assert (await source.health()).detail == first.detail
        return first.detail

    async def test_that_hide_everything_are_told(self, serve: Any) -> None:
        fake = FakeElasticsearch()
        fake.rights = self.NONE
        told = await self.detail(serve, fake)
        assert told.startswith("the credentials may see no transactions, no errors, no metrics:")

    async def test_to_the_indices_of_either_generation_are_enough(self, serve: Any) -> None:
        fake = FakeElasticsearch()
        fake.rights = {**self.NONE, "apm-*-error*": True, "traces-apm*": True}
        assert (await self.detail(serve, fake)).startswith("the credentials may see no metrics:")

    async def test_are_not_the_reason_where_nobody_is_asked_for_credentials(self, serve: Any) -> None:
        assert not await self.detail(serve, FakeElasticsearch())

    async def test_are_not_looked_at_where_documents_are_seen(self, serve: Any) -> None:
        fake = FakeElasticsearch()
        fake.rights = self.NONE
        fake.answer = {**EMPTY, "_shards": {"total": 1, "failed": 0}}
        assert not await self.detail(serve, fake)


class TestTrouble:
    @pytest.mark.parametrize(
        ("status", "sentence"),
        [
            (401, "refused the credentials"),
            (403, "does not let these credentials read"),
            (429, "answered 429"),
            (503, "answered 503"),
        ],
    )
    async def test_refusals_are_told(self, serve: Any, status: int, sentence: str) -> None:
        fake = FakeElasticsearch()
        fake.status = status
        source = await serve(fake.handle)
        with pytest.raises(SourceError, match=sentence):
            await source.services()
        health = await source.health()
        assert not health.ok
        assert sentence in health.detail

    async def test_another_product_is_recognised(self, serve: Any) -> None:
        async def chat(_: web.Request) -> web.Response:
            return web.json_response({"responses": [EMPTY]})

        with pytest.raises(SourceError, match="what answers is not Elasticsearch"):
            await (await serve(chat)).services()

    async def test_nobody_there_is_told(self) -> None:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            source = ElasticSource(Connection(f"http://127.0.0.1:{nobody.getsockname()[1]}"))
            with pytest.raises(SourceError, match="cannot be reached"):
                await source.services()
            await source.aclose()

    async def test_a_search_that_fails_is_told_in_elasticsearchs_words(self, serve: Any) -> None:
        fake = FakeElasticsearch()
        fake.answer = {"error": {"root_cause": [{"reason": "all shards failed: red"}]}, "status": 503}
        with pytest.raises(SourceError, match="could not search: all shards failed: red"):
            await (await serve(fake.handle)).services()

    @pytest.mark.parametrize("kind", ["es_rejected_execution_exception", "circuit_breaking_exception"])
    async def test_one_that_is_too_busy_is_told_and_asked_again(self, serve: Any, kind: str) -> None:
        fake = FakeElasticsearch()
        refused = {"root_cause": [{"type": kind, "reason": "rejected execution of TimedRunnable"}]}
        fake.answer = {"error": refused, "status": 429}
        source = await serve(fake.handle)
        with pytest.raises(SourceError, match=r"could not search: it has .* it is asked again"):
            await source.services()
        fake.answer = EMPTY
        await until_healthy(source)
        fake.status, fake.error = 429, refused
        with pytest.raises(SourceError, match=r"answered 429: it has .* it is asked again"):
            await source.services()
        fake.status = 200
        await until_healthy(source)

    async def test_a_red_index_is_told_and_asked_again(self, serve: Any) -> None:
        fake = FakeElasticsearch()
        red = {"type": "no_shard_available_action_exception", "reason": "[node][indices:data/read/search]"}
        fake.answer = {"error": {"root_cause": [red], "reason": "all shards failed"}, "status": 503}
        source = await serve(fake.handle)
        with pytest.raises(SourceError, match="no copy of an index is available: it is red"):
            await source.services()
        fake.answer = EMPTY
        await until_healthy(source)

    @pytest.mark.parametrize(
        ("answer", "detail"),
        [
            ({"_shards": {"total": 5, "failed": 2}}, "2 of 5 shards failed, figures are incomplete"),
            ({"timed_out": True}, "a search ran out of time and is incomplete"),
            ({}, ""),
        ],
    )
    async def test_partial_answers_are_used_and_told(self, serve: Any, answer: Json, detail: str) -> None:
        fake = FakeElasticsearch()
        fake.answer = {**EMPTY, **answer}
        source = await serve(fake.handle)
        assert (await source.series(0, 1000, 1000)).transactions == 0
        health = await source.health()
        assert (health.ok, health.detail) == (True, detail)

    async def test_a_key_without_cluster_rights_is_healthy(self, serve: Any) -> None:
        health = await (await serve(FakeElasticsearch().handle)).health()
        assert (health.ok, health.product) == (True, "Elasticsearch")


class TestCredentials:
    @pytest.mark.parametrize(
        ("given", "header"),
        [
            ({"api_key": "a2V5"}, "ApiKey a2V5"),
            ({"bearer": "token"}, "Bearer token"),
            ({"username": "u", "password": "p"}, "Basic dTpw"),
        ],
    )
    async def test_they_are_sent(self, serve: Any, given: dict[str, str], header: str) -> None:
        fake = FakeElasticsearch()
        await (await serve(fake.handle, **given)).services()
        assert fake.headers == [header]

    def test_secrets_are_in_no_representation(self) -> None:
        shown = repr(Connection("http://x", api_key="s3", username="u", password="s3", bearer="s3"))
        assert "s3" not in shown
        assert "http://x" in shown


def search(name: str) -> Search:
    return Search(name, {})


class TestBatch:
    async def test_questions_of_one_moment_are_one_request(self) -> None:
        sent: list[list[str]] = []

        async def send(searches: Any) -> list[Json]:
            sent.append([each.index for each in searches])
            return [{"index": each.index} for each in searches]

        batch = SearchBatch(send, lambda: 0.0)
        asked = [batch.ask(search("a"), search("b")), batch.ask(search("c"))]
        assert await asyncio.gather(*asked) == [[{"index": "a"}, {"index": "b"}], [{"index": "c"}]]
        await batch.ask(search("d"))
        assert sent == [["a", "b", "c"], ["d"]]

    async def test_what_two_ask_alike_goes_out_once(self) -> None:
        sent: list[list[str]] = []

        async def send(searches: Any) -> list[Json]:
            sent.append([each.index for each in searches])
            return [{"index": each.index} for each in searches]

        batch = SearchBatch(send, lambda: 0.0)
        answers = await asyncio.gather(
            batch.ask(search("a"), search("b")), batch.ask(search("b"), search("c"))
        )
        assert answers == [[{"index": "a"}, {"index": "b"}], [{"index": "b"}, {"index": "c"}]]
        assert sent == [["a", "b", "c"]]

    async def test_after_a_failure_it_waits_longer_and_longer(self) -> None:
        now, asked, broken = 0.0, 0, True

        async def send(searches: Any) -> list[Json]:
            nonlocal asked
            asked += 1
            if broken:
                raise SourceError("down")
            return [{} for _ in searches]

        batch = SearchBatch(send, lambda: now)
        for pause in (0.5, 1, 2, 4, 8, 8):
            before = asked
            with pytest.raises(SourceError, match="down"):
                await batch.ask(search("a"))
            now += pause - 0.01
            with pytest.raises(SourceError, match="down"):
                await batch.ask(search("a"))
            assert asked == before + 1
            now += 0.02
        broken = False
        assert await batch.ask(search("a")) == [{}]

    async def test_a_question_that_was_given_up_is_not_sent(self) -> None:
        sent: list[int] = []

        async def send(searches: Any) -> list[Json]:
            sent.append(len(searches))
            return [{} for _ in searches]

        batch = SearchBatch(send, lambda: 0.0)
        given_up = asyncio.ensure_future(batch.ask(search("a"), search("b")))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        assert await batch.ask(search("c")) == [{}]
        assert sent == [1]

    async def test_a_mistake_reaches_whoever_asked(self) -> None:
        async def send(_: Any) -> list[Json]:
            raise ValueError("no such thing")

        batch = SearchBatch(send, lambda: 0.0)
        with pytest.raises(ValueError, match="no such thing"):
            await batch.ask(search("a"), search("b"))

    async def test_closing_gives_up_what_is_under_way(self) -> None:
        started = asyncio.Event()

        async def send(_: Any) -> list[Json]:
            started.set()
            await asyncio.Event().wait()
            return []

        batch = SearchBatch(send, lambda: 0.0)
        asking = asyncio.create_task(batch.ask(search("a")))
        await started.wait()
        await batch.aclose()
        with pytest.raises(asyncio.CancelledError):
            await asking
