"""Files of every version are read; those of none are refused with a sentence."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from store_factory import REPORT, busy_windows, head, record

from stressdash.errors import BadInput, StoreError
from stressdash.store.runfile import Condition, StoredRun
from stressdash.store.runs import RunFolder
from stressdash.store.schema import APPLICATION_ID, STEPS, VERSION, open_read, open_write
from stressdash.store.upkeep import write_note
from stressdash.wire import to_json


@pytest.fixture
def oldest(tmp_path: Path) -> Path:
    """A run as the first version wrote it: without blocks, and without the figures of the list."""
    folder = tmp_path / "runs"
    folder.mkdir()
    record(tmp_path, busy_windows(70, requests=5))
    path = folder / "00009.run"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        STEPS[0](file)
        file.execute("PRAGMA user_version = 1")
        file.execute("ATTACH ? AS newer", (str(folder / "00001.run"),))
        for table in ("grid", "fault", "exemplar"):
            file.execute(f"INSERT INTO {table} SELECT * FROM newer.{table}")  # noqa: S608  three names
        values = ("9" * 16, "act1", "url", "embedded", 5, head().origin_ns, "finished")
        file.execute(
            "INSERT INTO run (id, scenario, target, backend, started_ms, origin_ns, state, head, report)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, to_json(head("9" * 16)).decode(), json.dumps(REPORT)),
        )
    return path


class TestAnOlderFile:
    def test_is_read_without_being_changed(self, oldest: Path) -> None:
        before = oldest.read_bytes()
        with StoredRun(oldest) as run:
            assert run.steps == 70
            assert sum(each.sent for each in run.windows()) == 350
            assert run.blocks(70) == (0, ())
            assert run.headline["requests_per_s"] == 10.5
        assert oldest.read_bytes() == before

    def test_is_listed_with_its_figures(self, oldest: Path) -> None:
        entry = RunFolder(oldest.parent.parent).find("9")
        assert (entry.condition, entry.verdict, entry.p50_us) == (Condition.FINISHED, "passed", 1_000)
        assert entry.thresholds == 1

    def test_becomes_a_new_one_when_it_is_changed(self, oldest: Path) -> None:
        write_note(RunFolder(oldest.parent.parent).find("9"), "kept")
        with closing(sqlite3.connect(oldest)) as file:
            assert file.execute("PRAGMA user_version").fetchone() == (VERSION,)
        with StoredRun(oldest) as run:
            assert (run.note, run.steps) == ("kept", 70)

    def test_of_any_version_can_be_brought_up(self, tmp_path: Path) -> None:
        for version in range(1, VERSION + 1):
            path = tmp_path / f"{version}.run"
            with closing(sqlite3.connect(path, isolation_level=None)) as file:
                file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                for step in STEPS[:version]:
                    step(file)
                file.execute(f"PRAGMA user_version = {version}")
            with closing(open_write(path)) as file:
                columns = {name for _, name, *_ in file.execute("PRAGMA table_info(run)")}
                assert {"id", "headline"} <= columns


class TestAFileThatCannotBeUsed:
    def test_of_a_newer_version_names_both_versions(self, tmp_path: Path) -> None:
        record(tmp_path, ())
        path = tmp_path / "runs" / "00001.run"
        with closing(sqlite3.connect(path)) as file:
            file.execute(f"PRAGMA user_version = {VERSION + 1}")
        with pytest.raises(BadInput, match=rf"newer stressdash.* schema {VERSION + 1}.* up to {VERSION}"):
            open_read(path)

    def test_of_another_program_is_no_run(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with closing(sqlite3.connect(path)) as file:
            file.execute("CREATE TABLE run (id)")
        with pytest.raises(BadInput, match="does not hold a run"):
            open_read(path)

    @pytest.mark.parametrize("kept", [0.1, 0.5, 0.9])
    def test_that_was_cut_off_is_damaged(self, tmp_path: Path, kept: float) -> None:
        record(tmp_path, busy_windows(80, requests=50))
        path = tmp_path / "runs" / "00001.run"
        data = path.read_bytes()
        path.write_bytes(data[: int(kept * len(data))])
        with pytest.raises(BadInput, match="damaged"), StoredRun(path) as run:
            list(run.windows())

    def test_with_garbage_in_a_row_is_damaged(self, tmp_path: Path) -> None:
        record(tmp_path, busy_windows(5, requests=5))
        path = tmp_path / "runs" / "00001.run"
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("UPDATE grid SET body = x'00ff' WHERE step = 2")
        with pytest.raises(BadInput, match="damaged"), StoredRun(path) as run:
            list(run.windows())

    def test_that_does_not_exist_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="there is no such file"):
            open_read(tmp_path / "none.run")
