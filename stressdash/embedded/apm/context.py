"""Parts of documents that several kinds of events share: labels, HTTP, URL, user, addresses, stack frames.

Every function takes a validated piece of an event (`shapes`) as plain JSON and returns a piece of an
Elasticsearch document in ECS names. Absent and null become absent.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any, Final

__all__ = ["add_http", "exception_list", "frame_list", "merge_labels", "pick", "pruned", "user"]

Json = dict[str, Any]

UNSAFE_IN_KEYS: Final = str.maketrans({".": "_", "*": "_", '"': "_"})
FORWARDING_HEADERS: Final = ("Forwarded", "X-Real-Ip", "X-Forwarded-For")


def pick(source: Mapping[str, Any] | None, names: Mapping[str, str]) -> Json:
    """The fields of `source` that are there and not empty text, under the names that `names` gives them."""
    if not source:
        return {}
    return {new: value for old, new in names.items() if (value := source.get(old)) not in (None, "")}


def pruned(value: Any, depth: int = 64) -> Any:
    """The same JSON without nulls and what they leave empty, cut off at that depth."""
    if depth == 0:
        return None
    if isinstance(value, dict):
        kept = {key: pruned(item, depth - 1) for key, item in value.items() if item is not None}
        return {key: item for key, item in kept.items() if item is not None} or None
    if isinstance(value, list):
        return [pruned(item, depth - 1) for item in value]
    return value


def merge_labels(document: Json, tags: Mapping[str, Any] | None) -> None:
    """Texts and booleans into `labels`, numbers into `numeric_labels`; keys lose what queries cannot hold."""
    for key, value in (tags or {}).items():
        if value is None:
            continue
        name = key.translate(UNSAFE_IN_KEYS)
        if isinstance(value, bool):
            _extended(document, "labels")[name] = "true" if value else "false"
        elif isinstance(value, str):
            _extended(document, "labels")[name] = value
        else:
            _extended(document, "numeric_labels")[name] = value


def _extended(document: Json, field: str) -> Json:
    document[field] = dict(document.get(field, {}))
    extended: Json = document[field]
    return extended


def user(source: Mapping[str, Any] | None) -> Json:
    """ECS `user`; the id is always text."""
    found = pick(source, {"domain": "domain", "id": "id", "email": "email", "username": "name"})
    if "id" in found:
        found["id"] = str(found["id"])
    return found


def add_http(document: Json, context: Mapping[str, Any]) -> None:
    """`http`, `url`, `user_agent`, `source` and `client` of an incoming request and its response."""
    http: Json = {}
    if request := context.get("request"):
        http["request"] = _request(request)
        if version := request.get("http_version"):
            http["version"] = version
        if url := _url(request.get("url") or {}):
            document["url"] = url
        headers = http["request"].get("headers", {})
        if agent := headers.get("User-Agent"):
            document["user_agent"] = {"original": ", ".join(agent)}
        _add_addresses(document, request, headers)
    if response := context.get("response"):
        http["response"] = _response(response)
    if http:
        document["http"] = http


def _request(request: Mapping[str, Any]) -> Json:
    fields = pick(request, {"method": "method"})
    for name in ("env", "cookies"):
        if value := pruned(request.get(name)):
            fields[name] = value
    if body := pruned(request.get("body")):
        fields["body"] = {"original": body}
    if headers := _headers(request.get("headers")):
        fields["headers"] = headers
    return fields


def _response(response: Mapping[str, Any]) -> Json:
    names = (
        "status_code",
        "finished",
        "headers_sent",
        "transfer_size",
        "encoded_body_size",
        "decoded_body_size",
    )
    fields = pick(response, {name: name for name in names})
    if headers := _headers(response.get("headers")):
        fields["headers"] = headers
    return fields


def _headers(headers: Mapping[str, str | list[str]] | None) -> dict[str, list[str]]:
    """Header names in their usual capitals, each with the list of its values."""
    canonical: dict[str, list[str]] = {}
    for name, value in (headers or {}).items():
        usual = "-".join(part.capitalize() for part in name.split("-"))
        canonical.setdefault(usual, []).extend([value] if isinstance(value, str) else value)
    return canonical


def _url(url: Mapping[str, Any]) -> Json:
    names = {"raw": "original", "full": "full", "hostname": "domain", "pathname": "path", "search": "query"}
    fields = pick(url, {**names, "hash": "fragment"})
    if protocol := url.get("protocol"):
        fields["scheme"] = protocol.removesuffix(":")
    port = str(url.get("port") or "")
    if port.isascii() and port.isdigit() and len(port) <= 5:
        fields["port"] = int(port)
    return fields


def _add_addresses(document: Json, request: Mapping[str, Any], headers: Mapping[str, list[str]]) -> None:
    peer = _address((request.get("socket") or {}).get("remote_address"))
    if peer:
        document["source"] = peer
        document["client"] = {"ip": peer["ip"]}
    for name in FORWARDING_HEADERS:
        if forwarded := _address(_forwarded(name, next(iter(headers.get(name, ())), ""))):
            nat = {"nat": {"ip": peer["ip"]}} if peer else {}
            document["source"] = {**forwarded, **nat}
            document["client"] = forwarded
            return


def _forwarded(header: str, value: str) -> str:
    first = value.split(",", maxsplit=1)[0].strip()
    if header != "Forwarded":
        return first
    for field in first.split(";"):
        key, _, text = field.partition("=")
        if key.strip().lower() == "for":
            return text.strip().strip('"')
    return ""


def _address(text: str | None) -> Json:
    """`ip` and, when given, `port` of `host`, `host:port` or `[host]:port`; empty for anything else."""
    host, port = text or "", ""
    if host.startswith("[") or host.count(":") == 1:
        host, _, port = host.rpartition(":")
        host = host.strip("[]")
    try:
        fields: Json = {"ip": str(ipaddress.ip_address(host))}
    except ValueError:
        return {}
    if port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536:
        fields["port"] = int(port)
    return fields


def frame_list(frames: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Stack frames as documents hold them, in the agent's order."""
    return [_frame(frame) for frame in frames]


def _frame(frame: Mapping[str, Any]) -> Json:
    names = ("abs_path", "filename", "classname", "module", "function")
    fields: Json = {"exclude_from_grouping": False, **pick(frame, {name: name for name in names})}
    if frame.get("library_frame"):
        fields["library_frame"] = True
    if line := pick(frame, {"lineno": "number", "colno": "column", "context_line": "context"}):
        fields["line"] = line
    around = {"pre": frame.get("pre_context"), "post": frame.get("post_context")}
    if context := {key: lines for key, lines in around.items() if lines}:
        fields["context"] = context
    if variables := pruned(frame.get("vars")):
        fields["vars"] = variables
    return fields


def exception_list(outermost: Mapping[str, Any]) -> list[Json]:
    """The exception and its causes as one list; `parent` where the cause is not of the entry before."""
    entries: list[Json] = []
    waiting: list[tuple[Mapping[str, Any], int]] = [(outermost, -1)]
    while waiting:
        exception, parent = waiting.pop()
        position = len(entries)
        entry = _exception(exception)
        if parent >= 0 and parent != position - 1:
            entry["parent"] = parent
        entries.append(entry)
        waiting += [(cause, position) for cause in reversed(exception.get("cause") or ())]
    return entries


def _exception(exception: Mapping[str, Any]) -> Json:
    entry = pick(exception, {name: name for name in ("message", "type", "module", "handled")})
    if (code := exception.get("code")) is not None:
        entry["code"] = str(code)
    if attributes := pruned(exception.get("attributes")):
        entry["attributes"] = attributes
    if frames := exception.get("stacktrace"):
        entry["stacktrace"] = frame_list(frames)
    return entry
