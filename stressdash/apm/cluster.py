"""An Elasticsearch as a place to search in. The only importer of elasticsearch.

Failures become one sentence for the user. Health is what searches tell: an API key without cluster rights may
not ask for the cluster's own state.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import ServerFingerprintMismatch
from elastic_transport import ConnectionError as UnreachableError
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    AuthenticationException,
    AuthorizationException,
    UnsupportedProductError,
)

from stressdash.apm import parse
from stressdash.apm.batch import SearchBatch
from stressdash.apm.connection import Connection
from stressdash.apm.queries import Search
from stressdash.errors import SourceError
from stressdash.text import plain_url

__all__ = ["Cluster"]

REASONS: Final = {
    "no_shard_available_action_exception": (
        "no copy of an index is available: it is red, recovers, or is just being made"
    ),
    "es_rejected_execution_exception": "it has more searches than it can take; it is asked again",
    "circuit_breaking_exception": "it has too little memory for this search; it is asked again",
}
"""What some of Elasticsearch's exceptions mean for who looks at a chart."""
Json = Mapping[str, Any]

SENTENCES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnsupportedProductError, "what answers is not {where}"),
    (AuthenticationException, "{where} refused the credentials; check the API key or the password"),
    (AuthorizationException, "{where} does not let these credentials read the APM indices"),
    (TlsError, "{where} shows a certificate that is not trusted; give its CA file or its fingerprint"),
    (ConnectionTimeout, "{where} did not answer within {timeout_s:g} s"),
    (UnreachableError, "{where} cannot be reached"),
)


def client(connection: Connection) -> AsyncElasticsearch:
    """A client that asks once and briefly: the next tick is the retry."""
    options: dict[str, Any] = {
        "api_key": connection.api_key,
        "basic_auth": (connection.username, connection.password) if connection.username else None,
        "bearer_auth": connection.bearer,
        "ca_certs": connection.ca_file,
        "ssl_assert_fingerprint": connection.fingerprint,
        "cloud_id": connection.cloud_id,
    }
    given = {name: value for name, value in options.items() if value}
    hosts = None if connection.cloud_id else [connection.url]
    return AsyncElasticsearch(hosts, request_timeout=connection.timeout_s, max_retries=0, **given)


class Cluster:
    """Answers searches; those of one moment go out as one `_msearch`.

    Args:
        connection: where and how.
    """

    def __init__(self, connection: Connection) -> None:
        self._where = plain_url(connection.url) or "the cloud"
        self._timeout_s = connection.timeout_s
        self._client = client(connection)
        self._batch = SearchBatch(self._send, time.monotonic)
        self._product = ""
        self.trouble = ""
        """Why the last answers cover only a part of the data; empty when they cover all."""

    async def search(self, *searches: Search) -> list[Json]:
        """Answers to searches, in order.

        Raises:
            SourceError: it cannot be searched now, or could not just before.
        """
        return await self._batch.ask(*searches)

    @property
    def product(self) -> str:
        """What it calls itself, as far as that is known."""
        return self._product or "Elasticsearch"

    async def name(self) -> str:
        """`Elasticsearch` with its version, for those who may know it."""
        if not self._product:
            try:
                info = await self._client.info()
                self._product = f"Elasticsearch {parse.text(info.body, 'version.number')}".strip()
            except (ApiError, TransportError):
                self._product = "Elasticsearch"
        return self._product

    async def unreadable(self, patterns: Sequence[str]) -> frozenset[str]:
        """Those index patterns that the credentials may not read; none where nobody looks at credentials."""
        wanted = [{"names": list(patterns), "privileges": ["read"]}]
        try:
            response = await self._client.security.has_privileges(index=wanted)
        except (ApiError, TransportError):
            return frozenset()
        may = parse.field(response.body, "index")
        return frozenset(name for name in patterns if parse.field(parse.field(may, name), "read") is False)

    async def aclose(self) -> None:
        """Close connections."""
        await self._batch.aclose()
        await self._client.close()

    async def _send(self, searches: Sequence[Search]) -> Sequence[Json]:
        """One `_msearch`."""
        lines = [line for search in searches for line in (search.header, search.body)]
        try:
            response = await self._client.msearch(searches=lines)
        except (ApiError, TransportError) as error:
            raise SourceError(self._sentence(error)) from error
        found = [dict(each) for each in parse.listed(parse.field(response.body, "responses"))]
        failed = [each["error"] for each in found if "error" in each]
        if failed or len(found) != len(searches):
            raise SourceError(f"Elasticsearch at {self._where} could not search: {reason(failed)}")
        self.trouble = "; ".join(dict.fromkeys(filter(None, map(incomplete, found))))
        return found

    def _sentence(self, error: ApiError | TransportError) -> str:
        where = f"Elasticsearch at {self._where}"
        untrusted = isinstance(error.__context__, ServerFingerprintMismatch)
        for kind, sentence in SENTENCES:
            if isinstance(error, kind) or (kind is TlsError and untrusted):
                return sentence.format(where=where, timeout_s=self._timeout_s)
        if isinstance(error, ApiError):
            causes = parse.listed(parse.field(error.body, "error.root_cause")) or [{}]
            told = REASONS.get(parse.text(causes[0], "type"), error.message)
            return f"{where} answered {error.status_code}: {told}"
        return f"{where} cannot be used: {error.message}"


def reason(failed: Sequence[Json]) -> str:
    """Why the first search failed, in Elasticsearch's own words where they say something."""
    if not failed:
        return "it answered fewer questions than it was asked"
    causes = parse.listed(parse.field(failed[0], "root_cause"))
    cause = causes[0] if causes else failed[0]
    if (known := REASONS.get(parse.text(cause, "type"))) is not None:
        return known
    return parse.text(cause, "reason") or parse.text(failed[0], "reason") or "no reason given"


def incomplete(answer: Json) -> str:
    """Why an answer covers only a part of the data; empty when it covers all."""
    if parse.field(answer, "timed_out") is True:
        return "a search ran out of time and is incomplete"
    failed, of = parse.number(answer, "_shards.failed"), parse.number(answer, "_shards.total")
    return f"{failed} of {of} shards failed, figures are incomplete" if failed else ""
