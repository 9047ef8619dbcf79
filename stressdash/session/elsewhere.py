"""Where to go on: the search behind a view for Kibana's console, and a link into Kibana's own APM pages.

Pure. The links are those of Kibana 8 and 9 (`/app/apm/...`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from stressdash.apm import queries, view_queries
from stressdash.apm.queries import Search
from stressdash.errors import UsageError
from stressdash.samples import Scope

__all__ = ["Place", "console_search", "kibana_link"]


@dataclass(frozen=True, slots=True)
class Place:
    """What is looked at: an error group, or a tab of the APM views."""

    start_ms: int
    end_ms: int
    scope: Scope
    group: str | None = None
    tab: str = ""
    name: str | None = None
    """Transactions of this name only."""


def console_search(place: Place) -> str:
    """The search as Kibana's console takes it: a line with the index, and the body."""
    search = _search(place)
    options = urlencode({name: str(on).lower() for name, on in search.header.items() if name != "index"})
    return f"GET {search.index}/_search?{options}\n{json.dumps(search.body, indent=2, ensure_ascii=False)}"


def _search(place: Place) -> Search:
    start_ms, end_ms, scope = place.start_ms, place.end_ms, place.scope
    if place.group is not None:
        return queries.error_sample(place.group, 0, start_ms, end_ms, scope, None)
    if place.tab == "transactions":
        return view_queries.transactions(start_ms, end_ms, scope)
    if place.tab == "latency":
        return view_queries.latency_distribution(start_ms, end_ms, place.name, scope)
    if place.tab == "dependencies":
        return view_queries.dependencies(start_ms, end_ms, scope)
    return view_queries.overview(start_ms, end_ms, scope)


def kibana_link(place: Place, base: str) -> str:
    """A page of Kibana that shows the same.

    Raises:
        UsageError: the service's name is not known, and Kibana has no page without it.
    """
    path, more = _page(place)
    query = {
        "rangeFrom": _iso(place.start_ms),
        "rangeTo": _iso(place.end_ms),
        "environment": place.scope.environment or "ENVIRONMENT_ALL",
        **more,
    }
    return f"{base.rstrip('/')}/app/apm/{path}?{urlencode(query)}"


def _page(place: Place) -> tuple[str, dict[str, str]]:
    if place.group is None and place.tab == "services":
        return "services", {}
    if place.scope.service is None:
        raise UsageError("Kibana's page needs the service's name; give --apm-service")
    service = f"services/{quote(place.scope.service, safe='')}"
    if place.group is not None:
        return f"{service}/errors/{quote(place.group, safe='')}", {}
    kind = {"transactionType": place.scope.transaction_type}
    if place.tab == "latency" and place.name is not None:
        return f"{service}/transactions/view", {**kind, "transactionName": place.name}
    return f"{service}/{'dependencies' if place.tab == 'dependencies' else 'transactions'}", kind


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1e3, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
