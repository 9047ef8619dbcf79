"""Records a run while it goes on: what the event loop hands over is written by a thread of its own.

The hand-over never waits: the queue is bounded, and what does not fit in it is counted. The thread merges the
windows of all workers by grid step, and commits what has come in at once, so that a killed process loses at
most the step that is not finished. A commit costs no flush to the disk: only a power cut can take the last
seconds, and it leaves the file whole.

When the disk is full or gone, recording ends with a sentence in `problem`; what was written until then stays,
and load goes on.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stressdash.errors import StressdashError
from stressdash.samples import ApmBucket, ErrorGroup, ErrorSample, Knob, Trace, Window
from stressdash.snapshot import Mark
from stressdash.store.claim import Claim
from stressdash.store.gridbook import GridBook
from stressdash.store.gridrow import deflate
from stressdash.store.head import RunHead, Status
from stressdash.store.schema import headline_of, open_new, telling
from stressdash.wire import to_json

__all__ = ["Ending", "Recorder"]

WAITING: Final = 4_096
"""Messages in the queue at most: minutes of windows, when a disk hangs for so long."""
BATCH: Final = 512


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    report: str | None
    """JSON of `stressdash.run/1`; None when there is none."""
    reason: str = ""
    """Why the recording is not whole, when it is not."""


class Recorder:
    """Writes one run. Made, fed and closed by the event loop's thread."""

    def __init__(self, claim: Claim, head: RunHead) -> None:
        """Begin the file of a run.

        Nothing is raised: a file that cannot be written shows as `problem` soon.

        Args:
            claim: The place in the folder of runs, held while the run goes on.
            head: What is known at its start.
        """
        self.path: Path = claim.path
        self.number = claim.number
        self.problem = ""
        """Why nothing is recorded any more; empty while all is well."""
        self.lost = 0
        """Messages that found the queue full."""
        self.steps = 0
        """Grid steps that are in the file."""
        self.cpu_s = 0.0
        """CPU time that the writing took."""
        self._queue: queue.Queue[tuple[Callable[[_Writer], None], bool]] = queue.Queue(WAITING)
        self._claim = claim
        self._closing, self._closed = threading.Lock(), False
        self._thread = threading.Thread(target=self._write, args=(head,), name="recorder", daemon=True)
        self._thread.start()

    # --- what is handed over --------------------------------------------------------------------------

    def add_window(self, window: Window) -> None:
        """One worker's window."""
        self._hand_over(lambda writer: writer.grid.add(window))

    def add_status(self, at_ms: int, status: Status) -> None:
        """What stack and machine told, `at_ms` after the run's start."""
        self._hand_over(lambda writer: writer.put("status", at_ms, deflate(status)))

    def add_knobs(self, at_ms: int, knobs: Sequence[Knob]) -> None:
        """All knobs as read back, when one has changed."""
        self._hand_over(lambda writer: writer.put("knobs", at_ms, deflate(list(knobs))))

    def add_mark(self, at_ms: int, mark: Mark) -> None:
        """Something that happened."""
        self._hand_over(lambda writer: writer.add_mark(at_ms, mark))

    def add_buckets(self, buckets: Sequence[ApmBucket]) -> None:
        """Seconds of APM, which replace what was known of them."""
        self._hand_over(
            lambda writer: writer.put_all("apm_bucket", {b.start_ms: deflate(b) for b in buckets})
        )

    def add_groups(self, groups: Sequence[ErrorGroup]) -> None:
        """Error groups, which replace what was known of them."""
        self._hand_over(lambda writer: writer.put_all("error_group", {g.key: deflate(g) for g in groups}))

    def add_sample(self, number: int, sample: ErrorSample) -> None:
        """One error document of a group, with its stack trace."""
        self._hand_over(lambda writer: writer.add_sample(number, sample))

    def add_trace(self, trace: Trace) -> None:
        """The spans of one request."""
        self._hand_over(lambda writer: writer.put("trace", trace.trace_id, deflate(trace)))

    def add_trace_groups(self, groups_of: Mapping[str, tuple[str, ...]]) -> None:
        """Which error groups the requests of these trace ids belong to."""
        told = {trace: to_json(keys).decode() for trace, keys in groups_of.items()}
        self._hand_over(lambda writer: writer.put_all("trace_groups", told))

    def close(self, ending: Ending) -> None:
        """Write the end and wait for it; returns when the file is closed. Blocks: call it from a thread.

        Only the first ending counts; whoever comes later waits for it.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put((lambda writer: writer.end(ending, self.problem), True))
            self._thread.join()
            self._claim.give_up()

    def _hand_over(self, message: Callable[[_Writer], None]) -> None:
        if self.problem or self._closed:
            return
        try:
            self._queue.put_nowait((message, False))
        except queue.Full:
            self.lost += 1

    # --- the thread -----------------------------------------------------------------------------------

    def _write(self, head: RunHead) -> None:
        """Take what waits and commit it, until the end has come."""
        try:
            writer = _Writer(self.path, head)
        except StressdashError as error:
            self.problem = str(error)
            while not self._queue.get()[1]:
                pass
            return
        ended = False
        while not ended:
            batch = [self._queue.get()]
            while len(batch) < BATCH and not batch[-1][1] and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            ended = batch[-1][1]
            messages = [message for message, _ in batch]
            # After a failure only the end is still tried: what came in between would leave a hole.
            messages = messages[-1:] if self.problem else [*messages, _write_grid]
            if self.problem and not ended:
                continue
            try:
                writer.commit(messages)
                if not self.problem:  # else it counts steps that were taken back
                    self.steps = writer.grid.steps
            except StressdashError as error:
                self.problem = self.problem or str(error)
            self.cpu_s = time.thread_time()
        writer.close(plain=not self.problem)


def _write_grid(writer: _Writer) -> None:
    writer.grid.write()


class _Writer:
    """The file, as the thread writes it."""

    def __init__(self, path: Path, head: RunHead) -> None:
        self._path = path
        self._database = open_new(path)
        self.grid = GridBook(self._database, head.origin_ns)
        with telling(path):
            self._database.execute(
                "INSERT INTO run (id, scenario, target, backend, started_ms, origin_ns, state, head)"
                " VALUES (?, ?, ?, ?, ?, ?, 'recording', ?)",
                (
                    *(head.run_id, head.scenario, head.target, head.backend),
                    *(head.started_ms, head.origin_ns, to_json(head).decode()),
                ),
            )

    def commit(self, messages: Sequence[Callable[[_Writer], None]]) -> None:
        """Do all of it, or nothing.

        Raises:
            StoreError: the disk is full, or gone.
        """
        with telling(self._path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                for message in messages:
                    message(self)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def put(self, table: str, key: int | str, body: bytes) -> None:
        """One row of a table of ours with a key and a body."""
        self._database.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", (key, body))  # noqa: S608  our names

    def put_all(self, table: str, rows: Mapping[Any, bytes | str]) -> None:
        """Several such rows."""
        self._database.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", rows.items())  # noqa: S608  our names

    def add_mark(self, at_ms: int, mark: Mark) -> None:
        """A row of `mark`."""
        self._database.execute(
            "INSERT INTO mark (at_ms, label, kind) VALUES (?, ?, ?)", (at_ms, mark.label, mark.kind)
        )

    def add_sample(self, number: int, sample: ErrorSample) -> None:
        """A row of `error_sample`."""
        self._database.execute(
            "INSERT OR REPLACE INTO error_sample VALUES (?, ?, ?, ?)",
            (sample.group, number, sample.trace_id, deflate(sample)),
        )

    def end(self, ending: Ending, problem: str) -> None:
        """The report, and whether all of the run is here."""
        if not problem:
            self.grid.finish()
        reason = problem or ending.reason
        whole = ending.report is not None and not reason
        self._database.execute(
            "UPDATE run SET state = ?, reason = ?, report = ?, headline = ?",
            (
                "finished" if whole else "interrupted",
                reason,
                ending.report,
                None if ending.report is None else headline_of(ending.report),
            ),
        )

    def close(self, *, plain: bool) -> None:
        """Close it; `plain` leaves one file without companions, when that can be done."""
        try:
            if plain:
                self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                self._database.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error:
            pass  # a reader holds it, or the disk is full: the companions stay, and nothing is lost
        finally:
            self._database.close()
