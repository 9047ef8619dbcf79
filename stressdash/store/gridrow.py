"""How windows lie in a run's file: a body for each grid step, a kilobyte at thousands of requests a second.

A body is MessagePack, deflated. Histograms are stored as the distances between their buckets and the counts
beside them; both are small numbers, which take a byte each and deflate well. Times count from the run's
start. Fields stand in the order that the file's head names, so a window of another version is read as well:
what it lacks has its default.

A fault is stored by its number in the file. What the client saw of it goes into a table of its own, as
answers would make rows ten times as large; the slowest requests are stored without their answers, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any, Final

from stressdash.errors import BadInput
from stressdash.samples import Counts, Exemplar, Fault, RequestCounts, Window
from stressdash.wire import from_builtins, from_packed, to_builtins, to_packed, type_hints

__all__ = ["FIELDS", "Kinds", "deflate", "inflate", "pack_windows", "unpack_windows"]

LEVEL: Final = 6
MOST_BYTES: Final = 1 << 24
"""What a body may inflate to."""

Kinds = Mapping[int, tuple[str, str, str]]
"""Number of a fault in the file to its key."""

Packed = Any


def deflate(value: Any) -> bytes:
    """Bytes of plain containers or of dataclasses."""
    return zlib.compress(to_packed(value), LEVEL)


def inflate(body: bytes, shape: Any = Any) -> Any:
    """What `deflate` was given.

    Raises:
        BadInput: the bytes are damaged, or inflate to more than any row of ours.
    """
    try:
        data = zlib.decompressobj().decompress(body, MOST_BYTES)
    except zlib.error as error:
        raise BadInput(f"a row of this run is damaged: {error}") from error
    return from_packed(data, shape)


def pack_windows(
    windows: Iterable[Window], origin_ns: int, number_of: Callable[[Fault], int | None]
) -> bytes:
    """One body of a step's windows; `number_of` gives a fault's number from 1, else None."""
    return deflate([_pack(window, origin_ns, number_of) for window in windows])


def unpack_windows(
    body: bytes, origin_ns: int, kinds: Kinds, fields: Sequence[str] = ()
) -> tuple[Window, ...]:
    """The windows of a body, with times counted from `origin_ns`; `fields` as the file names them.

    Raises:
        BadInput: the body is damaged.
    """
    rows = inflate(body, list[Any])
    try:
        return tuple(_unpack(packed, origin_ns, kinds, fields or FIELDS) for packed in rows)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(f"a row of this run is damaged: {error!r}") from error


def _pack(window: Window, origin_ns: int, number_of: Callable[[Fault], int | None]) -> list[Packed]:
    numbered = [(number_of(fault), fault) for fault in window.faults]
    own = {
        "start_ns": window.start_ns - origin_ns,
        "faults": [_pack_fault(number, fault, window.start_ns) for number, fault in numbered if number],
        "exemplars": [to_builtins(_slim(exemplar, origin_ns)) for exemplar in window.exemplars],
        "faults_other": window.faults_other + sum(fault.count for number, fault in numbered if not number),
    }
    return [
        own[name] if name in own else _pack_value(getattr(window, name), shape)
        for name, shape in TYPES.items()
    ]


def _unpack(packed: Sequence[Packed], origin_ns: int, kinds: Kinds, fields: Sequence[str]) -> Window:
    values: dict[str, Any] = {
        name: value if name in OWN else _unpack_value(value, TYPES[name])
        for name, value in zip(fields, packed, strict=False)
        if name in TYPES
    }
    start_ns = values["start_ns"] = values["start_ns"] + origin_ns
    values["faults"] = tuple(_unpack_fault(fault, start_ns, kinds) for fault in values["faults"])
    values["exemplars"] = tuple(
        _slim(from_builtins(each, Exemplar), -origin_ns) for each in values["exemplars"]
    )
    return Window(**values)


def _pack_value(value: Any, shape: Any) -> Packed:
    if shape is int:
        return value
    if shape == Counts:
        return _pack_counts(value)
    if shape == BY_REQUEST:
        return {
            name: [_pack_value(getattr(counts, field), kind) for field, kind in REQUEST_TYPES.items()]
            for name, counts in value.items()
        }
    return to_builtins(value)


def _unpack_value(packed: Packed, shape: Any) -> Any:
    if shape is int:
        return packed
    if shape == Counts:
        return _unpack_counts(packed)
    if shape == BY_REQUEST:
        return {
            name: RequestCounts(*map(_unpack_value, values, REQUEST_TYPES.values()))
            for name, values in packed.items()
        }
    return from_builtins(packed, shape)


def _pack_counts(counts: Counts) -> Packed:
    if not counts:
        return 0
    indexes = sorted(counts)
    return [
        [indexes[0], *(after - before for before, after in pairwise(indexes))],
        [counts[index] for index in indexes],
    ]


def _unpack_counts(packed: Packed) -> Counts:
    return dict(zip(accumulate(packed[0]), packed[1], strict=True)) if packed else {}


def _pack_fault(number: int, fault: Fault, start_ns: int) -> list[Packed]:
    heads: dict[str, list[int]] = {}
    for trace_id in sorted(fault.trace_ids):
        heads.setdefault(trace_id[:16], []).append(int(trace_id[16:], 16))
    traces = [
        [head, tails[0], *(after - before for before, after in pairwise(tails))]
        for head, tails in heads.items()
    ]
    return [number, fault.count, fault.first_ns - start_ns, fault.last_ns - start_ns, traces]


def _unpack_fault(packed: Sequence[Packed], start_ns: int, kinds: Kinds) -> Fault:
    number, count, first_ns, last_ns, traces = packed
    return Fault(
        *kinds[number],
        count=count,
        first_ns=start_ns + first_ns,
        last_ns=start_ns + last_ns,
        trace_ids=tuple(f"{head}{tail:016x}" for head, *tails in traces for tail in accumulate(tails)),
    )


def _slim(exemplar: Exemplar, origin_ns: int) -> Exemplar:
    """Without the answer, and with times from another origin."""
    sent_ns = None if exemplar.sent_ns is None else exemplar.sent_ns - origin_ns
    return replace(exemplar, at_ns=exemplar.at_ns - origin_ns, sent_ns=sent_ns, head=b"", body=b"")


TYPES: Final = type_hints(Window)
"""Fields of a window in their order, with their types."""
FIELDS: Final = tuple(TYPES)
REQUEST_TYPES: Final = type_hints(RequestCounts)
BY_REQUEST: Final = TYPES["by_request"]
OWN: Final = frozenset({"start_ns", "faults", "exemplars", "faults_other"})
"""Fields with a form of their own."""
