"""A real Elasticsearch that asks for credentials: each refusal and each lack of rights is told as it is."""

from __future__ import annotations

import asyncio
import base64
import json
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import elastic_node
import pytest

from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.doctor.ends import check_elasticsearch
from stressdash.doctor.finding import Level
from stressdash.embedded.apm.block import Line
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.forward import Forwarder
from stressdash.embedded.apm.upstream import Upstream, authorization
from stressdash.errors import SourceError
from stressdash.samples import ApmHealth, Scope

pytestmark = [pytest.mark.elastic, pytest.mark.serial, pytest.mark.timeout(400)]

PASSWORD = "a right horse"
AT_MS = 1_795_464_740_000
TRANSACTION = {
    "@timestamp": "2026-11-24T00:00:00.000Z",
    "processor": {"event": "transaction"},
    "service": {"name": "stats"},
    "transaction": {"name": "Push", "type": "request", "duration": {"us": 1000}, "representative_count": 1},
}
READABLE = ["traces-apm*", "logs-apm*", "metrics-apm*", "apm-*"]


def ask(url: str, path: str, body: Any) -> Any:
    """What the node answers to its administrator."""
    headers = {"Content-Type": "application/json", **elastic_node.authorization(PASSWORD)}
    request = urllib.request.Request(f"{url}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)


@pytest.fixture(scope="module")
def secured() -> Iterator[str]:
    """A node with one transaction and no errors or metrics."""
    try:
        with elastic_node.running_node("elastic9", password=PASSWORD) as made:
            ask(made.url, "/traces-apm-default/_doc?refresh=true&op_type=create", TRANSACTION)
            yield made.url
    except elastic_node.Unavailable as error:
        if elastic_node.required("elastic9"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def key(url: str, indices: Sequence[str], privileges: Sequence[str] = ("read",)) -> str:
    """An API key that may do so much, and nothing with the cluster."""
    role = {"cluster": [], "indices": [{"names": list(indices), "privileges": list(privileges)}]}
    made = ask(url, "/_security/api_key", {"name": "test", "role_descriptors": {"role": role}})
    return str(made["encoded"])


@asynccontextmanager
async def source(url: str, **credentials: str) -> AsyncIterator[ElasticSource]:
    made = ElasticSource(Connection(url, timeout_s=60, **credentials), Scope("stats"))
    try:
        yield made
    finally:
        await made.aclose()


async def health(url: str, **credentials: str) -> ApmHealth:
    async with source(url, **credentials) as made:
        return await made.health()


class TestCredentials:
    @pytest.mark.parametrize(
        "credentials",
        [
            {},
            {"username": elastic_node.ADMIN, "password": "wrong"},
            {"api_key": base64.b64encode(b"nobody:knows").decode()},
            {"bearer": "nonsense"},
        ],
        ids=["none", "password", "key", "bearer"],
    )
    async def test_that_are_wrong_are_told(self, secured: str, credentials: dict[str, str]) -> None:
        async with source(secured, **credentials) as made:
            with pytest.raises(SourceError, match="refused the credentials"):
                await made.services()
            assert "refused the credentials" in (await made.health()).detail

    async def test_of_a_user_see_everything(self, secured: str) -> None:
        found = await health(secured, username=elastic_node.ADMIN, password=PASSWORD)
        assert (found.ok, found.documents, found.detail) == (True, 1, "")
        assert found.product.startswith("Elasticsearch 9.")

    async def test_that_may_only_read_need_no_rights_on_the_cluster(self, secured: str) -> None:
        found = await health(secured, api_key=key(secured, READABLE))
        assert (found.ok, found.documents, found.detail) == (True, 1, "")
        assert found.product == "Elasticsearch"


class TestRights:
    async def test_without_any_searching_is_refused(self, secured: str) -> None:
        found = await health(secured, api_key=key(secured, ["nothing"], ["monitor"]))
        assert not found.ok
        assert "does not let these credentials read the APM indices" in found.detail

    async def test_to_other_indices_are_told_as_the_reason_for_seeing_nothing(self, secured: str) -> None:
        found = await health(secured, api_key=key(secured, ["others-*"]))
        assert (found.ok, found.documents) == (True, 0)
        assert found.detail.startswith("the credentials may see no transactions, no errors, no metrics:")
        assert "the privilege 'read' on traces-apm*, logs-apm.error*" in found.detail

    async def test_to_some_kinds_are_told_as_the_reason_for_lacking_the_others(self, secured: str) -> None:
        found = await health(secured, api_key=key(secured, ["traces-apm*"]))
        assert (found.ok, found.documents) == (True, 1)
        assert found.detail.startswith("the credentials may see no errors, no metrics:")

    async def test_are_a_finding_of_the_doctor(self, secured: str) -> None:
        environ = {"STRESSDASH_ES_API_KEY": key(secured, ["others-*"])}
        (finding,) = [each async for each in check_elasticsearch(secured, environ)]
        assert finding.level is Level.BAD
        assert "may see no transactions" in finding.text


class TestForwarding:
    async def test_goes_with_a_key_that_may_only_write(self, secured: str) -> None:
        given = {"STRESSDASH_ES_API_KEY": key(secured, READABLE, ["create_doc", "auto_configure"])}
        told: list[str] = []
        forwarder = Forwarder(Upstream(secured, authorization(given)), told.append)
        metadata = {"service": {"name": "forwarded", "agent": {"name": "a", "version": "1"}}}
        event: Any = {
            "id": "1" * 16,
            "trace_id": "2" * 32,
            "type": "request",
            "duration": 1.0,
            "name": "Push",
        }
        text = json.dumps({"transaction": {**event, "timestamp": AT_MS * 1000, "span_count": {"started": 0}}})
        line = Line(text.encode(), base_document(metadata, AT_MS * 1000), event["trace_id"])
        async with asynccontextmanager(forwarder.running)():
            forwarder.offer(line)
            async with asyncio.timeout(60):
                while not forwarder.sent + forwarder.dropped:  # noqa: ASYNC110  it tells nobody
                    await asyncio.sleep(0.05)
            assert (forwarder.sent, forwarder.trouble()) == (1, "")
        assert told == ["these credentials may not make index templates: those of the cluster are used"]
