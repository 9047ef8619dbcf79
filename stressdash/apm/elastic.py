"""APM from a real Elasticsearch, 7.17 to 9. The only importer of elasticsearch.

Health is what searches tell: an API key without cluster rights may not ask for the cluster's own state.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from elastic_transport import ConnectionError as UnreachableError
from elastic_transport import ConnectionTimeout, TlsError, TransportError
from elasticsearch import (
    ApiError,
    AsyncElasticsearch,
    AuthenticationException,
    AuthorizationException,
    UnsupportedProductError,
)

from stressdash.apm import answers, parse, queries
from stressdash.apm.batch import SearchBatch
from stressdash.apm.queries import PAGE_LIMIT, Search
from stressdash.errors import SourceError
from stressdash.samples import (
    ApmHealth,
    ApmSeries,
    Breakdown,
    ErrorGroup,
    ErrorSample,
    ProcessMetric,
    Trace,
)
from stressdash.text import plain_url

__all__ = ["Connection", "ElasticSource"]

REQUEST_TIMEOUT_S: Final = 2.0
PROVISIONAL_MS: Final = 2000
"""How long an event may take to be found after it ended, with the agent, the server's flush and the index
refresh tuned as the compose file does it: 330 + 200 + 200 ms, and room for a busy machine."""
Json = Mapping[str, Any]

SENTENCES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UnsupportedProductError, "what answers is not {where}"),
    (AuthenticationException, "{where} refused the credentials; check the API key or the password"),
    (AuthorizationException, "{where} does not let these credentials read the APM indices"),
    (TlsError, "{where} shows a certificate that is not trusted; give its CA file or its fingerprint"),
    (ConnectionTimeout, f"{{where}} did not answer within {REQUEST_TIMEOUT_S:g} s"),
    (UnreachableError, "{where} cannot be reached"),
)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where an Elasticsearch is and how it is entered; secrets stay out of every representation."""

    url: str = ""
    cloud_id: str = ""
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    ca_file: str = ""
    fingerprint: str = ""
    """SHA-256 of the server's certificate."""

    @classmethod
    def of(cls, url: str, environ: Mapping[str, str]) -> Connection:
        """The one at a URL, with the credentials of the environment."""
        password = environ.get("STRESSDASH_ES_PASSWORD", "")
        return cls(
            url,
            api_key=environ.get("STRESSDASH_ES_API_KEY", ""),
            username=environ.get("STRESSDASH_ES_USER", "elastic") if password else "",
            password=password,
            bearer=environ.get("STRESSDASH_ES_BEARER", ""),
            ca_file=environ.get("STRESSDASH_ES_CA", ""),
            fingerprint=environ.get("STRESSDASH_ES_FINGERPRINT", ""),
        )

    def client(self) -> AsyncElasticsearch:
        """A client that asks once and briefly: the next tick is the retry."""
        options: dict[str, Any] = {
            "api_key": self.api_key,
            "basic_auth": (self.username, self.password) if self.username else None,
            "bearer_auth": self.bearer,
            "ca_certs": self.ca_file,
            "ssl_assert_fingerprint": self.fingerprint,
            "cloud_id": self.cloud_id,
        }
        given = {name: value for name, value in options.items() if value}
        hosts = None if self.cloud_id else [self.url]
        return AsyncElasticsearch(hosts, request_timeout=REQUEST_TIMEOUT_S, max_retries=0, **given)


class ElasticSource:
    """An `ApmSource` over the documents that apm-server wrote.

    Args:
        connection: where and how.
        service: name of the service to look at; None for all.
        now_ms: wall clock in milliseconds since 1970.
    """

    def __init__(
        self,
        connection: Connection,
        service: str | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._where = plain_url(connection.url) or "the cloud"
        self._client = connection.client()
        self._service = service
        self._now_ms = now_ms
        self._batch = SearchBatch(self._send, time.monotonic)
        self._trouble = ""
        self._product = ""

    async def series(self, start_ms: int, end_ms: int, step_ms: int) -> ApmSeries:
        """See `ApmSource.series`."""
        transactions, errors, newest = await self._batch.ask(
            queries.series(start_ms, end_ms, step_ms, self._service),
            queries.count_series(start_ms, end_ms, step_ms, self._service),
            queries.newest(self._service),
        )
        made = answers.series(start_ms, end_ms, step_ms, transactions, errors, answers.newest_ms(newest))
        settled_ms = self._now_ms() - PROVISIONAL_MS - int((made.p99_us or 0) / 1000)
        provisional_ms = max(start_ms, start_ms + (settled_ms - start_ms) // step_ms * step_ms)
        return replace(made, provisional_from_ms=provisional_ms if provisional_ms < end_ms else None)

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        """See `ApmSource.error_groups`."""
        (answer,) = await self._batch.ask(queries.error_groups(start_ms, end_ms, self._service))
        return answers.error_groups(start_ms, end_ms, answer)

    async def error_sample(
        self, group: str, n: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> ErrorSample | None:
        """See `ApmSource.error_sample`."""
        if not 0 <= n < PAGE_LIMIT:
            return None
        (answer,) = await self._batch.ask(queries.error_sample(group, n, start_ms, end_ms, self._service))
        found = answers.hits(answer)
        return parse.error_sample(found[0], n, answers.total(answer)) if found else None

    async def trace(self, trace_id: str) -> Trace:
        """See `ApmSource.trace`."""
        (answer,) = await self._batch.ask(queries.trace(trace_id))
        return parse.trace(trace_id, answers.hits(answer))

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        """See `ApmSource.breakdown`."""
        (answer,) = await self._batch.ask(queries.breakdown(start_ms, end_ms, self._service))
        return answers.breakdown(answer)

    async def process_metrics(self, start_ms: int, end_ms: int, step_ms: int) -> tuple[ProcessMetric, ...]:
        """See `ApmSource.process_metrics`."""
        (answer,) = await self._batch.ask(queries.process_metrics(start_ms, end_ms, step_ms, self._service))
        return answers.process_metrics(start_ms, end_ms, step_ms, answer)

    async def groups_of(self, trace_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """See `ApmSource.groups_of`."""
        if not trace_ids:
            return {}
        (answer,) = await self._batch.ask(queries.groups_of(trace_ids))
        return answers.groups_of(answer)

    async def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """See `ApmSource.sample_of_trace`."""
        (answer,) = await self._batch.ask(queries.error_of_trace(trace_id))
        found = answers.hits(answer)
        if not found:
            return None
        sample = parse.error_sample(found[0], 0, 1)
        rank = queries.rank_in_group(
            sample.group, sample.at_ms, self._service, sampled=sample.sampled is True
        )
        (answer,) = await self._batch.ask(rank)
        before = parse.number(answer, "aggregations.before.doc_count") or 0
        return replace(sample, index=before, total=answers.total(answer))

    async def services(self) -> tuple[str, ...]:
        """See `ApmSource.services`."""
        (answer,) = await self._batch.ask(queries.services())
        return answers.services(answer)

    async def health(self) -> ApmHealth:
        """See `ApmSource.health`."""
        try:
            (answer,) = await self._batch.ask(queries.newest(self._service))
        except SourceError as error:
            return ApmHealth(ok=False, product=self._product or "Elasticsearch", detail=str(error))
        return ApmHealth(
            ok=True,
            product=await self._name(),
            detail=self._trouble,
            newest_ms=answers.newest_ms(answer),
            documents=answers.total(answer),
        )

    async def aclose(self) -> None:
        """Close connections."""
        await self._batch.aclose()
        await self._client.close()

    async def _name(self) -> str:
        """`Elasticsearch` with its version, for those who may know it."""
        if not self._product:
            try:
                info = await self._client.info()
                self._product = f"Elasticsearch {parse.text(info.body, 'version.number')}".strip()
            except (ApiError, TransportError):
                self._product = "Elasticsearch"
        return self._product

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
        self._trouble = "; ".join(dict.fromkeys(filter(None, map(incomplete, found))))
        return found

    def _sentence(self, error: ApiError | TransportError) -> str:
        where = f"Elasticsearch at {self._where}"
        for kind, sentence in SENTENCES:
            if isinstance(error, kind):
                return sentence.format(where=where)
        if isinstance(error, ApiError):
            return f"{where} answered {error.status_code}: {error.message}"
        return f"{where} cannot be used: {error.message}"


def reason(failed: Sequence[Json]) -> str:
    """Elasticsearch's own words for the first failure."""
    if not failed:
        return "it answered fewer questions than it was asked"
    cause = parse.text(failed[0], "root_cause.reason") or parse.text(failed[0], "reason")
    causes = parse.listed(parse.field(failed[0], "root_cause"))
    return (parse.text(causes[0], "reason") if causes else "") or cause or "no reason given"


def incomplete(answer: Json) -> str:
    """Why an answer covers only a part of the data; empty when it covers all."""
    if parse.field(answer, "timed_out") is True:
        return "a search ran out of time and is incomplete"
    failed, of = parse.number(answer, "_shards.failed"), parse.number(answer, "_shards.total")
    return f"{failed} of {of} shards failed, figures are incomplete" if failed else ""
