"""Runs are found by short names, and are tagged, handed on and swept away."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from store_factory import REPORT, busy_windows, record, recorder, until

from stressdash.errors import BadInput, StoreError, UsageError
from stressdash.store.recorder import Ending
from stressdash.store.runfile import Condition
from stressdash.store.runs import RunFolder
from stressdash.store.upkeep import (
    change_tags,
    delete_run,
    export_run,
    import_run,
    mend_run,
    sweep,
    write_note,
)

DAY_MS = 86_400_000
PLENTY = 1 << 40


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Three runs, a day apart."""
    for day, run_id in enumerate(("aaaa1111" * 2, "aaaa2222" * 2, "bbbb3333" * 2), start=1):
        record(tmp_path, busy_windows(3, requests=5), run_id=run_id, started_ms=day * DAY_MS)
    return RunFolder(tmp_path)


class TestNames:
    @pytest.mark.parametrize("name", ["3", "003", "bbbb", "BBBB3333", "last"])
    def test_lead_to_one_run(self, folder: RunFolder, name: str) -> None:
        assert folder.find(name).number == 3

    def test_can_be_a_tag(self, folder: RunFolder) -> None:
        change_tags(folder.find("2"), ["baseline"])
        assert folder.find("baseline").number == 2

    def test_that_two_runs_share_are_refused(self, folder: RunFolder) -> None:
        with pytest.raises(UsageError, match="runs 2, 1"):
            folder.find("aaaa")

    @pytest.mark.parametrize("name", ["bbb", "4", "", "zzzz"])
    def test_of_no_run_are_refused(self, folder: RunFolder, name: str) -> None:
        with pytest.raises(UsageError, match="no run"):
            folder.find(name)

    def test_of_an_empty_folder_say_how_to_get_one(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="stressdash run act1"):
            RunFolder(tmp_path).find("last")


class TestTheList:
    def test_has_the_newest_first(self, folder: RunFolder) -> None:
        assert [entry.number for entry in folder.entries()] == [3, 2, 1]

    def test_shows_a_damaged_run_and_all_others(self, folder: RunFolder) -> None:
        folder.find("2").path.write_bytes(b"no database at all, but longer than a header")
        conditions = {entry.number: entry.condition for entry in folder.entries()}
        assert conditions == {1: Condition.INTERRUPTED, 2: Condition.DAMAGED, 3: Condition.INTERRUPTED}

    def test_tells_every_change_of_a_run_that_it_has_read_before(self, folder: RunFolder) -> None:
        assert folder.find("2").note == ""
        for note in ("one", "two", "one"):
            write_note(folder.find("2"), note)
            assert {entry.number: entry.note for entry in folder.entries()} == {1: "", 2: note, 3: ""}

    def test_forgets_a_run_whose_file_another_one_took(self, folder: RunFolder) -> None:
        assert folder.find("2").run_id == "aaaa2222" * 2
        folder.find("3").path.replace(folder.find("2").path)
        assert [(entry.number, entry.run_id[:4]) for entry in folder.entries()] == [(2, "bbbb"), (1, "aaaa")]

    def test_of_a_folder_that_cannot_be_written_is_the_same(self, folder: RunFolder) -> None:
        before = folder.entries()
        folder.path.chmod(0o500)
        try:
            assert folder.entries() == before
        finally:
            folder.path.chmod(0o700)


class TestChanges:
    def test_of_tags_are_kept(self, folder: RunFolder) -> None:
        change_tags(folder.find("1"), ["slow", "base"])
        assert change_tags(folder.find("1"), ["new"], ["slow"]).tags == ("base", "new")

    @pytest.mark.parametrize("word", ["", " ", "12", "last", "a,b", "a\x1b", "x" * 41])
    def test_refuse_words_that_cannot_be_tags(self, folder: RunFolder, word: str) -> None:
        with pytest.raises(UsageError, match="cannot be a tag"):
            change_tags(folder.find("1"), [word])

    def test_of_notes_are_kept(self, folder: RunFolder) -> None:
        assert write_note(folder.find("1"), "with '; DROP TABLE run; --").note == "with '; DROP TABLE run; --"

    def test_delete_every_file_of_a_run(self, folder: RunFolder) -> None:
        delete_run(folder.find("2"))
        assert sorted(path.name for path in folder.path.iterdir()) == ["00001.run", "00003.run"]

    def test_do_not_touch_a_run_that_is_being_recorded(self, folder: RunFolder) -> None:
        made = recorder(folder.path.parent)
        until(made.path.exists)
        with pytest.raises(UsageError, match="being recorded"):
            delete_run(folder.find(str(made.number)))
        made.close(Ending(None))

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_of_a_read_only_run_are_a_sentence(self, folder: RunFolder) -> None:
        entry = folder.find("1")
        entry.path.chmod(0o400)
        with pytest.raises(StoreError, match="read-only"):
            write_note(entry, "x")

    def test_mend_what_was_interrupted(self, folder: RunFolder) -> None:
        (folder.path / "00001.run-lock").touch()
        mend_run(folder.find("1"), json.dumps(REPORT | {"requests_per_second": 2}))
        assert folder.find("1").requests_per_s == 2
        assert not (folder.path / "00001.run-lock").exists()


class TestFilesToHandOn:
    def test_hold_the_whole_run(self, folder: RunFolder, tmp_path: Path) -> None:
        file, elsewhere = tmp_path / "handed.run", RunFolder(tmp_path / "elsewhere")
        change_tags(folder.find("2"), ["good"])
        export_run(folder.find("2"), file)
        entry = import_run(elsewhere, file)
        assert (entry.number, entry.run_id, entry.tags) == (1, "aaaa2222" * 2, ("good",))
        with folder.open("2") as before, elsewhere.open("1") as after:
            assert list(after.windows()) == list(before.windows())

    def test_are_made_of_a_run_that_is_being_recorded(self, folder: RunFolder, tmp_path: Path) -> None:
        made = recorder(folder.path.parent, run_id="c" * 16)
        for each in busy_windows(3, requests=5):
            made.add_window(each)
        made.close(Ending(None))
        export_run(folder.find("cccc"), tmp_path / "x.run")
        assert import_run(RunFolder(tmp_path / "e"), tmp_path / "x.run").condition is Condition.INTERRUPTED

    def test_do_not_replace_what_is_there(self, folder: RunFolder, tmp_path: Path) -> None:
        (tmp_path / "there").touch()
        with pytest.raises(UsageError, match="exists already"):
            export_run(folder.find("1"), tmp_path / "there")

    def test_that_cannot_be_made_tell_why(self, folder: RunFolder, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match=r"x\.run.: No such file or directory"):
            export_run(folder.find("1"), tmp_path / "nowhere" / "x.run")

    def test_of_a_damaged_run_leave_nothing_behind(self, folder: RunFolder, tmp_path: Path) -> None:
        entry = folder.find("1")
        data = entry.path.read_bytes()
        entry.path.write_bytes(data[: 3 * len(data) // 4])
        (tmp_path / "out").mkdir()
        with pytest.raises(BadInput, match="damaged"):
            export_run(entry, tmp_path / "out" / "x.run")
        assert list((tmp_path / "out").iterdir()) == []

    def test_are_taken_in_once(self, folder: RunFolder, tmp_path: Path) -> None:
        export_run(folder.find("1"), tmp_path / "x.run")
        with pytest.raises(UsageError, match="here already, as run 1"):
            import_run(folder, tmp_path / "x.run")

    def test_that_are_no_runs_leave_nothing_behind(self, folder: RunFolder, tmp_path: Path) -> None:
        (tmp_path / "x.run").write_text("hello")
        before = sorted(folder.path.iterdir())
        with pytest.raises(BadInput):
            import_run(folder, tmp_path / "x.run")
        with pytest.raises(BadInput, match="no file"):
            import_run(folder, tmp_path / "none.run")
        assert sorted(folder.path.iterdir()) == before


class TestSweeping:
    def test_takes_the_old_ones(self, folder: RunFolder) -> None:
        swept = sweep(folder, most_bytes=PLENTY, oldest_ms=2 * DAY_MS)
        assert [entry.number for entry in swept] == [1]
        assert [entry.number for entry in folder.entries()] == [3, 2]

    def test_takes_the_oldest_until_the_rest_fits(self, folder: RunFolder) -> None:
        size_bytes = folder.find("3").size_bytes
        sweep(folder, most_bytes=2 * size_bytes, oldest_ms=0)
        assert [entry.number for entry in folder.entries()] == [3, 2]

    def test_spares_tagged_and_damaged_runs_and_those_being_recorded(self, folder: RunFolder) -> None:
        change_tags(folder.find("1"), ["keep"])
        folder.find("2").path.write_bytes(b"garbage that is no database")
        made = recorder(folder.path.parent, run_id="d" * 16)
        sweep(folder, most_bytes=0, oldest_ms=99 * DAY_MS)
        made.close(Ending(None))
        assert [entry.number for entry in folder.entries()] == [4, 2, 1]
