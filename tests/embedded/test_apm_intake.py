"""Intake v2 over real sockets: what agents are answered."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from apm_events import AT_MS, body, error, line, metadata, span, transaction

from stressdash.embedded.apm.body import LINE_LIMIT_BYTES
from stressdash.embedded.apm.intake import Limits
from stressdash.embedded.apm.rate import EventRate
from stressdash.embedded.apm.server import application, runner

TOKEN = "s3cret"
EVENTS = "/intake/v2/events"
NDJSON = {"Content-Type": "application/x-ndjson"}
GOOD = line("transaction", transaction())
Client = aiohttp.ClientSession
Open = Callable[..., Any]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Starts an intake and gives a client of it; `token` is what the client sends."""
    closers: list[Any] = []

    async def start(limits: Limits | None = None, *, secret: str = "", token: str = "") -> Client:
        served = runner(application(secret, 1000, limits))
        await served.setup()
        await web.TCPSite(served, "127.0.0.1", 0).start()
        port = served.addresses[0][1]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        client = aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers)
        closers.extend((served.cleanup, client.close))
        return client

    yield start
    for close in reversed(closers):
        await close()


async def post(client: Client, data: bytes, path: str = EVENTS, **headers: str) -> tuple[int, Any]:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.post(path, data=data, headers=sent, skip_auto_headers=["Content-Type"]) as response:
        text = await response.text()
        return response.status, await response.json(content_type=None) if text else None


async def documents(client: Client) -> int:
    async with client.get("/stressdash/v1/health") as response:
        found: int = (await response.json())["documents"]
        return found


class TestAccepted:
    async def test_good_events_are_answered_202_with_nothing(self, opened: Open) -> None:
        client = await opened()
        assert await post(client, body(GOOD)) == (202, None)
        assert await documents(client) == 1

    async def test_verbose_tells_how_many(self, opened: Open) -> None:
        client = await opened()
        assert await post(client, body(GOOD, GOOD), f"{EVENTS}?verbose") == (202, {"accepted": 2})

    async def test_agents_may_say_that_they_flushed(self, opened: Open) -> None:
        client = await opened()
        assert await post(client, body(GOOD), f"{EVENTS}?flushed=true") == (202, None)

    @pytest.mark.parametrize("compress", [gzip.compress, zlib.compress, bytes])
    @pytest.mark.parametrize("named", [True, False])
    async def test_compression_is_taken_off_named_or_not(
        self, opened: Open, compress: Callable[[bytes], bytes], *, named: bool
    ) -> None:
        client = await opened()
        name = {gzip.compress: "gzip", zlib.compress: "deflate"}.get(compress)
        headers = {"Content_Encoding": name} if named and name else {}
        assert await post(client, compress(body(GOOD)), f"{EVENTS}?verbose", **headers) == (
            202,
            {"accepted": 1},
        )

    @pytest.mark.parametrize("content_type", ["application/x-ndjson", "application/x-ndjson; charset=utf-8"])
    async def test_ndjson_is_the_content_type(self, opened: Open, content_type: str) -> None:
        status, _ = await post(await opened(), body(GOOD), Content_Type=content_type)
        assert status == 202

    @pytest.mark.parametrize("data", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
    async def test_an_empty_body_is_fine(self, opened: Open, data: bytes) -> None:
        assert await post(await opened(), data) == (202, None)

    async def test_empty_lines_are_skipped(self, opened: Open) -> None:
        data = body(b"", GOOD, b"  ", b"\r")
        assert await post(await opened(), data, f"{EVENTS}?verbose") == (202, {"accepted": 1})

    async def test_a_connection_is_kept_for_the_next_request(self, opened: Open) -> None:
        client = await opened()
        async with client.post(EVENTS, data=body(GOOD), headers=NDJSON) as response:
            assert response.headers.get("Connection") != "close"


class TestRefused:
    async def test_bad_events_are_named_and_good_ones_kept(self, opened: Open) -> None:
        client = await opened()
        bad = line("span", {**span(), "name": None})
        status, answer = await post(client, body(GOOD, bad, b"{", GOOD))
        assert status == 400
        assert answer["accepted"] == 2
        assert [entry["document"] for entry in answer["errors"]] == [bad.decode(), "{"]
        assert await documents(client) == 2

    async def test_missing_fields_are_told_as_apm_server_tells_them(self, opened: Open) -> None:
        event = transaction()
        del event["trace_id"]
        _, answer = await post(await opened(), body(line("transaction", event)))
        assert answer["errors"][0]["message"] == "validation error: transaction: 'trace_id' required"

    async def test_at_most_five_errors_are_listed(self, opened: Open) -> None:
        status, answer = await post(await opened(), body(*[b"{}"] * 20))
        assert (status, answer["accepted"], len(answer["errors"])) == (400, 0, 5)

    async def test_an_unknown_kind_of_event_is_told(self, opened: Open) -> None:
        _, answer = await post(await opened(), body(b'{"profile":{}}'))
        assert answer["errors"][0]["message"] == 'did not recognize object type: "profile"'

    @pytest.mark.parametrize(
        "first",
        [GOOD, b"{}", b"junk", b"", line("metadata", {}), metadata(name="no/slash"), metadata(name="")],
    )
    async def test_without_metadata_nothing_is_read(self, opened: Open, first: bytes) -> None:
        client = await opened()
        status, answer = await post(client, body(GOOD, GOOD, meta=first))
        assert (status, answer["accepted"], len(answer["errors"])) == (400, 0, 1)
        assert "metadata" in answer["errors"][0]["message"]
        assert await documents(client) == 0

    async def test_other_content_types_are_bad_requests(self, opened: Open) -> None:
        status, answer = await post(await opened(), body(GOOD), Content_Type="application/json")
        assert status == 400
        assert answer == {"accepted": 0, "errors": [{"message": "invalid content type: 'application/json'"}]}

    async def test_other_methods_are_bad_requests(self, opened: Open) -> None:
        client = await opened()
        async with client.get(EVENTS) as response:
            assert response.status == 400
            assert (await response.json())["errors"] == [{"message": "only POST requests are supported"}]

    async def test_an_oversized_event_is_a_bad_request_and_the_others_are_kept(self, opened: Open) -> None:
        big = line("error", error(culprit="x" * LINE_LIMIT_BYTES))
        status, answer = await post(await opened(), body(GOOD, big, GOOD))
        assert (status, answer["accepted"]) == (400, 2)
        assert answer["errors"][0]["message"] == "event exceeded the permitted size"

    async def test_an_event_of_the_greatest_size_is_taken_in(self, opened: Open) -> None:
        room = LINE_LIMIT_BYTES - len(line("span", span(context={"db": {"statement": ""}})))
        event = line("span", span(context={"db": {"statement": "x" * room}}))
        assert len(event) == LINE_LIMIT_BYTES
        assert await post(await opened(), body(event), f"{EVENTS}?verbose") == (202, {"accepted": 1})

    async def test_errors_close_the_connection(self, opened: Open) -> None:
        client = await opened()
        async with client.post(EVENTS, data=b"junk") as response:
            assert response.headers["Connection"] == "close"


class TestLimits:
    async def test_a_bomb_is_a_bad_request_and_what_came_before_is_kept(self, opened: Open) -> None:
        client = await opened(Limits(body_bytes=1_000_000))
        bomb = gzip.compress(body(GOOD) + b"\n" * 20_000_000)
        status, answer = await post(client, bomb, Content_Encoding="gzip")
        assert (status, answer["accepted"]) == (400, 1)
        assert "too large" in answer["errors"][0]["message"]

    @pytest.mark.parametrize("data", [b"\x1f\x8bjunk", gzip.compress(body(GOOD))[:-20]], ids=["junk", "cut"])
    async def test_broken_compression_is_a_bad_request(self, opened: Open, data: bytes) -> None:
        status, answer = await post(await opened(), data, Content_Encoding="gzip")
        assert (status, len(answer["errors"])) == (400, 1)

    async def test_too_many_events_are_answered_429(self, opened: Open) -> None:
        client = await opened(Limits(events_per_second=0.001))
        first = await post(client, body(GOOD, GOOD))
        status, answer = await post(client, body(GOOD))
        assert first[0] == 202
        assert (status, answer["errors"]) == (429, [{"message": "rate limit exceeded"}])

    async def test_too_many_requests_at_once_are_answered_503(self, opened: Open) -> None:
        client = await opened(Limits(requests=1))
        held, going = asyncio.Event(), asyncio.Event()

        async def slow() -> AsyncIterator[bytes]:
            yield metadata() + b"\n"
            going.set()
            await held.wait()

        first = asyncio.create_task(client.post(EVENTS, data=slow(), headers=NDJSON))
        await going.wait()
        async with asyncio.timeout(60):
            while (answer := await post(client, body(GOOD)))[0] != 503:  # until the first has arrived
                pass
        assert answer[1]["errors"] == [{"message": "queue is full"}]
        held.set()
        assert (await first).status == 202
        assert (await post(client, body(GOOD)))[0] == 202

    async def test_a_request_that_never_ends_is_answered_503(self, opened: Open) -> None:
        client = await opened(Limits(read_s=0.05))

        async def endless() -> AsyncIterator[bytes]:
            yield metadata() + b"\n"
            await asyncio.Event().wait()

        async with client.post(EVENTS, data=endless(), headers=NDJSON) as response:
            assert response.status == 503

    async def test_what_was_turned_away_is_told_in_the_health(self, opened: Open) -> None:
        client = await opened(Limits(events_per_second=0.001))
        await post(client, body(b"{", GOOD))
        await post(client, body(GOOD))
        async with client.get("/stressdash/v1/health") as response:
            health = await response.json()
        assert health["dropped"] == 1
        assert health["detail"] == "1 invalid events were refused, 1 requests of agents were turned away"

    async def test_a_sender_that_hangs_up_disturbs_nobody(self, opened: Open) -> None:
        client = await opened()

        async def broken() -> AsyncIterator[bytes]:
            yield body(GOOD)
            raise ConnectionResetError

        with pytest.raises(aiohttp.ClientError):
            await client.post(EVENTS, data=broken(), headers=NDJSON)
        assert await post(client, body(GOOD)) == (202, None)


class TestRate:
    def test_the_debt_of_a_great_request_is_paid_by_time(self) -> None:
        now = 100.0
        rate = EventRate(10, lambda: now)
        assert rate.allows()
        rate.count(35)
        now += 2.4
        assert not rate.allows()
        now += 0.2
        assert rate.allows()

    def test_rest_earns_no_more_than_one_second(self) -> None:
        now = 0.0
        rate = EventRate(10, lambda: now)
        now = 1000.0
        assert rate.allows()
        rate.count(10)
        assert not rate.allows()


class TestToken:
    @pytest.mark.parametrize("token", ["", "wrong", "s3cret2", "\u00fc"])
    @pytest.mark.parametrize("path", [EVENTS, "/config/v1/agents", "/stressdash/v1/health"])
    async def test_without_the_token_everything_is_401(self, opened: Open, token: str, path: str) -> None:
        client = await opened(secret=TOKEN, token=token)
        async with client.post(path, data=body(GOOD)) as response:
            assert response.status == 401
            assert (await response.json())["error"].startswith("authentication failed")

    async def test_with_the_token_events_are_taken_in(self, opened: Open) -> None:
        client = await opened(secret=TOKEN, token=TOKEN)
        assert await post(client, body(GOOD)) == (202, None)

    async def test_the_server_tells_nothing_about_itself_to_strangers(self, opened: Open) -> None:
        client = await opened(secret=TOKEN)
        async with client.get("/") as response:
            assert (response.status, await response.read()) == (200, b"")


class TestInformation:
    async def test_the_version_makes_agents_keep_unsampled_transactions_to_themselves(
        self, opened: Open
    ) -> None:
        client = await opened()
        async with client.get("/") as response:
            about = await response.json()
        assert about.keys() == {"build_date", "build_sha", "publish_ready", "version"}
        assert tuple(map(int, about["version"].split("."))) >= (8, 0)

    async def test_head_answers_without_body(self, opened: Open) -> None:
        client = await opened()
        async with client.head("/") as response:
            assert (response.status, await response.read()) == (200, b"")

    async def test_events_sent_to_the_root_are_refused(self, opened: Open) -> None:
        assert (await post(await opened(), body(GOOD), "/"))[0] == 405

    async def test_unknown_paths_are_404(self, opened: Open) -> None:
        assert await post(await opened(), b"", "/intake/v3/events") == (404, {"error": "404 page not found"})


class TestAgentConfiguration:
    PATH = "/config/v1/agents"

    async def test_there_is_none_and_the_agent_may_keep_that_for_a_while(self, opened: Open) -> None:
        client = await opened()
        async with client.post(self.PATH, json={"service": {"name": "stats"}}) as response:
            assert (response.status, await response.json()) == (200, {})
            assert response.headers["Cache-Control"] == "max-age=30, must-revalidate"
            etag = response.headers["Etag"]
        for known in (etag, etag.strip('"')):
            headers = {"If-None-Match": known}
            async with client.get(f"{self.PATH}?service.name=stats", headers=headers) as response:
                assert (response.status, await response.read()) == (304, b"")

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"service":{}}', b'{"service":{"name":3}}'])
    async def test_without_the_service_there_is_no_answer(self, opened: Open, data: bytes) -> None:
        assert await post(await opened(), data, self.PATH) == (400, {"error": "service.name is required"})

    async def test_other_methods_are_not_supported(self, opened: Open) -> None:
        client = await opened()
        async with client.delete(self.PATH) as response:
            assert response.status == 405


class TestQuestions:
    @pytest.mark.parametrize(
        "query",
        [
            "series?start=0&end=1000",
            "series?start=0&end=1000&step=0",
            "series?start=x&end=1000&step=1",
            "series?start=1000&end=1000&step=1",
            "series?start=0&end=100000000&step=1",
            "series?start=0&end=99999999999999999999&step=1",
            "error-groups?start=-0&end=",
            "error-groups/key",
        ],
    )
    async def test_nonsense_is_a_bad_request(self, opened: Open, query: str) -> None:
        client = await opened()
        async with client.get(f"/stressdash/v1/{query}") as response:
            assert response.status == 400
            assert "error" in await response.json()

    @pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"[" + b'"x",' * 20_000 + b'"x"]'])
    async def test_trace_ids_come_as_a_bounded_list(self, opened: Open, data: bytes) -> None:
        status, _ = await post(await opened(), data, "/stressdash/v1/groups-of")
        assert status == 400

    async def test_answers_do_not_come_from_the_future_of_a_late_event(self, opened: Open) -> None:
        client = await opened()
        query = f"/stressdash/v1/series?start={AT_MS}&end={AT_MS + 1000}&step=1000"
        counts = []
        for _ in range(3):
            await post(client, body(GOOD))
            async with client.get(query) as response:
                counts.append((await response.json())["transactions"])
        assert counts == [1, 2, 3]
