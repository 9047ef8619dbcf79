"""A recorder writes what it is given, whatever becomes of the disk."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest
from store_factory import ORIGIN_NS, busy_windows, head, latencies_of, record, recorder, until
from window_factory import GRID_NS, exemplar, fault, window

from stressdash.errors import StoreError
from stressdash.metrics.window import merge
from stressdash.samples import ApmBucket, ErrorGroup, ErrorSample, Knob, Span, Trace
from stressdash.snapshot import Mark
from stressdash.store import recorder as module
from stressdash.store.claim import Claim
from stressdash.store.head import Status
from stressdash.store.recorder import Ending, Recorder
from stressdash.store.runfile import Condition
from stressdash.store.runs import RunFolder


class TestGridSteps:
    def test_each_has_one_row_merged_over_all_workers(self, tmp_path: Path) -> None:
        given = list(busy_windows(30, requests=20, workers=3))
        record(tmp_path, given)
        with RunFolder(tmp_path).open("last") as run:
            found = list(run.windows())
        assert [each.start_ns for each in found] == [ORIGIN_NS + step * GRID_NS for step in range(30)]
        assert latencies_of(found) == latencies_of(given)
        first = reduce(merge, given[:3])
        assert (found[0].sent, found[0].busiest_cpu_ns) == (first.sent, first.busiest_cpu_ns)

    def test_of_two_segments_have_a_window_for_each(self, tmp_path: Path) -> None:
        half = GRID_NS // 2
        parts = [
            window(start_ns=ORIGIN_NS, length_ns=half, sent=1),
            window(start_ns=ORIGIN_NS + half, length_ns=half, sent=2, segment=1),
        ]
        record(tmp_path, parts)
        with RunFolder(tmp_path).open("last") as run:
            assert [(each.segment, each.sent) for each in run.windows()] == [(0, 1), (1, 2)]
            assert run.steps == 1

    def test_take_in_a_window_that_comes_late(self, tmp_path: Path) -> None:
        made = recorder(tmp_path)
        for each in busy_windows(40, requests=5):
            made.add_window(each)
        until(lambda: made.steps > 5)
        made.add_window(window(start_ns=ORIGIN_NS + 2 * GRID_NS, worker=1, sent=1_000))
        made.close(Ending(None))
        with RunFolder(tmp_path).open("last") as run:
            assert [each.sent for each in run.windows(2, 4)] == [1_005, 5]

    def test_are_merged_once_more_into_blocks(self, tmp_path: Path) -> None:
        given = list(busy_windows(200, requests=5))
        record(tmp_path, given)
        with RunFolder(tmp_path).open("last") as run:
            reach, blocks = run.blocks(150)
            assert (reach, len(blocks)) == (128, 2)
            assert sum(each.sent for each in blocks) == sum(each.sent for each in given[:128])
            assert sum(each.length_ns for each in blocks) == 128 * GRID_NS
            assert sum(f.count for each in blocks for f in each.faults) == 128


class TestWhatComesBeside:
    def test_is_there_again(self, tmp_path: Path) -> None:
        made = recorder(tmp_path)
        knob = Knob("max_open", "pool", "service", "int", "live", "5", "5", "0")
        group = ErrorGroup("g1", "E", "message", "culprit", False, 3, 0, 9, spark=(1, 2))
        sample = ErrorSample("s", "g1", 5, "E", "message", "culprit", False, (), trace_id="t" * 32)
        bucket = ApmBucket(1_000, 3.0, 1.0, 2.0, 0.0)
        trace = Trace("t" * 32, (Span("a", None, "span", "n", "db", 1, 2),), sampled=True)
        made.add_status(100, Status())
        made.add_knobs(0, [knob])
        made.add_knobs(5_000, [replace(knob, actual="9")])
        made.add_mark(200, Mark(99.0, "conns 1→2", "steer"))
        made.add_buckets([replace(bucket, failed=0.0), bucket])
        made.add_groups([group])
        made.add_sample(0, sample)
        made.add_trace(trace)
        made.add_trace_groups({"t" * 32: ("g1",)})
        made.close(Ending(None))
        with RunFolder(tmp_path).open("last") as run:
            assert run.statuses(0, 1_000) == ((100, Status()),)
            assert [run.knobs(at)[0].actual for at in (0, 4_999, 5_000, 10**6)] == ["5", "5", "9", "9"]
            assert run.marks() == (Mark(0.2, "conns 1→2", "steer"),)
            assert run.buckets(0, 2_000) == (bucket,)
            assert run.groups() == (group,)
            assert run.samples("g1") == (replace(sample, total=1),)
            assert run.sample_of_trace("t" * 32) == replace(sample, total=1)
            assert run.trace("t" * 32) == trace
            assert run.trace_groups() == {"t" * 32: ("g1",)}

    def test_keeps_what_the_client_saw_of_a_fault_now_and_then(self, tmp_path: Path) -> None:
        seconds = [
            window(
                start_ns=ORIGIN_NS + at * 10**9,
                faults=(fault(exemplars=(exemplar(ORIGIN_NS + at * 10**9, number=at),)),),
            )
            for at in range(1, 26)
        ]
        record(tmp_path, seconds)
        with RunFolder(tmp_path).open("last") as run:
            [kept] = run.exemplars().values()
        assert [each.number for each in kept] == [1, 11, 21]

    def test_has_no_cookies(self, tmp_path: Path) -> None:
        seen = replace(
            exemplar(ORIGIN_NS), head=b"HTTP/1.1 500 No\r\nSet-Cookie: sid=7up\r\nX-Auth-Token: 7up\r\nA: b"
        )
        record(tmp_path, [window(start_ns=ORIGIN_NS, faults=(fault(exemplars=(seen,)),))])
        with RunFolder(tmp_path).open("last") as run:
            [[kept]] = run.exemplars().values()
        assert kept.head == b"HTTP/1.1 500 No\r\nSet-Cookie: (not kept)\r\nX-Auth-Token: (not kept)\r\nA: b"


class TestTheFile:
    def test_can_be_read_while_it_is_written(self, tmp_path: Path) -> None:
        made = recorder(tmp_path)
        for each in busy_windows(20, requests=5):
            made.add_window(each)
        until(lambda: made.steps == 20)
        [entry] = RunFolder(tmp_path).entries()
        assert entry.condition is Condition.RECORDING
        with RunFolder(tmp_path).open("1") as run:
            assert run.steps == 20
            made.add_window(window(start_ns=ORIGIN_NS + 20 * GRID_NS))
            until(lambda: made.steps == 21)
            assert run.steps == 21
        made.close(Ending(None))

    def test_is_one_private_file_in_the_end(self, tmp_path: Path) -> None:
        record(tmp_path, busy_windows(5, requests=5))
        [file] = (tmp_path / "runs").iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_holds_an_hour_at_2500_requests_a_second_in_50_megabytes(self, tmp_path: Path) -> None:
        steps = 400
        record(tmp_path, busy_windows(10))
        record(tmp_path, busy_windows(10 + steps), run_id="f" * 16)
        after, before = RunFolder(tmp_path).entries()
        assert (after.size_bytes - before.size_bytes) * 36_000 / steps < 50e6

    def test_ends_with_its_ending_whatever_comes_after(self, tmp_path: Path) -> None:
        made = recorder(tmp_path)
        closing = threading.Thread(target=made.close, args=(Ending(None, "first"),), daemon=True)
        closing.start()

        def more() -> bool:
            made.add_window(window(start_ns=ORIGIN_NS))
            return not closing.is_alive()

        until(more)
        made.close(Ending(None, "second"))
        assert RunFolder(tmp_path).find("last").detail == "first"

    def test_of_a_run_without_a_report_says_that_it_is_interrupted(self, tmp_path: Path) -> None:
        record(tmp_path, busy_windows(3, requests=5), Ending(None, "closed"))
        [entry] = RunFolder(tmp_path).entries()
        assert (entry.condition, entry.detail) == (Condition.INTERRUPTED, "closed")

    def test_belongs_to_one_recorder_of_several_at_once(self, tmp_path: Path) -> None:
        first, second = recorder(tmp_path), recorder(tmp_path, run_id="a" * 16)
        second.add_window(window(start_ns=ORIGIN_NS, sent=2))
        first.add_window(window(start_ns=ORIGIN_NS, sent=1))
        first.close(Ending(None))
        second.close(Ending(None))
        with RunFolder(tmp_path).open("1") as one, RunFolder(tmp_path).open("2") as two:
            assert [each.sent for run in (one, two) for each in run.windows()] == [1, 2]


class TestTrouble:
    def test_a_read_only_folder_is_told_before_anything_is_written(self, tmp_path: Path) -> None:
        folder = tmp_path / "runs"
        folder.write_text("a file where the folder should be")
        with pytest.raises(StoreError, match="runs"):
            Claim.take(folder)

    def test_a_file_that_cannot_be_made_is_a_sentence(self, tmp_path: Path) -> None:
        claim = Claim.take(tmp_path / "runs")
        claim.path.mkdir()
        made = Recorder(claim, head())
        until(lambda: bool(made.problem))
        made.add_window(window(start_ns=ORIGIN_NS))
        made.close(Ending(None))
        assert made.problem.startswith("cannot use the run file")

    def test_a_queue_that_is_full_counts_what_it_loses(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "WAITING", 1)
        made = recorder(tmp_path)
        until(lambda: made.path.exists() and made.path.stat().st_size > 0)
        given = list(busy_windows(20, requests=1))
        blocker = sqlite3.connect(made.path, isolation_level=None, timeout=60)
        blocker.execute("BEGIN IMMEDIATE")
        for each in given:
            made.add_window(each)
        assert made.lost >= 4
        blocker.execute("ROLLBACK")
        blocker.close()
        made.close(Ending(None))

    def test_a_full_disk_keeps_what_was_measured_and_says_so(self, tmp_path: Path) -> None:
        """The system refuses to let the child's files grow, as a full disk would."""
        script = Path(__file__).with_name("full_disk.py")
        command = [sys.executable, str(script), str(tmp_path)]
        told = subprocess.run(command, check=True, capture_output=True, text=True, env=_environment())
        steps, problem = told.stdout.splitlines()
        assert "disk" in problem
        [entry] = RunFolder(tmp_path).entries()
        assert entry.condition is Condition.INTERRUPTED
        with RunFolder(tmp_path).open("last") as run:
            found = [each.start_ns for each in run.windows()]
        assert len(found) == int(steps) > 10
        assert found == [ORIGIN_NS + step * GRID_NS for step in range(len(found))]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
