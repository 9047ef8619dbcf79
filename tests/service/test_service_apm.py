"""What the real agent sends to an APM server, for every way in which a call can end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
import asyncmy
import asyncmy.errors
from service_harness import (
    PUSH,
    Intake,
    MariaDb,
    Running,
    bearer,
    insert_waits,
    locked_table,
    news,
    status,
    until,
    until_ready,
)

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"}


@asynccontextmanager
async def session_on(
    running: Any, mariadb: MariaDb, intake: Intake, **settings: str
) -> AsyncIterator[tuple[Running, aiohttp.ClientSession]]:
    settings = {
        "STATS_SAMPLING": "1",
        "STATS_DSN": mariadb.dsn,
        "ELASTIC_APM_SERVER_URL": intake.url,
        **settings,
    }
    async with running(**settings) as service, aiohttp.ClientSession() as session:
        await until_ready(session, service.url)
        yield service, session


async def turn(service: Running, session: aiohttp.ClientSession, **knobs: object) -> None:
    async with session.patch(f"{service.url}/admin/knobs", json=knobs, headers=bearer(service)) as answer:
        assert answer.status == 200, await answer.text()


async def push(
    service: Running, session: aiohttp.ClientSession, section: int = 1, headers: dict[str, str] | None = None
) -> int:
    async with session.post(service.url + PUSH, json=news(section), headers=headers) as answer:
        await answer.read()
        return answer.status


async def hang_up_while_inserting(
    service: Running, mariadb: MariaDb, session: aiohttp.ClientSession, section: int = 1
) -> None:
    waiting = asyncio.create_task(push(service, session, section, headers=TRACEPARENT))
    await until(lambda: insert_waits(mariadb))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


@asynccontextmanager
async def no_connection_left(mariadb: MariaDb) -> AsyncIterator[None]:
    """While inside, the server answers a new connection with error 1040."""
    await mariadb.query("SET GLOBAL max_connections = 10")
    held: list[Any] = []
    try:
        with suppress(asyncmy.errors.OperationalError):
            while True:
                held.append(
                    await asyncmy.connect(
                        host=mariadb.host, port=mariadb.port, user="stats", password="s:t/ats"
                    )
                )
        yield
    finally:
        for connection in held:
            await connection.ensure_closed()
        await mariadb.query("SET GLOBAL max_connections = 151")


def culprit_frames(error: dict[str, Any]) -> list[str]:
    return [frame["module"] for frame in error["exception"]["stacktrace"] if not frame["library_frame"]]


class TestASuccessfulCall:
    async def test_is_a_transaction_with_its_spans(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, STATS_MAX_IDLE="0") as (service, session):
            assert await push(service, session, headers=TRACEPARENT) == 200
            (transaction,) = await intake.until("transaction")
            spans = {span["name"]: span for span in await intake.until("span", 3)}
        assert (transaction["name"], transaction["type"]) == ("stats.StatsService/Push", "request")
        assert (transaction["outcome"], transaction["result"]) == ("success", "HTTP 2xx")
        assert (transaction["trace_id"], transaction["parent_id"]) == (TRACE_ID, PARENT_ID)
        assert (transaction["sample_rate"], transaction["span_count"]) == (1.0, {"started": 3, "dropped": 0})
        assert transaction["context"]["tags"] == {
            "twirp_service": "stats.StatsService",
            "twirp_method": "Push",
        }
        acquire, connect, insert = spans["pool.acquire"], spans["CONNECT"], spans["INSERT INTO incoming"]
        assert [span["parent_id"] for span in (acquire, connect, insert)] == [
            transaction["id"], acquire["id"], transaction["id"],
        ]  # fmt: skip
        assert insert["context"]["db"]["statement"].startswith("INSERT INTO incoming (id, property,")
        for span in (connect, insert):
            assert (span["type"], span["subtype"], span["outcome"]) == ("db", "mysql", "success")
            assert span["context"]["destination"]["service"]["resource"] == "mysql/stats"
            assert span["context"]["destination"]["port"] == mariadb.port

    async def test_has_spans_that_lie_within_it(self, mariadb: MariaDb, intake: Intake, running: Any) -> None:
        async with session_on(running, mariadb, intake) as (service, session):
            await asyncio.gather(*(push(service, session) for _ in range(20)))
            transactions = {item["id"]: item for item in await intake.until("transaction", 20)}
            started = sum(item["span_count"]["started"] for item in transactions.values())
            spans = await intake.until("span", started)
        assert not intake.of("error")
        assert len(spans) == started
        for span in spans:
            whole = transactions[span["transaction_id"]]
            start_us = span["timestamp"] - whole["timestamp"]
            assert 0 <= start_us <= start_us + span["duration"] * 1000 <= whole["duration"] * 1000 + 1

    async def test_enters_the_self_times_and_the_process_is_measured(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake) as (service, session):
            await push(service, session)

            async def measured() -> bool:
                sets = intake.of("metricset")
                kinds = {
                    item["span"]["type"] + "/" + item["span"].get("subtype", "")
                    for item in sets
                    if "span" in item
                }
                names = {name for item in sets for name in item["samples"]}
                return {
                    "app/",
                    "db/mysql",
                    "db/pool",
                } <= kinds and "system.process.cpu.total.norm.pct" in names

            await until(measured)

    async def test_is_sampled_by_our_own_coin_whatever_the_client_says(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, STATS_SAMPLING="0") as (service, session):
            await asyncio.gather(*(push(service, session, headers=TRACEPARENT) for _ in range(20)))
            await turn(service, session, sampling=1)
            await push(service, session)
            await intake.until("transaction")
        assert len(intake.of("transaction")) == 1

    async def test_weighs_by_the_rate_of_the_coin(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, STATS_SAMPLING="0.5") as (service, session):
            while not intake.of("transaction"):
                await push(service, session, headers=TRACEPARENT)
        assert {item["sample_rate"] for item in intake.of("transaction")} == {0.5}


class TestTooManyConnections:
    async def test_is_an_error_with_the_articles_text_and_a_culprit_of_ours(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with (
            session_on(running, mariadb, intake, STATS_MAX_IDLE="0") as (service, session),
            no_connection_left(mariadb),
        ):
            async with session.post(service.url + PUSH, json=news(1), headers=TRACEPARENT) as answer:
                assert answer.status == 500
                assert await answer.json() == {
                    "code": "internal",
                    "msg": "Error 1040: Too many connections",
                    "meta": {"cause": "TooManyConnections"},
                }
            (error,) = await intake.until("error")
            (transaction,) = await intake.until("transaction")
        exception = error["exception"]
        assert (exception["type"], exception["module"]) == ("TooManyConnections", "service.errors")
        assert exception["message"] == "Error 1040: Too many connections"
        assert exception["handled"] is True
        assert error["culprit"] == "service.database.connect"
        assert set(culprit_frames(error)) == {
            "service.rpc",
            "service.stats",
            "service.pool",
            "service.database",
        }
        assert exception["stacktrace"][-1]["context_line"].strip().startswith("raise ")
        assert exception["cause"][0]["type"] == "OperationalError"
        assert error["context"]["tags"]["mysql_errno"] == "1040"
        assert error["context"]["tags"]["twirp_error_code"] == "internal"
        assert (transaction["outcome"], transaction["result"]) == ("failure", "HTTP 5xx")

    async def test_hangs_below_the_span_that_failed(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with (
            session_on(running, mariadb, intake, STATS_MAX_IDLE="0") as (service, session),
            no_connection_left(mariadb),
        ):
            await push(service, session, headers=TRACEPARENT)
            (error,) = await intake.until("error")
            spans = {span["name"]: span for span in await intake.until("span", 2)}
        assert error["parent_id"] == spans["CONNECT"]["id"]
        assert {span["outcome"] for span in spans.values()} == {"failure"}


class TestAClientThatHangsUp:
    async def test_cancels_the_insert_and_is_an_error_if_cancellation_is_inherited(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake) as (service, session):
            async with locked_table(mariadb):
                await hang_up_while_inserting(service, mariadb, session)
                (error,) = await intake.until("error")
            (transaction,) = await intake.until("transaction")
            pool = (await status(service, session))["pool"]
        assert error["exception"]["message"] == "twirp error internal: context canceled"
        assert error["exception"]["type"] == "CancelledError"
        assert error["culprit"] == "service.database._run"
        assert "service.stats" in culprit_frames(error)
        assert (error["trace_id"], error["transaction_id"]) == (TRACE_ID, transaction["id"])
        assert transaction["outcome"] == "failure"
        assert (pool["closed_broken"], pool["in_use"]) == (1, 0)

    async def test_changes_nothing_if_the_call_is_shielded(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, STATS_CANCELLATION="shield") as (service, session):
            async with locked_table(mariadb):
                await hang_up_while_inserting(service, mariadb, session, section=4242)
                assert (await status(service, session))["in_flight"] == 1
            (transaction,) = await intake.until("transaction")
            names = {span["name"] for span in await intake.until("span", 2)}
        assert transaction["outcome"] == "success"
        assert names == {"pool.acquire", "INSERT INTO incoming"}
        assert not intake.of("error")
        assert await mariadb.query("SELECT COUNT(*) FROM incoming WHERE property_section = 4242") == [(1,)]

    async def test_leaves_a_shielded_call_to_its_push_timeout(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with (
            session_on(running, mariadb, intake, STATS_CANCELLATION="shield", STATS_PUSH_TIMEOUT="0.2") as (
                service,
                session,
            ),
            locked_table(mariadb),
        ):
            async with session.post(service.url + PUSH, json=news(1)) as answer:
                assert answer.status == 500
                assert (await answer.json())["msg"] == "context deadline exceeded"
            (error,) = await intake.until("error")
        assert (error["exception"]["type"], error["culprit"]) == ("PushTimeout", "service.stats.push")


class TestAnErrorOfAnUnsampledCall:
    async def test_is_kept_with_its_trace_and_the_first_of_a_second_is_kept_whole_without_weight(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, STATS_SAMPLING="0") as (service, session):
            for _ in range(30):
                async with session.post(
                    service.url + PUSH, json={"property": "news"}, headers=TRACEPARENT
                ) as answer:
                    assert answer.status == 500
            errors = await intake.until("error", 30)
            sampled = {error["transaction_id"] for error in errors if error["transaction"]["sampled"]}
            kept = await intake.until("transaction", len(sampled))
        assert {error["exception"]["message"] for error in errors} == {"missing id"}
        assert {error["trace_id"] for error in errors} == {TRACE_ID}
        assert len({error["transaction_id"] for error in errors}) == 30
        assert {error["transaction"]["name"] for error in errors} == {"stats.StatsService/Push"}
        assert {item["id"] for item in kept} == sampled
        assert 0 < len(sampled) < 30
        for item in kept:
            assert (item["sampled"], item["sample_rate"]) == (True, 0.0)
            assert item["context"]["tags"]["kept_for"] == "error"

    async def test_is_kept_whole_once_for_each_kind(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, STATS_SAMPLING="0") as (service, session):
            await session.post(service.url + PUSH, data=b"{", headers={"Content-Type": "application/json"})
            await session.post(service.url + PUSH, json={})
            await session.get(service.url + "/nowhere")
            transactions = await intake.until("transaction", 3)
        assert [item["context"]["tags"]["twirp_error_code"] for item in transactions] == [
            "malformed", "internal", "bad_route",
        ]  # fmt: skip
        assert [item["outcome"] for item in transactions] == ["success", "failure", "success"]


class TestTheAgent:
    async def test_counts_what_the_server_would_not_take(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake) as (service, session):
            assert (await status(service, session))["agent_dropped"] == 0
            intake.status = 503
            await push(service, session)

            async def dropped() -> bool:
                return bool((await status(service, session))["agent_dropped"] > 0)

            await until(dropped)

    async def test_can_be_turned_off_and_on_under_load(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake) as (service, session):
            await turn(service, session, apm="off")
            assert (await status(service, session))["apm_enabled"] is False
            await push(service, session, headers={"traceparent": f"00-{'a' * 32}-{PARENT_ID}-01"})
            await turn(service, session, apm="on")
            await push(service, session, headers=TRACEPARENT)
            transactions = await intake.until("transaction")
        assert [item["trace_id"] for item in transactions] == [TRACE_ID]

    async def test_sends_what_waits_before_the_service_ends(
        self, mariadb: MariaDb, intake: Intake, running: Any
    ) -> None:
        async with session_on(running, mariadb, intake, ELASTIC_APM_API_REQUEST_TIME="60s") as (
            service,
            session,
        ):
            await push(service, session)
            assert not intake.of("transaction")
            service.process.terminate()
            await service.process.wait()
        assert len(intake.of("transaction")) == 1

    async def test_tells_nobody_the_password(self, mariadb: MariaDb, intake: Intake, running: Any) -> None:
        async with session_on(running, mariadb, intake) as (service, session):
            await push(service, session)
            await session.post(service.url + PUSH, json={})
            await intake.until("error")
            await intake.until("span", 2)
        sent = json.dumps(intake.events)
        assert "s:t/ats" not in sent
        assert mariadb.password not in sent
        assert service.token not in sent
