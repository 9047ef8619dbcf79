"""Files that grow with a run: a merged row for each step, an interval log that sums up to it, full disks."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from window_factory import GRID_NS, counts, fault, window

from stressdash.errors import BadInput
from stressdash.metrics.histogram import Histogram
from stressdash.samples import Phase, RequestCounts, Window
from stressdash.store.hlog import read_log, summarise
from stressdash.store.rows import COLUMNS
from stressdash.store.runfiles import FilePaths, RunFiles
from stressdash.store.steps import Steps

ORIGIN_NS = 5_000_000_000
WALL_MS = 1_700_000_000_250


def answered(step: int, worker: int, latencies: list[int], **given: Any) -> Window:
    """A worker's window with answers in these microseconds."""
    number = len(latencies)
    return window(
        start_ns=ORIGIN_NS + step * GRID_NS,
        worker=worker,
        latency=latencies,
        responses=number,
        completed=number,
        scheduled=number,
        **given,
    )


def files_of(folder: Path, windows: list[Window], workers: int = 2) -> RunFiles:
    """All three files, finished."""
    paths = FilePaths(folder / "log.hlog", folder / "rows.csv", folder / "rows.jsonl")
    files = RunFiles(paths, origin_ns=ORIGIN_NS, origin_wall_ms=WALL_MS, workers=workers)
    for each in windows:
        files.add(each)
    files.finish()
    return files


class TestSteps:
    @given(st.integers(1, 3), st.integers(1, 8), st.randoms(use_true_random=False))
    def test_each_comes_out_once_and_whole_however_workers_interleave(
        self, workers: int, length: int, shuffle: random.Random
    ) -> None:
        queues = [[answered(step, worker, [100]) for step in range(length)] for worker in range(workers)]
        steps = Steps(ORIGIN_NS, workers)
        taken: list[Window] = []
        while any(queues):
            steps.add(shuffle.choice([queue for queue in queues if queue]).pop(0))
            taken += steps.finished()
        taken += steps.rest()
        assert [each.responses for each in taken] == [workers] * length
        assert [each.start_ns for each in taken] == [ORIGIN_NS + step * GRID_NS for step in range(length)]

    def test_none_is_finished_before_every_worker_has_told(self) -> None:
        steps = Steps(ORIGIN_NS, 2)
        for step in range(3):
            steps.add(answered(step, 0, [1]))
        assert list(steps.finished()) == []
        steps.add(answered(0, 1, [1]))
        assert [each.responses for each in steps.finished()] == [2]

    def test_phases_and_segments_of_a_step_stay_apart(self) -> None:
        steps = Steps(ORIGIN_NS, 1)
        for part in ({"phase": Phase.RUN}, {"phase": Phase.PAUSED}, {"segment": 1}):
            steps.add(answered(0, 0, [1], **part))
        assert len(list(steps.rest())) == 3


class TestRows:
    WINDOWS = tuple(answered(step, worker, [100 + step] * 30) for step in range(4) for worker in range(2))

    def test_csv_has_a_row_for_each_step_with_workers_merged(self, tmp_path: Path) -> None:
        files_of(tmp_path, list(self.WINDOWS))
        with (tmp_path / "rows.csv").open() as lines:
            rows = list(csv.DictReader(lines))
        assert tuple(rows[0]) == COLUMNS
        assert [(row["t_s"], row["responses"], row["p50_us"]) for row in rows] == [
            ("0.0", "60", "100"),
            ("0.1", "60", "101"),
            ("0.2", "60", "102"),
            ("0.3", "60", "103"),
        ]
        assert {row["corrected_p50_us"] for row in rows} == {""}

    def test_json_lines_have_the_same_and_what_has_no_place_in_a_table(self, tmp_path: Path) -> None:
        windows = [answered(0, 0, [7], statuses={200: 1}, failed=2, faults=(fault(2),))]
        files_of(tmp_path, windows, workers=1)
        (row,) = map(json.loads, (tmp_path / "rows.jsonl").read_text().splitlines())
        assert {name: row[name] for name in ("t_s", "failed", "p50_us", "max_us")} == {
            "t_s": 0.0,
            "failed": 2,
            "p50_us": None,
            "max_us": 7,
        }
        assert row["statuses"] == {"200": 1}
        assert [each["count"] for each in row["faults"]] == [2]

    def test_rows_are_in_the_file_as_soon_as_their_step_is_over(self, tmp_path: Path) -> None:
        paths = FilePaths(csv=tmp_path / "rows.csv")
        files = RunFiles(paths, origin_ns=ORIGIN_NS, origin_wall_ms=WALL_MS, workers=1)
        for step in range(3):
            files.add(answered(step, 0, [1]))
        assert len((tmp_path / "rows.csv").read_text().splitlines()) == 1 + 3
        files.finish()


class TestDocumented:
    def test_every_column_is_explained(self) -> None:
        page = (Path(__file__).parents[2] / "docs" / "outputs.md").read_text()
        assert [name for name in COLUMNS if f"`{name}`" not in page] == []


class TestIntervalLog:
    @given(st.lists(st.lists(st.integers(0, 4_000_000_000), max_size=4), min_size=1, max_size=25))
    def test_sums_up_to_the_run(self, tmp_path_factory: pytest.TempPathFactory, run: list[list[int]]) -> None:
        folder = tmp_path_factory.mktemp("log")
        files_of(folder, [answered(step, 0, latencies) for step, latencies in enumerate(run)], workers=1)
        with (folder / "log.hlog").open("rb") as lines:
            summary = summarise(read_log(lines))[""]
        whole = Histogram(counts([value for latencies in run for value in latencies]))
        assert summary.count == whole.total
        assert summary.maximum == whole.maximum
        assert summary.percentiles()["p50"] == whole.percentile_unchecked(0.5)
        assert summary.intervals == -(-len(run) // 10)
        assert summary.start_s == WALL_MS / 1e3
        assert round(summary.end_s - summary.start_s, 3) == len(run) / 10

    def test_corrected_latency_and_names_of_requests_have_tags(self, tmp_path: Path) -> None:
        named = RequestCounts(1, 0, 1, counts([50]), {}, counts([90]), {})
        each = answered(0, 0, [50], latency_intended=[90], by_request={"push, twice": named})
        files_of(tmp_path, [each], workers=1)
        with (tmp_path / "log.hlog").open("rb") as lines:
            found = {tag: summary.maximum for tag, summary in summarise(read_log(lines)).items()}
        assert found == {"": 50, "corrected": 90, "push_twice": 50, "push_twice.corrected": 90}


class TestFullDisk:
    def test_ends_that_file_with_a_sentence_and_no_other(self, tmp_path: Path) -> None:
        paths = FilePaths(hlog=Path("/dev/full"), csv=tmp_path / "rows.csv")
        files = RunFiles(paths, origin_ns=ORIGIN_NS, origin_wall_ms=WALL_MS, workers=1)
        for step in range(30):
            files.add(answered(step, 0, [1]))
        files.finish()
        assert files.problems == ["cannot write '/dev/full' to its end: No space left on device"]
        with pytest.raises(BadInput, match="No space left"):
            files.check()
        assert len((tmp_path / "rows.csv").read_text().splitlines()) == 31

    def test_a_folder_that_is_gone_is_told_too(self, tmp_path: Path) -> None:
        files = files_of(tmp_path / "none", [answered(0, 0, [1])], workers=1)
        assert Counter(problem.rpartition(": ")[2] for problem in files.problems) == {
            "No such file or directory": 3
        }
