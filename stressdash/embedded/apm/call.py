"""What a span called, in ECS names: database, HTTP, destination and target service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stressdash.embedded.apm.context import Json, pick

__all__ = ["add_call"]


def add_call(made: Json, context: Mapping[str, Any]) -> None:
    """Add what the span's context tells to its document, whose `span` and `service` are there already."""
    db = context.get("db") or {}
    names = ("instance", "link", "rows_affected", "statement", "type")
    if fields := pick(db, {name: name for name in names}):
        made["span"]["db"] = fields
        if name := db.get("user"):
            fields["user"] = {"name": name}
    _add_http(made, context.get("http") or {})
    _add_destination(made, context)


def _add_http(made: Json, http: Mapping[str, Any]) -> None:
    fields: Json = {}
    if method := http.get("method"):
        fields["request"] = {"method": method}
    response = pick(http.get("response"), {"status_code": "status_code", "transfer_size": "transfer_size"})
    if (status := http.get("status_code")) is not None:
        response["status_code"] = status
    if response:
        fields["response"] = response
    if fields:
        made["http"] = fields
    if url := http.get("url"):
        made["url"] = {"original": url}


def _add_destination(made: Json, context: Mapping[str, Any]) -> None:
    destination = context.get("destination") or {}
    if address := pick(destination, {"address": "address", "port": "port"}):
        made["destination"] = address
    service = {k: v for k, v in (destination.get("service") or {}).items() if v}
    if service:
        made["span"]["destination"] = {"service": service}
    target = pick((context.get("service") or {}).get("target"), {"type": "type", "name": "name"})
    if "type" not in target and (resource := service.get("resource")):
        kind, _, name = resource.partition("/")
        target = {"type": kind, "name": name} if name else {"type": kind}
    if target := {key: value for key, value in target.items() if value}:
        made["service"] = {**made["service"], "target": target}
