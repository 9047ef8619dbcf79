"""How samples cross a process boundary: msgspec encodes and validates the dataclasses of `samples`.

The only importer of msgspec. Raises `BadInput` with the offending path when bytes do not fit the type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, get_type_hints

import msgspec
from msgspec import Meta

from stressdash.errors import BadInput

__all__ = [
    "EpochMicros",
    "Keyword",
    "Meta",
    "NonNegative",
    "ServiceName",
    "from_builtins",
    "from_json",
    "from_packed",
    "json_schema",
    "strict_json",
    "to_builtins",
    "to_json",
    "to_packed",
    "type_hints",
]

T = TypeVar("T")

Keyword = Annotated[str, msgspec.Meta(max_length=1024)]
"""Text that Elasticsearch indexes whole."""
ServiceName = Annotated[str, msgspec.Meta(min_length=1, max_length=1024, pattern="^[a-zA-Z0-9 _-]+$")]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
EpochMicros = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999_999)]
"""Microseconds since 1970, up to the year 9999."""


def to_json(value: Any) -> bytes:
    """JSON text of a dataclass or of plain containers; integer mapping keys become strings."""
    return msgspec.json.encode(value)


def from_json(data: bytes | str, shape: type[T]) -> T:
    """Value of the given type from JSON text."""
    try:
        return msgspec.json.decode(data, type=shape, strict=False)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"this is not the JSON expected here: {error}") from error


def strict_json(shape: type[T]) -> Callable[[bytes], T]:
    """A decoder to be used many times; unlike `from_json` it never turns one type into another.

    It raises `BadInput` with the decoder's own words, which name the place as `$.path`.
    """
    decode = msgspec.json.Decoder(shape).decode

    def read(data: bytes) -> T:
        try:
            return decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise BadInput(str(error)) from error

    return read


def to_packed(value: Any) -> bytes:
    """MessagePack bytes, for our own processes."""
    return msgspec.msgpack.encode(value)


def from_packed(data: bytes | memoryview, shape: type[T]) -> T:
    """Value of the given type from MessagePack bytes."""
    try:
        return msgspec.msgpack.decode(data, type=shape, strict=False)
    except msgspec.DecodeError as error:
        raise BadInput(f"this is not the message expected here: {error}") from error


def to_builtins(value: Any) -> Any:
    """Dicts, lists and scalars of a dataclass, ready for any JSON writer."""
    return msgspec.to_builtins(value, str_keys=True)


def from_builtins(value: Any, shape: type[T], *, strict: bool = False) -> T:
    """Value of the given type from dicts, lists and scalars; when `strict`, no text becomes a number."""
    try:
        return msgspec.convert(value, type=shape, strict=strict)
    except msgspec.ValidationError as error:
        raise BadInput(f"this does not have the form expected here: {error}") from error


def json_schema(shape: type) -> dict[str, Any]:
    """JSON schema (2020-12) of a dataclass: a reference and its `$defs`."""
    return msgspec.json.schema(shape)


def type_hints(shape: type) -> dict[str, Any]:
    """Types of a dataclass's fields, without their `Meta`."""
    return get_type_hints(shape)
