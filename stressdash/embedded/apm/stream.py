"""One intake request: its lines become events in the archive, its result the answer to the agent.

Sans-IO. A bad line costs that line alone: the good ones are kept and the first five bad ones are named in
the answer, as apm-server does it. Only without valid metadata nothing is taken in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from stressdash.embedded.apm.archive import Archive, Origin
from stressdash.embedded.apm.body import Inflater, LineSplitter, LineTooLong
from stressdash.embedded.apm.document import base_document
from stressdash.embedded.apm.shapes import (
    ErrorLine,
    MetadataLine,
    MetricsetLine,
    SpanLine,
    TransactionLine,
)
from stressdash.errors import BadInput
from stressdash.wire import from_json, strict_json

__all__ = ["IntakeResult", "IntakeStream"]

ERROR_LIMIT: Final = 5
READERS: Final[dict[bytes, Callable[[bytes], Any]]] = {
    b"transaction": strict_json(TransactionLine),
    b"span": strict_json(SpanLine),
    b"error": strict_json(ErrorLine),
    b"metricset": strict_json(MetricsetLine),
}
read_metadata = strict_json(MetadataLine)
MISSING_FIELD: Final = re.compile(r"Object missing required field `(\w+)` - at `\$\.?(.*)`")


@dataclass(slots=True)
class IntakeResult:
    """What the agent is told."""

    accepted: int = 0
    errors: list[dict[str, str]] = field(default_factory=list)
    """`message` and `document` of at most five bad lines."""
    invalid: int = 0

    def reject(self, message: str, line: bytes | None = None) -> None:
        """Name a line, or the request, as bad."""
        self.invalid += 1
        if len(self.errors) < ERROR_LIMIT:
            entry = {"message": message}
            if line is not None:
                entry["document"] = line.decode("utf-8", "replace")
            self.errors.append(entry)


class IntakeStream:
    """The body of one request.

    Args:
        archive: where events go.
        received_us: wall clock, for events that tell no time of their own.
        encoding: the request's `Content-Encoding`, empty to recognise it.
        limit_bytes: of the decompressed body.
    """

    def __init__(self, archive: Archive, received_us: int, encoding: str, limit_bytes: int) -> None:
        self._archive = archive
        self._received_us = received_us
        self._inflater = Inflater(encoding, limit_bytes)
        self._splitter = LineSplitter()
        self._origin: Origin | None = None
        self.result = IntakeResult()
        self.ended = False
        """Nothing more can be read from this body."""

    def feed(self, chunk: bytes) -> Iterator[None]:
        """Take in more of the body; a generator, so that the caller can let others work in between."""
        try:
            for piece in self._inflater.feed(chunk):
                self._take_all(self._splitter.feed(piece))
                if self.ended:
                    return
                yield
        except BadInput as error:
            self.fail(str(error))

    def finish(self) -> None:
        """The body is complete."""
        if self.ended:
            return
        try:
            self._take_all(self._splitter.feed(self._inflater.finish()))
            self._take_all(self._splitter.finish())
        except BadInput as error:
            self.fail(str(error))
        self.ended = True

    def fail(self, message: str, line: bytes | None = None) -> None:
        """End here; `line` is to blame when it is given."""
        self.ended = True
        self.result.reject(message, line)

    def _take_all(self, lines: Iterable[bytes | LineTooLong]) -> None:
        for line in lines:
            if isinstance(line, LineTooLong):
                self.result.reject(str(line), line.start)
                self.ended = self._origin is None
            elif self._origin is None:
                self._take_metadata(line)
            elif line and not line.isspace():
                self._take_event(line, self._origin)
            if self.ended:
                return

    def _take_metadata(self, line: bytes) -> None:
        try:
            if event_kind(line) != b"metadata":
                self.fail('cannot read metadata in stream: "metadata" or "m" required', line)
                return
            read_metadata(line)
        except BadInput as error:
            self.fail(f"cannot read metadata in stream: {told(error)}", line)
            return
        base = base_document(from_json(line, dict)["metadata"], self._received_us)
        self._origin = self._archive.origin(base, self._received_us)

    def _take_event(self, line: bytes, origin: Origin) -> None:
        kind = event_kind(line)
        reader = READERS.get(kind)
        archive = self._archive
        if reader is None:
            self.result.reject(f'did not recognize object type: "{kind.decode("utf-8", "replace")}"', line)
            return
        try:
            event = reader(line)
        except BadInput as error:
            self.result.reject(told(error), line)
            return
        if kind == b"transaction":
            archive.add_transaction(event.transaction, line, origin)
        elif kind == b"span":
            archive.add_span(event.span, line, origin)
        elif kind == b"error":
            archive.add_error(event.error, line, origin)
        else:
            archive.add_metricset(event.metricset, line, origin)
        self.result.accepted += 1


def event_kind(line: bytes) -> bytes:
    """First key of the line's object; empty when there is none."""
    parts = line.split(b'"', 2)
    return parts[1] if len(parts) == 3 else b""


def told(error: BadInput) -> str:
    """The decoder's words in the form of apm-server's."""
    text = str(error)
    if missing := MISSING_FIELD.match(text):
        field_name, path = missing.groups()
        return f"validation error: {path}: '{field_name}' required"
    if " - at `$" in text:
        return f"validation error: {text}"
    return f"decode error: data read error: {text}"
