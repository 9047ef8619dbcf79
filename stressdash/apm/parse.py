"""APM documents -> samples. The same eyes for Elasticsearch and for the embedded intake.

Pure. Documents come from outside: a field may be missing or of a wrong type, and then counts as not known.
Dotted keys and nested objects are the same field to Elasticsearch, and here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from stressdash.samples import ErrorSample, Frame, Span, Trace, TransactionSample

__all__ = ["error_sample", "field", "frame_list", "listed", "number", "text", "trace", "transaction_sample"]

T = TypeVar("T")


def field(document: Any, path: str) -> Any:
    """Value at a dotted path, whether the document nests it or not; None when absent."""
    if not isinstance(document, Mapping):
        return None
    if path in document:
        return document[path]
    head, dot, rest = path.partition(".")
    while dot:
        if head in document and (found := field(document[head], rest)) is not None:
            return found
        more, dot, rest = rest.partition(".")
        head = f"{head}.{more}"
    return None


def text(document: Any, path: str, default: str = "") -> str:
    """Text at a path; the first of a list."""
    value = field(document, path)
    if isinstance(value, list) and value:
        value = value[0]
    return value if isinstance(value, str) else default


def number(document: Any, path: str) -> int | None:
    """Whole number at a path."""
    value = field(document, path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value)


def flag(document: Any, path: str) -> bool | None:
    """Truth value at a path."""
    value = field(document, path)
    return value if isinstance(value, bool) else None


def listed(value: Any) -> list[Mapping[str, Any]]:
    """Objects of a list, a single object as a list of one, anything else as empty."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, Mapping)]
    return [value] if isinstance(value, Mapping) else []


def error_sample(document: Mapping[str, Any], index: int, total: int) -> ErrorSample:
    """The error that a document describes.

    Args:
        document: `_source` of an error.
        index: its position among the samples of its group.
        total: how many there are.
    """
    exceptions = listed(field(document, "error.exception"))
    first: Any = exceptions[0] if exceptions else {}
    frames = frame_list(field(first, "stacktrace")) or frame_list(field(document, "error.log.stacktrace"))
    labels = field(document, "labels")
    return ErrorSample(
        id=text(document, "error.id"),
        group=text(document, "error.grouping_key"),
        at_ms=micros(document) // 1000,
        type=text(first, "type"),
        message=text(document, "error.log.message") or text(first, "message"),
        culprit=text(document, "error.culprit"),
        handled=flag(first, "handled"),
        frames=frames,
        causes=tuple((text(cause, "type"), text(cause, "message")) for cause in exceptions[1:]),
        trace_id=text(document, "trace.id") or None,
        transaction_id=text(document, "transaction.id") or None,
        transaction_name=text(document, "transaction.name") or None,
        sampled=flag(document, "transaction.sampled"),
        labels={str(k): str(v) for k, v in labels.items()} if isinstance(labels, Mapping) else {},
        index=index,
        total=total,
    )


def frame_list(frames: Any) -> tuple[Frame, ...]:
    """Stack frames, the raise site last."""
    return tuple(_frame(frame) for frame in listed(frames))


def _frame(frame: Any) -> Frame:
    return Frame(
        filename=text(frame, "filename") or text(frame, "classname") or text(frame, "abs_path"),
        line=number(frame, "line.number"),
        function=text(frame, "function"),
        module=text(frame, "module"),
        library=flag(frame, "library_frame") or False,
        pre=_lines(field(frame, "context.pre")),
        context=text(frame, "line.context"),
        post=_lines(field(frame, "context.post")),
    )


def _lines(value: Any) -> tuple[str, ...]:
    return tuple(line for line in value if isinstance(line, str)) if isinstance(value, list) else ()


def trace(trace_id: str, documents: Sequence[Mapping[str, Any]]) -> Trace:
    """The trace that documents make up: by start, at one start transactions before their spans."""
    parts = [part for document in documents if (part := _part(document)) is not None]
    rank = {"transaction": 0, "span": 1, "error": 2}
    parts.sort(key=lambda part: (part.start_us, rank[part.kind], part.id))
    return Trace(trace_id, tuple(parts), _sampled(documents) if parts else None)


def _sampled(documents: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a transaction is among them that is more than a stub, as 7.x keeps of unsampled ones."""
    transactions = [d for d in documents if text(d, "processor.event") == "transaction"]
    return any(flag(document, "transaction.sampled") is not False for document in transactions)


def transaction_sample(document: Mapping[str, Any]) -> TransactionSample:
    """The transaction that a document describes."""
    return TransactionSample(
        trace_id=text(document, "trace.id"),
        transaction_id=text(document, "transaction.id"),
        name=text(document, "transaction.name"),
        at_ms=micros(document) // 1000,
        duration_us=number(document, "transaction.duration.us") or 0,
        outcome=text(document, "event.outcome", "unknown"),
        result=text(document, "transaction.result"),
    )


def _part(document: Mapping[str, Any]) -> Span | None:
    kind = text(document, "processor.event")
    if kind not in {"transaction", "span", "error"}:
        return None
    parent = text(document, "parent.id") or None
    if kind == "error":
        return Span(
            id=text(document, "error.id"),
            parent_id=parent,
            kind=kind,
            name=text(document, "error.log.message")
            or text(document, "error.grouping_name")
            or _thrown(document),
            type=_thrown(document, "type"),
            start_us=micros(document),
            duration_us=0,
            error_group=text(document, "error.grouping_key") or None,
        )
    return Span(
        id=text(document, f"{kind}.id"),
        parent_id=parent,
        kind=kind,
        name=text(document, f"{kind}.name"),
        type=text(document, f"{kind}.type"),
        start_us=micros(document),
        duration_us=number(document, f"{kind}.duration.us") or 0,
        outcome=text(document, "event.outcome") or None,
        resource=text(document, "span.destination.service.resource"),
    )


def _thrown(document: Mapping[str, Any], what: str = "message") -> str:
    exceptions = listed(field(document, "error.exception"))
    return text(exceptions[0], what) if exceptions else ""


def micros(document: Mapping[str, Any]) -> int:
    """When it happened, microseconds since 1970; 0 when the document does not tell."""
    return number(document, "timestamp.us") or 0
