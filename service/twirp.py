"""Twirp v7, the wire format: routes, codecs, errors. Sans-IO: strings and bytes in, messages and bytes out.

https://twitchtv.github.io/twirp/docs/spec_v7.html. Errors are JSON whatever the request was. An exception
that is no `TwirpError` counts as `internal` with its text as message and its class as `meta.cause`.
JSON follows protobuf's rules: both spellings of a field name are taken, unknown fields are ignored, no name
comes twice.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

__all__ = ["JSON", "PROTOBUF", "STATUS", "Method", "Router", "TwirpError", "decode", "encode", "wrap"]

JSON = "application/json"
PROTOBUF = "application/protobuf"

STATUS: Mapping[str, int] = {
    "canceled": 408,
    "unknown": 500,
    "invalid_argument": 400,
    "malformed": 400,
    "deadline_exceeded": 408,
    "not_found": 404,
    "bad_route": 404,
    "already_exists": 409,
    "permission_denied": 403,
    "unauthenticated": 401,
    "resource_exhausted": 429,
    "failed_precondition": 412,
    "aborted": 409,
    "out_of_range": 400,
    "unimplemented": 501,
    "internal": 500,
    "unavailable": 503,
    "data_loss": 500,
}
"""Error codes with their HTTP status. The specification spells `dataloss`, Twirp's own servers send this."""


class TwirpError(Exception):
    """An error as Twirp puts it on the wire."""

    def __init__(self, code: str, message: str, meta: Mapping[str, str] | None = None) -> None:
        super().__init__(f"twirp error {code}: {message}")
        self.code = code
        self.message = message
        self.meta = dict(meta or {})

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.code]

    def body(self) -> bytes:
        """The JSON that the client gets."""
        document: dict[str, object] = {"code": self.code, "msg": self.message}
        if self.meta:
            document["meta"] = self.meta
        return json.dumps(document).encode()


def wrap(error: BaseException) -> TwirpError:
    """The error itself if it is Twirp's, else `internal`."""
    if isinstance(error, TwirpError):
        return error
    return TwirpError("internal", str(error) or type(error).__name__, {"cause": type(error).__name__})


@dataclass(frozen=True, slots=True)
class Method:
    """One remote procedure; `handler` takes a request message and the context of the call."""

    service: str
    """With its package: `stats.StatsService`."""
    name: str
    request: type[Message]
    handler: Callable[[Any, Any], Awaitable[Message]]
    plain_fields: Mapping[str, type] = field(init=False)
    """Fields whose JSON form is exactly this Python type."""

    def __post_init__(self) -> None:
        plain = {
            FieldDescriptor.TYPE_STRING: str,
            FieldDescriptor.TYPE_UINT32: int,
            FieldDescriptor.TYPE_INT32: int,
            FieldDescriptor.TYPE_BOOL: bool,
        }
        fields = {
            item.name: plain[item.type]
            for item in self.request.DESCRIPTOR.fields
            if item.type in plain and not item.is_repeated
        }
        object.__setattr__(self, "plain_fields", fields)

    @property
    def full_name(self) -> str:
        """`stats.StatsService/Push`."""
        return f"{self.service}/{self.name}"


class Router:
    """Finds the method that a request is for."""

    def __init__(self, *methods: Method, prefix: str = "/twirp") -> None:
        self._methods = {f"{prefix}/{method.full_name}": method for method in methods}

    def route(self, verb: str, path: str, content_type: str) -> tuple[Method, str]:
        """The method and the content type in its plain form.

        Raises:
            TwirpError: `bad_route`.
        """
        if verb != "POST":
            raise _bad_route(f'unsupported method "{verb}" (only POST is allowed)', verb, path)
        method = self._methods.get(path)
        if method is None:
            raise _bad_route(f'no handler for path "{path}"', verb, path)
        media = content_type
        if media not in {JSON, PROTOBUF}:
            media = content_type.partition(";")[0].strip().lower()
            if media not in {JSON, PROTOBUF}:
                raise _bad_route(f'unexpected Content-Type: "{content_type}"', verb, path)
        return method, media


def _bad_route(message: str, verb: str, path: str) -> TwirpError:
    return TwirpError("bad_route", message, {"twirp_invalid_route": f"{verb} {path}"})


def decode(method: Method, media: str, body: bytes) -> Message:
    """The request message.

    Raises:
        TwirpError: `malformed`.
    """
    try:
        if media == PROTOBUF:
            return method.request.FromString(body)
        return _from_json(method, body)
    except (DecodeError, json_format.ParseError, ValueError, RecursionError):
        kind = "protobuf" if media == PROTOBUF else "json"
        raise TwirpError("malformed", f"the {kind} request could not be decoded") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name comes twice")
    return document


_JSON = json.JSONDecoder(object_pairs_hook=_unique)


def _from_json(method: Method, body: bytes) -> Message:
    document = _JSON.decode(body.decode())
    if not isinstance(document, dict):
        raise ValueError("a message is a JSON object")  # noqa: TRY004 - the caller turns ValueError to malformed
    plain = method.plain_fields
    for name, value in document.items():
        if type(value) is not plain.get(name):
            # json_format costs seven times as much as everything else here: it is left to unusual documents.
            return json_format.ParseDict(document, method.request(), ignore_unknown_fields=True)
    return method.request(**document)


def encode(media: str, message: Message) -> bytes:
    """The body of an answer; JSON names every field, as Twirp's own servers do, whatever its value."""
    if media == PROTOBUF:
        return message.SerializeToString()
    if not message.DESCRIPTOR.fields:
        return b"{}"
    text = json_format.MessageToJson(
        message, indent=None, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return text.encode()
