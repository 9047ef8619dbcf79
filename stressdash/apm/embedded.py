"""APM from the embedded intake: asks the process that `python -m stressdash.embedded.apm` runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp

from stressdash.apm import parse
from stressdash.errors import BadInput, SourceError
from stressdash.samples import (
    ApmHealth,
    ApmSeries,
    Breakdown,
    Dependency,
    ErrorGroup,
    ErrorName,
    ErrorSample,
    FoundService,
    LatencyDistribution,
    ProcessMetric,
    Scope,
    ServiceFigures,
    Trace,
    TransactionGroup,
    TransactionSample,
)
from stressdash.wire import from_json, to_json

__all__ = ["EmbeddedSource"]

T = TypeVar("T")

TIMEOUT: Final = aiohttp.ClientTimeout(total=2.0, connect=0.5)
PRODUCT: Final = "embedded intake"


class EmbeddedSource:
    """An `ApmSource` over the intake's own questions.

    Args:
        url: what the intake printed when it was bound.
        token: its secret token; empty for none.
        scope: what to look at; None for all.
    """

    def __init__(self, url: str, token: str = "", scope: Scope | None = None) -> None:
        self._base = f"{url.rstrip('/')}/stressdash/v1"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        wanted = scope or Scope()
        named = {
            "service": wanted.service,
            "environment": wanted.environment,
            "type": wanted.transaction_type,
        }
        self._scope = {name: value for name, value in named.items() if value is not None}
        self._session: aiohttp.ClientSession | None = None

    async def series(self, start_ms: int, end_ms: int, step_ms: int, now_ms: int | None = None) -> ApmSeries:
        """See `ApmSource.series`."""
        given = given_only(now=now_ms)
        return await self._ask("series", ApmSeries, start=start_ms, end=end_ms, step=step_ms, **given)

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        """See `ApmSource.error_groups`."""
        return await self._ask("error-groups", tuple[ErrorGroup, ...], start=start_ms, end=end_ms)

    async def error_names(self, group: str, start_ms: int, end_ms: int) -> tuple[ErrorName, ...]:
        """See `ApmSource.error_names`."""
        path = f"error-groups/{quote(group, safe='')}/names"
        return await self._ask(path, tuple[ErrorName, ...], start=start_ms, end=end_ms)

    async def error_sample(
        self,
        group: str,
        n: int,
        start_ms: int | None = None,
        end_ms: int | None = None,
        name: str | None = None,
    ) -> ErrorSample | None:
        """See `ApmSource.error_sample`."""
        given = given_only(start=start_ms, end=end_ms, name=name)
        found = await self._ask(f"error-groups/{quote(group, safe='')}", dict[str, Any], number=n, **given)
        if found["document"] is None:
            return None
        return parse.error_sample(found["document"], n, found["total"])

    async def trace(self, trace_id: str) -> Trace:
        """See `ApmSource.trace`."""
        documents = await self._ask(f"traces/{quote(trace_id, safe='')}", list[dict[str, Any]])
        return parse.trace(trace_id, documents)

    async def breakdown(self, start_ms: int, end_ms: int) -> Breakdown:
        """See `ApmSource.breakdown`."""
        return await self._ask("breakdown", Breakdown, start=start_ms, end=end_ms)

    async def transactions(self, start_ms: int, end_ms: int) -> tuple[TransactionGroup, ...]:
        """See `ApmSource.transactions`."""
        return await self._ask("transactions", tuple[TransactionGroup, ...], start=start_ms, end=end_ms)

    async def latency_distribution(
        self, start_ms: int, end_ms: int, name: str | None = None
    ) -> LatencyDistribution:
        """See `ApmSource.latency_distribution`."""
        given = given_only(name=name)
        return await self._ask(
            "latency-distribution", LatencyDistribution, start=start_ms, end=end_ms, **given
        )

    async def transaction_samples(
        self,
        start_ms: int,
        end_ms: int,
        name: str | None = None,
        low_us: int = 0,
        high_us: int | None = None,
        limit: int = 20,
    ) -> tuple[TransactionSample, ...]:
        """See `ApmSource.transaction_samples`."""
        given = given_only(name=name, low=low_us, high=high_us, limit=limit)
        documents = await self._ask(
            "transaction-samples", list[dict[str, Any]], start=start_ms, end=end_ms, **given
        )
        return tuple(parse.transaction_sample(document) for document in documents)

    async def dependencies(self, start_ms: int, end_ms: int) -> tuple[Dependency, ...]:
        """See `ApmSource.dependencies`."""
        return await self._ask("dependencies", tuple[Dependency, ...], start=start_ms, end=end_ms)

    async def overview(self, start_ms: int, end_ms: int) -> tuple[ServiceFigures, ...]:
        """See `ApmSource.overview`."""
        return await self._ask("overview", tuple[ServiceFigures, ...], start=start_ms, end=end_ms)

    async def process_metrics(self, start_ms: int, end_ms: int, step_ms: int) -> tuple[ProcessMetric, ...]:
        """See `ApmSource.process_metrics`."""
        shape = tuple[ProcessMetric, ...]
        return await self._ask("process-metrics", shape, start=start_ms, end=end_ms, step=step_ms)

    async def groups_of(self, trace_ids: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """See `ApmSource.groups_of`."""
        if not trace_ids:
            return {}
        body = await self._request("POST", "groups-of", data=to_json(list(trace_ids)))
        return read(body, dict[str, tuple[str, ...]])

    async def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """See `ApmSource.sample_of_trace`."""
        found = await self._ask(f"traces/{quote(trace_id, safe='')}/error", dict[str, Any])
        if found["document"] is None:
            return None
        return parse.error_sample(found["document"], found["number"], found["total"])

    async def services(self) -> tuple[str, ...]:
        """See `ApmSource.services`."""
        return await self._ask("services", tuple[str, ...])

    async def discover(self) -> tuple[FoundService, ...]:
        """See `ApmSource.discover`."""
        return await self._ask("discover", tuple[FoundService, ...])

    async def health(self) -> ApmHealth:
        """See `ApmSource.health`."""
        try:
            return await self._ask("health", ApmHealth)
        except SourceError as error:
            return ApmHealth(ok=False, product=PRODUCT, detail=str(error))

    async def aclose(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, path: str, shape: type[T], **query: int | str) -> T:
        body = await self._request("GET", path, params={**query, **self._scope})
        return read(body, shape)

    async def _request(self, method: str, path: str, **options: Any) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers, timeout=TIMEOUT)
        try:
            async with self._session.request(method, f"{self._base}/{path}", **options) as response:
                body = await response.read()
        except TimeoutError as error:
            raise SourceError(
                f"the APM intake at {self._base} did not answer within {TIMEOUT.total:g} s"
            ) from error
        except aiohttp.ClientError as error:
            raise SourceError(f"the APM intake at {self._base} cannot be reached: {error}") from error
        if response.status == 401:
            raise SourceError("the APM intake refused the secret token; check STRESSDASH_APM_TOKEN")
        if response.status != 200:
            said = body[:200].decode("utf-8", "replace")
            raise SourceError(f"the APM intake answered {path} with status {response.status}: {said}")
        return body


def given_only(**query: int | str | None) -> dict[str, int | str]:
    """The query without what was not given."""
    return {name: value for name, value in query.items() if value is not None}


def read(body: bytes, shape: type[T]) -> T:
    """The answer as a value.

    Raises:
        SourceError: something else than the intake answered.
    """
    try:
        return from_json(body, shape)
    except BadInput as error:
        raise SourceError(f"what answered is not the embedded intake: {error}") from error
