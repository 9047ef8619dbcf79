"""HTTP for `stressdash.apm.embedded`: the questions of `ApmSource`, answered as JSON.

Figures are the dataclasses of `stressdash.samples`; samples and traces are documents as Elasticsearch would
return them, so that both sources read them with the same eyes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from stressdash.embedded.apm.archive import Archive
from stressdash.errors import BadInput
from stressdash.samples import Scope
from stressdash.wire import from_json, to_json

__all__ = ["Questions"]

PREFIX: Final = "/stressdash/v1"
BUCKET_LIMIT: Final = 50_000
TRACE_LIMIT: Final = 10_000
SAMPLE_LIMIT: Final = 1_000


class Questions:
    """Handlers of the dashboard's routes.

    Args:
        archive: what is asked.
        trouble: how many events did not get in, why in words, and how it goes with forwarding them.
    """

    def __init__(self, archive: Archive, trouble: Callable[[], tuple[int, str, str]]) -> None:
        self._archive = archive
        self._trouble = trouble

    def routes(self) -> list[web.RouteDef]:
        """Routes of the dashboard's questions."""
        return [
            web.get(f"{PREFIX}/series", self.series),
            web.get(f"{PREFIX}/error-groups", self.error_groups),
            web.get(f"{PREFIX}/error-groups/{{group}}", self.error_document),
            web.get(f"{PREFIX}/error-groups/{{group}}/names", self.error_names),
            web.get(f"{PREFIX}/transactions", self.transactions),
            web.get(f"{PREFIX}/latency-distribution", self.latency_distribution),
            web.get(f"{PREFIX}/transaction-samples", self.transaction_samples),
            web.get(f"{PREFIX}/dependencies", self.dependencies),
            web.get(f"{PREFIX}/overview", self.overview),
            web.get(f"{PREFIX}/discover", self.discover),
            web.get(f"{PREFIX}/traces/{{trace}}", self.trace),
            web.get(f"{PREFIX}/traces/{{trace}}/error", self.trace_error),
            web.post(f"{PREFIX}/groups-of", self.groups_of),
            web.get(f"{PREFIX}/breakdown", self.breakdown),
            web.get(f"{PREFIX}/process-metrics", self.process_metrics),
            web.get(f"{PREFIX}/services", self.services),
            web.get(f"{PREFIX}/health", self.health),
        ]

    async def series(self, request: web.Request) -> web.Response:
        """`ApmSeries` of a range in steps; `now` is the present by the clock of the events, if not ours."""
        now_ms = whole(request, "now") if "now" in request.query else None
        return answer(self._archive.series(*stepped_range(request), scope_of(request), now_ms))

    async def error_groups(self, request: web.Request) -> web.Response:
        """List of `ErrorGroup`."""
        return answer(self._archive.error_groups(*time_range(request), scope_of(request)))

    async def error_document(self, request: web.Request) -> web.Response:
        """`total` and the `document` at `number`, null beyond the end."""
        found = self._archive.error_document(
            request.match_info["group"],
            whole(request, "number"),
            whole(request, "start") if "start" in request.query else None,
            whole(request, "end") if "end" in request.query else None,
            request.query.get("name"),
        )
        return answer(found)

    async def error_names(self, request: web.Request) -> web.Response:
        """List of `ErrorName`."""
        group = request.match_info["group"]
        return answer(self._archive.error_names(group, *time_range(request), scope_of(request)))

    async def transactions(self, request: web.Request) -> web.Response:
        """List of `TransactionGroup`."""
        return answer(self._archive.views.transactions(*time_range(request), scope_of(request)))

    async def latency_distribution(self, request: web.Request) -> web.Response:
        """`LatencyDistribution` of a range, of one name or of all."""
        name, scope = request.query.get("name"), scope_of(request)
        return answer(self._archive.views.latency_distribution(*time_range(request), name, scope))

    async def transaction_samples(self, request: web.Request) -> web.Response:
        """Documents of the slowest transactions."""
        high_us = whole(request, "high") if "high" in request.query else math.inf
        limit = min(max(whole(request, "limit"), 0), SAMPLE_LIMIT)
        found = self._archive.views.transaction_documents(
            *time_range(request),
            request.query.get("name"),
            (whole(request, "low"), high_us),
            limit,
            scope_of(request),
        )
        return answer(found)

    async def dependencies(self, request: web.Request) -> web.Response:
        """List of `Dependency`."""
        return answer(self._archive.views.dependencies(*time_range(request), scope_of(request)))

    async def overview(self, request: web.Request) -> web.Response:
        """List of `ServiceFigures`."""
        return answer(self._archive.views.overview(*time_range(request), scope_of(request)))

    async def discover(self, _request: web.Request) -> web.Response:
        """List of `FoundService`."""
        return answer(self._archive.discover())

    async def trace(self, request: web.Request) -> web.Response:
        """All documents of one trace."""
        return answer(self._archive.trace_documents(request.match_info["trace"]))

    async def trace_error(self, request: web.Request) -> web.Response:
        """The first error of a trace, like `error_document`."""
        return answer(self._archive.trace_error(request.match_info["trace"]))

    async def groups_of(self, request: web.Request) -> web.Response:
        """Object of trace id to error group keys, for a list of trace ids."""
        trace_ids = from_json(await request.read(), list[str])
        if len(trace_ids) > TRACE_LIMIT:
            raise BadInput(f"ask for at most {TRACE_LIMIT} traces at once, not {len(trace_ids)}")
        return answer(self._archive.groups_of(trace_ids))

    async def breakdown(self, request: web.Request) -> web.Response:
        """`Breakdown` of a range."""
        return answer(self._archive.breakdown(*time_range(request), scope_of(request)))

    async def process_metrics(self, request: web.Request) -> web.Response:
        """List of `ProcessMetric`."""
        return answer(self._archive.process_metrics(*stepped_range(request), scope_of(request)))

    async def services(self, _request: web.Request) -> web.Response:
        """List of names."""
        return answer(self._archive.services())

    async def health(self, _request: web.Request) -> web.Response:
        """`ApmHealth`."""
        return answer(self._archive.health(*self._trouble()))


def answer(value: Any) -> web.Response:
    """JSON of dataclasses and plain values."""
    return web.Response(body=to_json(value), content_type="application/json")


def scope_of(request: web.Request) -> Scope:
    """What the question is narrowed down to."""
    given = request.query
    return Scope(given.get("service"), given.get("environment"), given.get("type", "request"))


def whole(request: web.Request, name: str) -> int:
    """A whole number from the query."""
    text = request.query.get(name, "")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 15:
        raise BadInput(f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


def time_range(request: web.Request) -> tuple[int, int]:
    """`start` and `end` in milliseconds since 1970."""
    start_ms, end_ms = whole(request, "start"), whole(request, "end")
    if not start_ms < end_ms:
        raise BadInput(f"start must lie before end: {start_ms}, {end_ms}")
    if end_ms - start_ms > 1000 * BUCKET_LIMIT:
        raise BadInput(f"the range must not exceed {BUCKET_LIMIT} seconds")
    return start_ms, end_ms


def stepped_range(request: web.Request) -> tuple[int, int, int]:
    """`start`, `end` and `step` in milliseconds."""
    start_ms, end_ms = time_range(request)
    step_ms = whole(request, "step")
    if step_ms < 1 or (end_ms - start_ms) / step_ms > BUCKET_LIMIT:
        raise BadInput(f"step must be positive and cut the range into at most {BUCKET_LIMIT} buckets")
    return start_ms, end_ms, step_ms
