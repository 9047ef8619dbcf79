"""Which errors are the same: the grouping key of apm-server 9.

xxhash64 over, in this order: the types of the exception and all its causes, the log's parametrised message,
and per stack frame the module (else file, else class) and the function. Frames of a log count only when no
exception has any; messages count only when nothing else did. Line numbers never count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import xxhash

from stressdash.embedded.apm.parts import StackFrame
from stressdash.embedded.apm.shapes import ErrorEvent, ThrownException

__all__ = ["exceptions", "grouping_key"]


def grouping_key(error: ErrorEvent) -> str:
    """16 hexadecimal digits; the same for errors of one kind raised at one place."""
    thrown = list(exceptions(error.exception))
    log = error.log
    parts = [e.type for e in thrown if e.type]
    if log is not None and log.param_message:
        parts.append(log.param_message)
    frames = list(_frames(f for e in thrown for f in e.stacktrace or ()))
    if not frames and log is not None:
        frames = list(_frames(log.stacktrace or ()))
    parts += frames
    if not parts:
        parts = [e.message for e in thrown if e.message]
    if not parts and log is not None:
        parts = [log.message]
    return xxhash.xxh64_hexdigest("".join(parts).encode("utf-8", "surrogatepass"))


def exceptions(outermost: ThrownException | None) -> Iterator[ThrownException]:
    """The exception and its causes, depth first: the order in which a document lists them."""
    waiting = [] if outermost is None else [outermost]
    while waiting:
        exception = waiting.pop()
        yield exception
        waiting += reversed(exception.cause or ())


def _frames(frames: Iterable[StackFrame]) -> Iterator[str]:
    for frame in frames:
        if place := frame.module or frame.filename or frame.classname:
            yield place
        if frame.function:
            yield frame.function
