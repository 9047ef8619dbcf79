"""Forwarding to an Elasticsearch: nothing lost while there is room, all told, the intake never waits."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient as Client
from aiohttp.test_utils import TestServer
from apm_events import AT_US, METADATA, body, line, span, transaction

from stressdash.embedded.apm import forward
from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.forward import Forwarder
from stressdash.embedded.apm.server import application
from stressdash.embedded.apm.upstream import Upstream
from stressdash.errors import BadInput

Json = dict[str, Any]
BASE = base_document(METADATA, AT_US)
URL = "http://127.0.0.1:9200"


class FakeElasticsearch:
    """Keeps what it is sent; `status` and `refuse` say what it answers."""

    def __init__(self) -> None:
        self.status = 200
        self.templates_status = 0
        """Where it is not that of everything else."""
        self.refuse: Callable[[Json], int] = lambda _: 201
        self.templates: dict[str, Json] = {}
        self.documents: list[tuple[str, Json]] = []
        self.product = ""
        """What another product answers to everything."""
        self.requests = 0
        self.authorization = ""
        self.largest = 1 << 30

    async def handle(self, request: web.Request) -> web.Response:
        self.requests += 1
        self.authorization = request.headers.get("Authorization", "")
        if self.product:
            return web.Response(text=self.product)
        if len(await request.read()) > self.largest:
            return web.Response(status=413)
        makes_template = request.path.startswith("/_index_template/")
        status = (makes_template and self.templates_status) or self.status
        if status != 200:
            return web.json_response({"error": "not now"}, status=status)
        if makes_template:
            self.templates[request.path.rpartition("/")[2]] = await request.json()
            return web.json_response({"acknowledged": True})
        lines = [json.loads(text) for text in (await request.text()).splitlines()]
        if not lines:
            return web.json_response({"error": "request body is required"}, status=400)
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            status = self.refuse(document)
            if status == 201:
                self.documents.append((action["create"]["_index"], document))
            items.append({"create": {"status": status, "error": {"reason": "mapper says no"}}})
        return web.json_response({"errors": False, "items": items})


@pytest.fixture
async def fake() -> AsyncIterator[tuple[FakeElasticsearch, str]]:
    served = FakeElasticsearch()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", served.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield served, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(forward, "LONGEST_PAUSE_S", 0.02)
    monkeypatch.setattr(forward, "GATHER_S", 0.01)


@asynccontextmanager
async def forwarding(url: str, **options: Any) -> AsyncIterator[tuple[Forwarder, list[str]]]:
    told: list[str] = []
    forwarder = Forwarder(Upstream(url), told.append, **options)
    running = forwarder.running()
    await anext(running)
    yield forwarder, told
    with pytest.raises(StopAsyncIteration):
        await anext(running)


@asynccontextmanager
async def serving(upstream: Upstream | None = None) -> AsyncIterator[tuple[Client, Callable[[], str]]]:
    """An intake, and what it wrote into its log so far."""
    log = io.StringIO()
    with contextlib.redirect_stderr(log):
        async with Client(TestServer(application("", 100, upstream=upstream))) as client:
            yield client, log.getvalue


async def take_in(client: Client, number: int) -> None:
    headers = {"Content-Type": "application/x-ndjson"}
    data = body(line("transaction", transaction(number)))
    async with client.post("/intake/v2/events", data=data, headers=headers) as response:
        assert response.status == 202


def event(number: int) -> Line:
    return Line(line("transaction", transaction(number)), BASE, f"{number:032x}")


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  nothing tells of it
            await asyncio.sleep(0.01)


Fake = tuple[FakeElasticsearch, str]


class TestForwarder:
    async def test_documents_reach_the_data_streams_of_apm_server(self, fake: Fake) -> None:
        served, url = fake
        async with forwarding(url) as (forwarder, told):
            forwarder.offer(event(1))
            forwarder.offer(Line(line("span", span(1)), BASE, None))
            await until(lambda: forwarder.sent == 2)
        assert [index for index, _ in served.documents] == ["traces-apm-default"] * 2
        assert served.documents[0][1]["transaction"]["duration"] == {"us": 10_000}
        assert told == []
        assert forwarder.told() == f"forwarded 2 events to {url}"

    async def test_templates_come_before_the_first_document(self, fake: Fake) -> None:
        served, url = fake
        async with forwarding(url) as (forwarder, _):
            forwarder.offer(event(1))
            await until(lambda: forwarder.sent == 1)
        patterns = sorted(pattern for each in served.templates.values() for pattern in each["index_patterns"])
        assert patterns == ["logs-apm.*-*", "metrics-apm.*-*", "traces-apm-*"]
        assert all("data_stream" in each for each in served.templates.values())

    async def test_who_may_not_make_templates_does_with_those_that_are_there(self, fake: Fake) -> None:
        served, url = fake
        served.templates_status = 403
        async with forwarding(url) as (forwarder, told):
            forwarder.offer(event(1))
            await until(lambda: forwarder.sent == 1)
        assert told == ["these credentials may not make index templates: those of the cluster are used"]
        assert not served.templates

    async def test_when_all_is_sent_it_waits_for_more(self, fake: Fake) -> None:
        _, url = fake
        async with forwarding(url) as (forwarder, told):
            for number in range(3):
                forwarder.offer(event(number))
                await until(lambda number=number: forwarder.sent == number + 1)
                await asyncio.sleep(3 * forward.GATHER_S)
        assert told == []

    async def test_a_full_batch_waits_for_nobody(self, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forward, "GATHER_S", 3600)
        _, url = fake
        async with forwarding(url) as (forwarder, _):
            for number in range(forward.BATCH_EVENTS):
                forwarder.offer(event(number))
            await until(lambda: forwarder.sent == forward.BATCH_EVENTS)

    async def test_others_have_their_turn_while_a_batch_is_made(
        self, fake: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        turns = 0
        made_in: Counter[int] = Counter()

        async def take_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        def counted(each: Line) -> forward.Made:
            made_in[turns] += 1
            return make(each)

        make = forward.made
        monkeypatch.setattr(forward, "made", counted)
        others = asyncio.create_task(take_turns())
        async with forwarding(fake[1]) as (forwarder, _):
            for number in range(forward.BATCH_EVENTS):
                forwarder.offer(event(number))
            await until(lambda: forwarder.sent == forward.BATCH_EVENTS)
        others.cancel()
        assert max(made_in.values()) <= forward.PIECE_EVENTS

    async def test_the_end_sends_what_is_left(self, fake: Fake) -> None:
        served, url = fake
        async with forwarding(url) as (forwarder, _):
            for number in range(2500):
                forwarder.offer(event(number))
        assert len(served.documents) == 2500
        assert len({document["trace"]["id"] for _, document in served.documents}) == 2500


class TestTrouble:
    @pytest.mark.parametrize("status", [401, 403, 429, 503])
    async def test_what_was_refused_is_sent_again(self, fake: Fake, status: int) -> None:
        served, url = fake
        served.status = status
        async with forwarding(url) as (forwarder, told):
            forwarder.offer(event(1))
            await until(lambda: served.requests >= 3)
            assert f"answered {status}" in forwarder.told()
            served.status = 200
            await until(lambda: forwarder.sent == 1)
            await until(lambda: "trying" not in forwarder.told())
        assert forwarder.dropped == 0
        trying, works = (words for words in told if "templates" not in words)
        assert trying.startswith("trying again: ")
        assert works == "it works again"

    async def test_busy_shards_get_only_their_documents_again(self, fake: Fake) -> None:
        served, url = fake
        busy = {f"{n:032x}" for n in (1, 3)}

        def refuse(document: Json) -> int:
            trace = document["trace"]["id"]
            if trace in busy:
                busy.discard(trace)
                return 429
            return 201

        served.refuse = refuse
        async with forwarding(url) as (forwarder, _):
            for number in range(5):
                forwarder.offer(event(number))
            await until(lambda: forwarder.sent == 5)
        traces = [document["trace"]["id"] for _, document in served.documents]
        assert sorted(traces) == [f"{number:032x}" for number in range(5)]

    async def test_documents_that_are_refused_for_what_they_are_count_as_dropped(self, fake: Fake) -> None:
        served, url = fake
        served.refuse = lambda document: 400 if document["trace"]["id"].endswith("1") else 201
        async with forwarding(url) as (forwarder, told):
            for number in range(3):
                forwarder.offer(event(number))
            await until(lambda: forwarder.sent == 2)
        assert forwarder.dropped == 1
        assert "1 dropped: mapper says no" in forwarder.told()
        assert told == ["events are dropped: mapper says no"]

    async def test_a_full_queue_drops_what_comes_and_counts_it(self, fake: Fake) -> None:
        served, url = fake
        served.status = 503
        size = len(event(1).text)
        async with forwarding(url, queue_bytes=10 * size + 5) as (forwarder, _):
            await until(lambda: served.requests >= 1)
            for number in range(25):
                forwarder.offer(event(number))
            assert forwarder.dropped == 15
            assert "10 wait; 15 dropped: the queue was full" in forwarder.told()
            served.status = 200
            await until(lambda: forwarder.sent == 10)

    async def test_a_batch_that_is_too_large_goes_in_parts(self, fake: Fake) -> None:
        served, url = fake
        served.largest = 10_000
        sizes = [100, 100, 20_000, 100, 100, 100, 3_000]
        async with forwarding(url) as (forwarder, told):
            for number, size in enumerate(sizes):
                text = line("transaction", transaction(number, name="x" * size))
                forwarder.offer(Line(text, BASE, f"{number:032x}"))
            await until(lambda: forwarder.sent + forwarder.dropped == len(sizes))
        traces = [int(document["trace"]["id"], 16) for _, document in served.documents]
        assert traces == [0, 1, 3, 4, 5, 6]
        assert told == [f"events are dropped: {url} takes no request as large as this"]

    async def test_large_documents_are_sent_in_small_batches(
        self, fake: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        served, url = fake
        monkeypatch.setattr(forward, "BATCH_BYTES", 5_000)
        async with forwarding(url) as (forwarder, _):
            for number in range(20):
                text = line("transaction", transaction(number, name="x" * 2_000))
                forwarder.offer(Line(text, BASE, f"{number:032x}"))
            await until(lambda: forwarder.sent == 20)
        assert served.requests >= 20 // 3 + len(served.templates)

    @pytest.mark.parametrize(
        "product", ["[]", "{}", '{"items": 3}', '{"items": [{}]}', '{"items": [{"create": {}}]}']
    )
    async def test_answers_of_any_form_are_asked_for_again(self, fake: Fake, product: str) -> None:
        served, url = fake
        async with forwarding(url) as (forwarder, told):
            await until(lambda: len(served.templates) == 3)
            served.product = product
            forwarder.offer(event(1))
            await until(lambda: bool(told))
            served.product = ""
            await until(lambda: forwarder.sent == 1)
        assert told[0].startswith("trying again: ")

    async def test_a_mistake_of_ours_is_told(self, fake: Fake) -> None:
        _, url = fake
        async with forwarding(url) as (forwarder, told):
            forwarder.offer(Line(b'{"unheard": {}}', BASE, None))
            await until(lambda: bool(told))
            assert "it ended with " in forwarder.trouble()

    async def test_another_product_is_told(self, fake: Fake) -> None:
        served, url = fake
        served.product = "something else"
        async with forwarding(url) as (forwarder, told):
            forwarder.offer(event(1))
            await until(lambda: bool(told))
            served.product = ""
            await until(lambda: forwarder.sent == 1)
        assert told[0].startswith("trying again: ")


class TestForwarding:
    async def test_an_upstream_can_be_named_while_the_intake_runs(self, fake: Fake) -> None:
        served, url = fake
        async with serving() as (client, told):
            assert (await client.get("/stressdash/v1/health")).status == 200
            await take_in(client, 1)
            for _ in range(2):  # the second time changes nothing
                answer = await client.put("/stressdash/v1/forward", json={"STRESSDASH_FORWARD": url})
                assert answer.status == 200
            await take_in(client, 2)
            await until(lambda: len(served.documents) == 1)
            health = await (await client.get("/stressdash/v1/health")).json()
            assert health["forwarding"].startswith("forwarded ")
        assert served.documents[0][1]["trace"]["id"] == f"{2:032x}"
        assert told() == ""

    async def test_what_waits_for_one_is_sent_before_another_gets_the_next(self, fake: Fake) -> None:
        served, url = fake
        async with serving(Upstream(url)) as (client, _):
            await take_in(client, 1)
            other = {"STRESSDASH_FORWARD": url, "STRESSDASH_ES_API_KEY": "a2V5"}
            assert (await client.put("/stressdash/v1/forward", json=other)).status == 200
            assert [document["trace"]["id"] for _, document in served.documents] == [f"{1:032x}"]
            await take_in(client, 2)
            await until(lambda: len(served.documents) == 2)
        assert served.authorization == "ApiKey a2V5"

    @pytest.mark.parametrize(
        "document", [{}, {"STRESSDASH_FORWARD": "elastic"}, {"STRESSDASH_FORWARD": 3}, [], "x"]
    )
    async def test_what_is_no_upstream_is_refused(self, document: Any) -> None:
        async with serving() as (client, _):
            answer = await client.put("/stressdash/v1/forward", json=document)
            assert (answer.status, list(await answer.json())) == (400, ["error"])

    async def test_trouble_is_part_of_what_the_intake_says_of_itself(self, fake: Fake) -> None:
        served, url = fake
        served.status = 401
        async with serving(Upstream(url)) as (client, told):
            await until(lambda: "answered 401" in told())
            health = await (await client.get("/stressdash/v1/health")).json()
            assert health["detail"].startswith(f"forwarding to {url}: trying again: ")
            await take_in(client, 1)
        assert "1 events were not forwarded before the end" in told()


class TestUpstream:
    @pytest.mark.parametrize(
        ("environ", "header"),
        [
            ({}, {}),
            ({"STRESSDASH_ES_API_KEY": "a2V5"}, {"Authorization": "ApiKey a2V5"}),
            ({"STRESSDASH_ES_BEARER": "t"}, {"Authorization": "Bearer t"}),
            ({"STRESSDASH_ES_PASSWORD": "p"}, {"Authorization": "Basic ZWxhc3RpYzpw"}),
            ({"STRESSDASH_ES_USER": "u", "STRESSDASH_ES_PASSWORD": "p"}, {"Authorization": "Basic dTpw"}),
        ],
    )
    def test_credentials_come_from_the_environment(self, environ: Json, header: Json) -> None:
        upstream = Upstream.of({"STRESSDASH_FORWARD": f"{URL}/", **environ})
        assert upstream is not None
        assert (upstream.url, upstream.headers()) == (URL, header)

    def test_without_a_url_nothing_is_forwarded(self) -> None:
        assert Upstream.of({"STRESSDASH_ES_PASSWORD": "p"}) is None

    @pytest.mark.parametrize("url", ["elastic", "ftp://host", "http://user:secret@host:9200"])
    def test_what_is_no_address_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(BadInput) as refused:
            Upstream.of({"STRESSDASH_FORWARD": url})
        assert "secret" not in str(refused.value)

    def test_secrets_are_in_no_representation(self) -> None:
        upstream = Upstream.of({"STRESSDASH_FORWARD": URL, "STRESSDASH_ES_API_KEY": "s3cret"})
        assert "s3cret" not in repr(upstream)
