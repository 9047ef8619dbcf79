"""Text with fields in double braces: `{{request}}` is the request's number, `{{run}}` the run's tag.

`stressdash.load.field` lists all fields. A template is parsed once, then bound to a run into printf-style
bytes with a value for each place; what is the same for the whole run becomes literal text. `{{` that opens no
known field is an error, `{{{{` is a literal `{{`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from stressdash.errors import BadInput
from stressdash.load.field import Field, Source, Value, parse_field

__all__ = ["Bound", "Template", "joined", "literal", "numbers"]

FIELD: Final = re.compile(rb"\{\{\{\{|\{\{(.*?)\}\}|\{\{", re.DOTALL)


def _header_text(text: str) -> bytes:
    if re.search(r"[\r\n\0]", text):
        raise BadInput(
            f"the value {text[:40]!r} cannot stand in a header: it holds a line break; leave its row out"
        )
    return text.encode()


ENCODINGS: Final[dict[str, Callable[[str], bytes]]] = {
    "path": lambda text: quote(text, safe="").encode(),
    "header": _header_text,
    "body": str.encode,
}
"""How texts of choices and rows are written in each part of a request."""


@dataclass(frozen=True, slots=True)
class Bound:
    """Text bound to a run: printf-style, with a value for each place."""

    format: bytes
    values: tuple[Value, ...] = ()
    """Each makes what stands in its place of the request's number."""
    varies: bool = False
    """Whether a place holds anything but the number itself."""

    def render(self, number: int) -> bytes:
        """The text of a request."""
        return self.format % tuple([value(number) for value in self.values])


def literal(text: bytes) -> Bound:
    """Text that is always the same."""
    return Bound(text.replace(b"%", b"%%"))


def numbers(text: bytes) -> Bound:
    """Printf-style text with the request's number in every place."""
    return Bound(text, (_number,) * text.replace(b"%%", b"").count(b"%"))


def joined(parts: Iterable[Bound]) -> Bound:
    """The parts one after the other."""
    parts = tuple(parts)
    values = tuple(value for part in parts for value in part.values)
    return Bound(b"".join(part.format for part in parts), values, any(part.varies for part in parts))


def _number(number: int) -> int:
    return number


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal text and fields in order."""

    parts: tuple[bytes | Field, ...]

    @classmethod
    def parse(cls, text: bytes) -> Template:
        """Template of the text.

        Raises:
            BadInput: a field that is not known or not closed.
        """
        parts: list[bytes | Field] = []
        end = 0
        for match in FIELD.finditer(text):
            parts.append(text[end : match.start()])
            parts.append(_part(match))
            end = match.end()
        parts.append(text[end:])
        return cls(tuple(part for part in parts if part))

    @property
    def names(self) -> frozenset[str]:
        """Kinds of the fields used."""
        return frozenset(part.kind for part in self.parts if isinstance(part, Field))

    def bind(self, source: Source, place: str = "body") -> Bound:
        """The template for a run.

        Args:
            source: where values come from.
            place: where it stands; its word before the first `:` names the encoding, all of it the chance.

        Raises:
            BadInput: rows or a column that do not exist, or a value that cannot stand there.
        """
        encode = ENCODINGS[place.partition(":")[0]]
        return joined(
            self._bound(part, source, encode, f"{place}:{number}") for number, part in enumerate(self.parts)
        )

    @staticmethod
    def _bound(part: bytes | Field, source: Source, encode: Callable[[str], bytes], place: str) -> Bound:
        if isinstance(part, bytes):
            return literal(part)
        if part.kind == "run":
            return literal(b"%d" % source.run_tag)
        if part.kind == "request":
            return numbers(b"%d")
        form = b"%d" if part.kind in {"counter", "span", "random"} else b"%b"
        return Bound(form, (source.value(part, place, encode),), varies=True)


def _part(match: re.Match[bytes]) -> bytes | Field:
    if match.group() == b"{{{{":
        return b"{{"
    if match.group(1) is None:
        raise BadInput("a template has {{ without }}; write {{{{ for two literal braces")
    return parse_field(match.group(1).decode("utf-8", "replace"))
