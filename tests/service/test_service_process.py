"""The service as its owner sees it: a process with an environment, a port, signals and a database."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import signal
import socket
from typing import Any

import aiohttp
import pytest
from databases import reserved_port
from service_harness import (
    PUSH,
    MariaDb,
    bearer,
    insert_waits,
    locked_table,
    news,
    spawn,
    status,
    until,
    until_ready,
)

from service import stats_pb2

NOWHERE = "mysql://stats:secret@127.0.0.1:1/stats"


async def exit_of(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


class TestStoringRows:
    async def test_a_pushed_pageview_is_in_the_table_as_the_reference_describes_it(
        self, mariadb: MariaDb, running: Any
    ) -> None:
        async with running(STATS_DSN=mariadb.dsn) as service, aiohttp.ClientSession() as session:
            await until_ready(session, service.url)
            body = {"property": "news", "section": 77001, "id": 5}
            async with session.post(
                service.url + PUSH, json=body, headers={"X-Real-IP": "192.0.2.7"}
            ) as answer:
                assert (answer.status, await answer.json()) == (200, {})
            rows = await mariadb.query(
                "SELECT property, property_id, remote_ip,"
                " ABS(TIMESTAMPDIFF(SECOND, stamp, UTC_TIMESTAMP())) < 60"
                " FROM incoming WHERE property_section = 77001"
            )
        assert rows == [("news", 5, "192.0.2.7", 1)]

    async def test_protobuf_is_taken_and_answered_in_kind(self, mariadb: MariaDb, running: Any) -> None:
        async with running(STATS_DSN=mariadb.dsn) as service, aiohttp.ClientSession() as session:
            await until_ready(session, service.url)
            body = stats_pb2.PushRequest(property="news", section=77002, id=6).SerializeToString()
            async with session.post(
                service.url + PUSH, data=body, headers={"Content-Type": "application/protobuf"}
            ) as answer:
                assert (answer.status, answer.content_type, await answer.read()) == (
                    200, "application/protobuf", b"",
                )  # fmt: skip
        assert await mariadb.query("SELECT property_id FROM incoming WHERE property_section = 77002") == [
            (6,)
        ]

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"section": 1, "id": 1}, "missing property"),
            ({"property": "blog", "section": 1, "id": 1}, "invalid property"),
            ({"property": "news", "section": 1}, "missing id"),
            ({"property": "news", "id": 1}, "missing section"),
        ],
    )
    async def test_an_incomplete_pageview_is_an_internal_error_as_in_the_original(
        self, running: Any, body: dict[str, Any], message: str
    ) -> None:
        async with (
            running(STATS_DSN=NOWHERE) as service,
            aiohttp.ClientSession() as session,
            session.post(service.url + PUSH, json=body) as answer,
        ):
            assert answer.status == 500
            assert await answer.json() == {
                "code": "internal",
                "msg": message,
                "meta": {"cause": "InvalidRequest"},
            }

    async def test_a_body_beyond_a_megabyte_is_malformed(self, running: Any) -> None:
        async with (
            running(STATS_DSN=NOWHERE) as service,
            aiohttp.ClientSession() as session,
            session.post(
                service.url + PUSH,
                data=io.BytesIO(b" " * 2_000_000),
                headers={"Content-Type": "application/json"},
            ) as answer,
        ):
            assert (answer.status, (await answer.json())["code"]) == (400, "malformed")

    @pytest.mark.parametrize(
        "body", [gzip.compress(json.dumps(news(1)).encode()), b"not gzip"], ids=["well", "badly"]
    )
    async def test_a_compressed_body_is_malformed(self, running: Any, body: bytes) -> None:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        async with (
            running(STATS_DSN=NOWHERE) as service,
            aiohttp.ClientSession() as session,
            session.post(service.url + PUSH, data=body, headers=headers) as answer,
        ):
            assert (answer.status, (await answer.json())["code"]) == (400, "malformed")


class TestHealth:
    async def test_is_alive_but_not_ready_without_a_database(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE) as service, aiohttp.ClientSession() as session:
            async with session.get(service.url + "/healthz") as answer:
                assert answer.status == 200

            async def tells_why() -> bool:
                async with session.get(service.url + "/readyz") as answer:
                    assert answer.status == 503
                    return (await answer.json())["reason"].startswith("Error 2003: Can't connect")

            await until(tells_why)
            async with session.post(service.url + PUSH, json=news(1)) as answer:
                assert (answer.status, (await answer.json())["meta"]) == (
                    500,
                    {"cause": "DatabaseUnreachable"},
                )


class TestTheAdminEndpoint:
    async def test_changes_the_pool_while_requests_wait_for_it(self, mariadb: MariaDb, running: Any) -> None:
        settings = {"STATS_DSN": mariadb.dsn, "STATS_MAX_OPEN": "1"}
        async with running(**settings) as service, aiohttp.ClientSession() as session:
            await until_ready(session, service.url)
            async with locked_table(mariadb):
                pushes = [
                    asyncio.create_task(session.post(service.url + PUSH, json=news(1))) for _ in range(4)
                ]

                async def three_wait() -> bool:
                    return bool((await status(service, session))["pool"]["waiting"] == 3)

                await until(three_wait)
                async with session.patch(
                    f"{service.url}/admin/knobs", json={"max_open": 4, "max_idle": 3}, headers=bearer(service)
                ) as answer:
                    pool = (await answer.json())["pool"]
                    assert (answer.status, pool["max_open"], pool["max_idle"]) == (200, 4, 3)

                async def four_are_open() -> bool:
                    pool = (await status(service, session))["pool"]
                    return (pool["open"], pool["waiting"]) == (4, 0)

                await until(four_are_open)
            assert [answer.status for answer in await asyncio.gather(*pushes)] == [200] * 4

    async def test_tells_every_figure_that_is_agreed_on(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE) as service, aiohttp.ClientSession() as session:
            document = await status(service, session)
        assert document.pop("cpu_seconds") > 0
        assert document == {
            "pool": {
                "max_open": 0, "max_idle": 2, "open": 0, "in_use": 0, "idle": 0, "waiting": 0,
                "wait_count": 0, "wait_seconds": 0.0,
                "closed_max_idle": 0, "closed_max_lifetime": 0, "closed_broken": 0,
            },
            "conn_max_lifetime_s": 0.0, "cancellation": "inherit", "push_timeout_s": 0.0, "sampling": 0.1,
            "apm_enabled": False, "agent_dropped": 0, "requests": 0, "in_flight": 0, "workers": 1,
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"max_open": -1, "sampling": 1}, "max_open must be a whole number"),
            ({"max_open": True}, "max_open must be a whole number"),
            ({"sampling": [1]}, "sampling must be a number or a word"),
            ({"nonsense": 1}, "there is no knob 'nonsense'"),
            ({"apm": "on", "sampling": 1}, "ELASTIC_APM_SERVER_URL is not set"),
            ([], "must be a JSON object"),
        ],
    )
    async def test_refuses_a_bad_knob_and_applies_nothing(self, running: Any, body: Any, words: str) -> None:
        async with running(STATS_DSN=NOWHERE) as service, aiohttp.ClientSession() as session:
            async with session.patch(
                f"{service.url}/admin/knobs", json=body, headers=bearer(service)
            ) as answer:
                assert answer.status == 422
                assert words in (await answer.json())["error"]
            assert (await status(service, session))["sampling"] == 0.1

    @pytest.mark.parametrize(
        "given", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "open sesame"}]
    )
    async def test_needs_its_token(self, running: Any, given: dict[str, str]) -> None:
        async with (
            running(STATS_DSN=NOWHERE) as service,
            aiohttp.ClientSession() as session,
            session.get(f"{service.url}/admin/status", headers=given) as answer,
        ):
            assert answer.status == 401

    async def test_does_not_exist_without_a_token(self, running: Any) -> None:
        async with (
            running(STATS_DSN=NOWHERE, STATS_ADMIN_TOKEN="") as service,
            aiohttp.ClientSession() as session,
            session.get(f"{service.url}/admin/status", headers=bearer(service)) as answer,
        ):
            assert (answer.status, (await answer.json())["code"]) == (404, "bad_route")


class TestTheEnd:
    async def test_waits_for_calls_in_flight_and_takes_no_new_ones(
        self, mariadb: MariaDb, running: Any
    ) -> None:
        async with running(STATS_DSN=mariadb.dsn) as service, aiohttp.ClientSession() as session:
            await until_ready(session, service.url)
            async with locked_table(mariadb):
                push = asyncio.create_task(session.post(service.url + PUSH, json=news(77003)))
                await until(lambda: insert_waits(mariadb))
                service.process.send_signal(signal.SIGTERM)

                async def refuses() -> bool:
                    try:
                        async with aiohttp.ClientSession() as other, other.get(service.url + "/healthz"):
                            return False
                    except aiohttp.ClientConnectorError:
                        return True

                await until(refuses)
                assert service.process.returncode is None
            assert (await push).status == 200
            assert (await exit_of(service.process))[0] == 0
        assert await mariadb.query("SELECT COUNT(*) FROM incoming WHERE property_section = 77003") == [(1,)]

    async def test_comes_soon_when_standard_input_closes(self, mariadb: MariaDb, running: Any) -> None:
        async with (
            running("--until-stdin-closes", STATS_DSN=mariadb.dsn) as service,
            aiohttp.ClientSession() as session,
        ):
            await until_ready(session, service.url)
            async with locked_table(mariadb):
                push = asyncio.create_task(session.post(service.url + PUSH, json=news(1)))
                await until(lambda: insert_waits(mariadb))
                service.process.stdin.close()
                code, _, err = await exit_of(service.process)
                assert code == 0
                assert "context canceled" in err
                await asyncio.gather(push, return_exceptions=True)

    async def test_comes_soon_when_the_owner_dies_during_a_patient_drain(
        self, mariadb: MariaDb, running: Any
    ) -> None:
        settings = {"STATS_DSN": mariadb.dsn, "STATS_CANCELLATION": "shield"}
        async with running("--until-stdin-closes", **settings) as service, aiohttp.ClientSession() as session:
            await until_ready(session, service.url)
            async with locked_table(mariadb):
                push = asyncio.create_task(session.post(service.url + PUSH, json=news(1)))
                await until(lambda: insert_waits(mariadb))
                service.process.send_signal(signal.SIGTERM)
                service.process.stdin.close()
                async with asyncio.timeout(8):
                    code, _, err = await exit_of(service.process)
                assert code == 0
                assert "context canceled" in err
                await asyncio.gather(push, return_exceptions=True)

    async def test_does_not_come_from_standard_input_unless_asked_for(self, running: Any) -> None:
        async with running(STATS_DSN=NOWHERE) as service, aiohttp.ClientSession() as session:
            service.process.stdin.close()
            async with session.get(service.url + "/healthz") as answer:
                assert answer.status == 200
            service.process.send_signal(signal.SIGINT)
            code, out, err = await exit_of(service.process)
            assert (code, out) == (0, "")
            assert "Traceback" not in err


class TestAFalseStart:
    async def test_with_a_bad_setting_is_one_sentence_and_exit_code_2(self) -> None:
        code, out, err = await exit_of(await spawn(STATS_DSN=NOWHERE, STATS_SAMPLING="lots"))
        assert (code, out) == (2, "")
        assert err == "service: STATS_*: sampling must be a number from 0 to 1, not 'lots'\n"

    async def test_on_a_taken_port_is_one_sentence_and_exit_code_3(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            code, out, err = await exit_of(await spawn(STATS_DSN=NOWHERE, STATS_PORT=str(port)))
        assert (code, out) == (3, "")
        assert err.startswith(f"service: cannot listen on 127.0.0.1 port {port}: ")
        assert err.count("\n") == 1

    async def test_on_a_given_port_is_none(self, running: Any) -> None:
        with reserved_port() as port:
            async with running(STATS_DSN=NOWHERE, STATS_PORT=str(port)) as service:
                assert service.url == f"http://127.0.0.1:{port}"
