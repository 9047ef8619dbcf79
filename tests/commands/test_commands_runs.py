"""`stressdash runs` and `replay` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from window_factory import GRID_NS, window

from stressdash.cli import main
from stressdash.store.claim import Claim
from stressdash.store.head import RunHead
from stressdash.store.recorder import Ending, Recorder
from stressdash.store.runs import RunFolder

ORIGIN_NS = 10**12


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder with two runs of half a second."""
    for run_id in ("aaaa0000aaaa0000", "bbbb0000bbbb0000"):
        head = RunHead(
            run_id,
            "act1",
            "http://x/",
            "embedded",
            1_700_000_000_000,
            ORIGIN_NS,
            "0.1.0",
            5,
            0.5,
            open_loop=False,
        )
        recorder = Recorder(Claim.take(RunFolder(tmp_path).path), head)
        for step in range(5):
            recorder.add_window(
                window(
                    start_ns=ORIGIN_NS + step * GRID_NS,
                    scheduled=100, sent=100, completed=100, responses=100, latency=[1_000] * 100,
                )
            )  # fmt: skip
        recorder.close(Ending(None, "killed"))
    return tmp_path


def runs(state: Path, *words: str) -> int:
    return main(["runs", *words, "--state", str(state)])


class TestRuns:
    def test_are_listed(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(state) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in lines if "act1" in line] == [
            ["2", "bbbb0000"],
            ["1", "aaaa0000"],
        ]
        assert lines.count("     killed") == 2

    def test_are_listed_for_programs(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(state, "list", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert [(each["number"], each["condition"], each["verdict"]) for each in told] == [
            (2, "interrupted", None),
            (1, "interrupted", None),
        ]

    def test_are_written_as_a_page(self, state: Path, tmp_path: Path) -> None:
        file = tmp_path / "run.html"
        assert runs(state, "show", "aaaa", "--html", str(file)) == 0
        assert "interrupted before its end" in file.read_text()

    def test_compare_by_number_id_and_tag(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        runs(state, "tag", "2", "after")
        for before, after in (("1", "2"), ("aaaa", "after"), ("1", "last")):
            assert main(["compare", before, after, "--state", str(state)]) == 6
            assert "some runs were interrupted" in capsys.readouterr().out

    def test_that_are_not_there_do_not_compare(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["compare", "1", "9", "--state", str(state)]) == 2
        assert "9" in capsys.readouterr().err

    def test_are_shown(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(state, "show", "aaaa") == 0
        out = capsys.readouterr().out
        assert out.startswith("run 1  aaaa0000aaaa0000")
        assert "1,000" in out
        assert "INTERRUPTED" in out

    def test_are_shown_for_programs(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(state, "show", "last", "--json") == 0
        assert json.loads(capsys.readouterr().out)["requests_per_second"] == 1_000

    def test_are_tagged_and_noted(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(state, "tag", "1", "base", "good") == 0
        assert runs(state, "tag", "1", "--remove", "good") == 0
        assert runs(state, "note", "base", "two", "words") == 0
        entry = RunFolder(state).find("base")
        assert (entry.tags, entry.note) == (("base",), "two words")
        assert "run 1 has the tags base" in capsys.readouterr().err

    def test_go_to_another_folder_as_files(self, state: Path, tmp_path: Path) -> None:
        file = str(tmp_path / "one.run")
        assert runs(state, "export", "1", file) == 0
        assert runs(tmp_path / "other", "import", file) == 0
        assert RunFolder(tmp_path / "other").find("last").run_id == "aaaa0000aaaa0000"

    def test_are_deleted_when_that_is_meant(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(state, "delete", "1") == 2
        assert "--yes" in capsys.readouterr().err
        assert runs(state, "delete", "1", "--yes") == 0
        assert [entry.number for entry in RunFolder(state).entries()] == [2]

    @pytest.mark.parametrize(
        "words", [["runs"], ["runs", "show", "1"], ["compare", "1", "2"], ["replay"], ["down"]]
    )
    def test_in_a_file_instead_of_a_folder_are_a_sentence(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
    ) -> None:
        file = tmp_path / "state"
        file.write_text("a file")
        assert main([*words, "--state", str(file)]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert f"the state folder {str(file)!r} cannot be read: Not a directory" in captured.err
        assert captured.err.count("\n") == 1

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["lsit"], "unknown verb 'lsit'; did you mean list?"),
            (["show"], "runs show RUN"),
            (["show", "1", "2"], "runs show RUN"),
            (["show", "9"], "there is no run '9'"),
            (["tag", "1"], "no tag was given"),
            (["export", "1"], "runs export RUN FILE"),
            (["import", "/does/not/exist"], "there is no file"),
        ],
    )
    def test_that_cannot_be_told_are_a_sentence(
        self, state: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
    ) -> None:
        assert runs(state, *words) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert sentence in captured.err
        assert captured.err.count("\n") == 1


class TestReplay:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            (["9"], "there is no run '9'"),
            (["1", "--speed", "fast"], "--speed 'fast' is not a number above 0"),
            (["1", "--speed", "0"], "not a number above 0"),
            (["1", "--at", "soon"], "'soon' is not a duration"),
            (["1"], "needs a terminal"),
        ],
    )
    def test_that_cannot_be_is_a_sentence(
        self, state: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
    ) -> None:
        assert main(["replay", *words, "--state", str(state)]) == 2
        assert sentence in capsys.readouterr().err
