"""One run on disk, open for reading: also while it is being recorded, and after its writer was killed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from stressdash.errors import BadInput
from stressdash.samples import ApmBucket, ErrorGroup, ErrorSample, Exemplar, Knob, Trace, Window
from stressdash.snapshot import Mark
from stressdash.store.claim import is_claimed
from stressdash.store.gridbook import BLOCK
from stressdash.store.gridrow import inflate, unpack_windows
from stressdash.store.head import RunHead, Status
from stressdash.store.schema import open_read, telling
from stressdash.wire import from_json

__all__ = ["Condition", "StoredRun"]

T = TypeVar("T")

KILLED: Final = "what recorded it ended before the run did"


class Condition(StrEnum):
    """How much of a run is on disk."""

    RECORDING = "recording"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    """Not whole: what was measured until then is there."""
    DAMAGED = "damaged"
    """It cannot be read."""


class StoredRun:
    """Reads a run's file; close it, or use it as a context manager.

    Every method raises `BadInput` when the file is damaged. Steps are grid cells of 100 ms from the run's
    start, and times of windows are those of the run's own monotonic clock (`head.origin_ns` is its start).
    """

    def __init__(self, path: Path) -> None:
        """Open a run's file.

        Raises:
            BadInput: it is no run, is damaged, or comes from a newer stressdash.
            StoreError: it cannot be read.
        """
        self.path = path
        self._database = open_read(path)
        claimed = is_claimed(path)  # before the state, which is written first when a run ends
        found = self._rows("SELECT state, reason, head, report, note FROM run")
        if not found:
            raise BadInput(f"the run file {str(path)!r} is damaged (it tells of no run); delete it")
        state, self.reason, head, self.report_json, self.note = found[0]
        self.head: RunHead = from_json(head, RunHead)
        self.condition = Condition(state) if state in set(Condition) else Condition.INTERRUPTED
        if self.condition is Condition.RECORDING and not claimed:
            self.condition, self.reason = Condition.INTERRUPTED, self.reason or KILLED
        self._kinds = _Kinds(lambda: self._rows("SELECT * FROM fault"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _rows(self, question: str, *values: Any) -> list[Any]:
        with telling(self.path):
            return self._database.execute(question, values).fetchall()

    @property
    def tags(self) -> tuple[str, ...]:
        """In alphabetical order."""
        return tuple(name for (name,) in self._rows("SELECT name FROM tag ORDER BY name"))

    @property
    def headline(self) -> Mapping[str, Any]:
        """The figures of a list of runs, once the run has ended: those of `schema.headline_of`."""
        [(text,)] = self._rows("SELECT headline FROM run")
        return {} if text is None else from_json(text, dict[str, Any])

    @property
    def steps(self) -> int:
        """Steps from the start to the last one in the file."""
        [(last,)] = self._rows("SELECT max(step) FROM grid")
        return 0 if last is None else int(last) + 1

    def windows(self, first: int = 0, until: int | None = None) -> Iterator[Window]:
        """Windows of the steps from `first` to before `until`, in order; None: to the end."""
        yield from self._windows("grid", "step", first, self.steps if until is None else until)

    def blocks(self, until: int) -> tuple[int, tuple[Window, ...]]:
        """Windows of 6.4 s from the start on, ended before step `until`, and the step that they reach."""
        [(last,)] = self._rows("SELECT max(number) FROM block WHERE number < ?", until // BLOCK)
        if last is None:
            return 0, ()
        return (int(last) + 1) * BLOCK, tuple(self._windows("block", "number", 0, int(last) + 1))

    def _windows(self, table: str, key: str, first: int, until: int) -> Iterator[Window]:
        question = f"SELECT body FROM {table} WHERE {key} >= ? AND {key} < ? ORDER BY {key}"  # noqa: S608  our names
        with telling(self.path):
            for (body,) in self._database.execute(question, (first, until)):
                yield from unpack_windows(body, self.head.origin_ns, self._kinds, self.head.fields)

    def exemplars(self, after: int = 0) -> Mapping[tuple[str, str, str], tuple[Exemplar, ...]]:
        """What the client saw of each kind of fault: the first, then one every ten seconds.

        Args:
            after: how many are known already; only newer ones are given.
        """
        found: dict[tuple[str, str, str], tuple[Exemplar, ...]] = {}
        for number, body in self._rows("SELECT fault, body FROM exemplar WHERE id > ? ORDER BY id", after):
            key = self._kinds[number]
            found[key] = (*found.get(key, ()), inflate(body, Exemplar))
        return found

    def marks(self) -> tuple[Mark, ...]:
        """What happened; `at_s` counts from the run's start."""
        rows = self._rows("SELECT at_ms, label, kind FROM mark ORDER BY at_ms, id")
        return tuple(Mark(at_ms / 1e3, label, kind) for at_ms, label, kind in rows)

    def statuses(self, first_ms: int, until_ms: int, every_ms: int = 1) -> tuple[tuple[int, Status], ...]:
        """What stack and machine told, with milliseconds from the start; of each `every_ms` the last."""
        question = """
            SELECT max(at_ms), body FROM status WHERE at_ms >= ? AND at_ms < ?
            GROUP BY at_ms / ? ORDER BY at_ms
        """
        rows = self._rows(question, first_ms, until_ms, every_ms)
        return tuple((at_ms, inflate(body, Status)) for at_ms, body in rows)

    def knobs(self, at_ms: int) -> tuple[Knob, ...]:
        """All knobs as they stood so long after the run's start."""
        question = "SELECT body FROM knobs ORDER BY at_ms <= ? DESC, abs(at_ms - ?) LIMIT 1"
        found = self._rows(question, at_ms, at_ms)
        return inflate(found[0][0], tuple[Knob, ...]) if found else ()

    def buckets(self, start_ms: int, end_ms: int) -> tuple[ApmBucket, ...]:
        """Seconds of APM between two moments of the wall clock."""
        question = "SELECT body FROM apm_bucket WHERE start_ms >= ? AND start_ms < ? ORDER BY start_ms"
        return tuple(inflate(body, ApmBucket) for (body,) in self._rows(question, start_ms, end_ms))

    def groups(self) -> tuple[ErrorGroup, ...]:
        """Error groups of APM, the most frequent first."""
        found = [inflate(body, ErrorGroup) for (body,) in self._rows("SELECT body FROM error_group")]
        return tuple(sorted(found, key=lambda group: (-group.count, group.key)))

    def samples(self, key: str) -> tuple[ErrorSample, ...]:
        """Error documents of a group."""
        found = self._rows("SELECT body FROM error_sample WHERE key = ? ORDER BY number", key)
        samples = [inflate(body, ErrorSample) for (body,) in found]
        return tuple(replace(sample, index=n, total=len(samples)) for n, sample in enumerate(samples))

    def sample_of_trace(self, trace_id: str) -> ErrorSample | None:
        """The error document of a request; None where none was kept."""
        found = self._rows("SELECT key FROM error_sample WHERE trace = ?", trace_id)
        for (key,) in found:
            return next(sample for sample in self.samples(key) if sample.trace_id == trace_id)
        return None

    def trace(self, trace_id: str) -> Trace:
        """The spans of a request; empty where they were not kept."""
        found = self._rows("SELECT body FROM trace WHERE id = ?", trace_id)
        return inflate(found[0][0], Trace) if found else Trace(trace_id, ())

    def trace_groups(self) -> Mapping[str, tuple[str, ...]]:
        """Keys of the error groups of each failed request that APM was asked of."""
        return {trace: tuple(json.loads(keys)) for trace, keys in self._rows("SELECT * FROM trace_groups")}


class _Kinds(dict[int, tuple[str, str, str]]):
    """Kinds of fault by number; while a run is recorded new ones come, and are read when they are met."""

    def __init__(self, read: Callable[[], list[tuple[int, str, str, str]]]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, number: int) -> tuple[str, str, str]:
        self.update({known: (category, code, message) for known, category, code, message in self._read()})
        if number in self:
            return self[number]
        raise KeyError(number)
