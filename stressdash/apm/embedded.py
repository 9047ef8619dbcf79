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
    ErrorGroup,
    ErrorSample,
    ProcessMetric,
    Trace,
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
        service: name of the service to look at; None for all.
    """

    def __init__(self, url: str, token: str = "", service: str | None = None) -> None:
        self._base = f"{url.rstrip('/')}/stressdash/v1"
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._service = {} if service is None else {"service": service}
        self._session: aiohttp.ClientSession | None = None

    async def series(self, start_ms: int, end_ms: int, step_ms: int) -> ApmSeries:
        """See `ApmSource.series`."""
        return await self._ask("series", ApmSeries, start=start_ms, end=end_ms, step=step_ms)

    async def error_groups(self, start_ms: int, end_ms: int) -> tuple[ErrorGroup, ...]:
        """See `ApmSource.error_groups`."""
        return await self._ask("error-groups", tuple[ErrorGroup, ...], start=start_ms, end=end_ms)

    async def error_sample(
        self, group: str, n: int, start_ms: int | None = None, end_ms: int | None = None
    ) -> ErrorSample | None:
        """See `ApmSource.error_sample`."""
        bounds = {name: ms for name, ms in (("start", start_ms), ("end", end_ms)) if ms is not None}
        found = await self._ask(f"error-groups/{quote(group, safe='')}", dict[str, Any], number=n, **bounds)
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

    async def _ask(self, path: str, shape: type[T], **query: int) -> T:
        body = await self._request("GET", path, params={**query, **self._service})
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


def read(body: bytes, shape: type[T]) -> T:
    """The answer as a value.

    Raises:
        SourceError: something else than the intake answered.
    """
    try:
        return from_json(body, shape)
    except BadInput as error:
        raise SourceError(f"what answered is not the embedded intake: {error}") from error
