"""Text with fields in double braces: `{{request}}` is the request's number, `{{run}}` the run's tag.

A template is parsed once, then bound to a run into printf-style bytes: fields that are the same for the whole
run become literal text, what is left is a function of the request number. So a request can be made again from
its number alone, whichever worker sends it. `{{` that opens no known field is an error, `{{{{` is a literal
`{{`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from stressdash.errors import BadInput

__all__ = ["Template"]

FIELD: Final = re.compile(rb"\{\{\{\{|\{\{(.*?)\}\}|\{\{", re.DOTALL)
NAMES: Final = frozenset({"request", "run"})


@dataclass(frozen=True, slots=True)
class Template:
    """A parsed template: literal text (bytes) and field names (str) in order."""

    parts: tuple[bytes | str, ...]

    @classmethod
    def parse(cls, text: bytes) -> Template:
        """Template of the text.

        Raises:
            BadInput: a field that is not known or not closed.
        """
        parts: list[bytes | str] = []
        end = 0
        for match in FIELD.finditer(text):
            parts.append(text[end : match.start()])
            parts.append(_part(match))
            end = match.end()
        parts.append(text[end:])
        return cls(tuple(part for part in parts if part))

    @property
    def names(self) -> frozenset[str]:
        """Names of the fields used."""
        return frozenset(part for part in self.parts if isinstance(part, str))

    def bind(self, run_tag: int) -> bytes:
        """Printf-style bytes with one `%d` for each place of the request number."""
        return b"".join(self._bound(part, run_tag) for part in self.parts)

    @staticmethod
    def _bound(part: bytes | str, run_tag: int) -> bytes:
        if isinstance(part, bytes):
            return part.replace(b"%", b"%%")
        return b"%d" if part == "request" else b"%d" % run_tag


def _part(match: re.Match[bytes]) -> bytes | str:
    if match.group() == b"{{{{":
        return b"{{"
    if match.group(1) is None:
        raise BadInput("a template has {{ without }}; write {{{{ for two literal braces")
    name = match.group(1).decode("utf-8", "replace").strip()
    if name not in NAMES:
        known = ", ".join(sorted(NAMES))
        raise BadInput(f"a template has no field {name[:40]!r}; there are {known}")
    return name
