"""`stressdash runs` and `replay` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from store_factory import even_windows, record

from stressdash.cli import main
from stressdash.store.runs import RunFolder


def runs(state: Path, *words: str) -> int:
    return main(["runs", *words, "--state", str(state)])


class TestRuns:
    def test_are_listed(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(two_runs) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split()[:2] for line in lines if "act1" in line] == [
            ["2", "bbbb0000"],
            ["1", "aaaa0000"],
        ]
        assert lines.count("     killed") == 2

    def test_are_listed_for_programs(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(two_runs, "list", "--json") == 0
        told = json.loads(capsys.readouterr().out)
        assert [(each["number"], each["condition"], each["verdict"]) for each in told] == [
            (2, "interrupted", None),
            (1, "interrupted", None),
        ]

    def test_of_one_scenario_are_told_apart_by_what_they_were_set_to(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for max_open in (50, 200):
            knobs = {"max_open": max_open, "max_idle": 2}
            record(tmp_path, even_windows(5, latency_us=1_000), run_id=f"{max_open:016x}", knobs=knobs)
        assert runs(tmp_path) == 0
        out = capsys.readouterr().out
        assert "max_open=50" in out
        assert "max_open=200" in out
        assert "max_idle" not in out

    def test_are_written_as_a_page(self, two_runs: Path, tmp_path: Path) -> None:
        file = tmp_path / "run.html"
        assert runs(two_runs, "show", "aaaa", "--html", str(file)) == 0
        assert "interrupted before its end" in file.read_text()

    def test_compare_by_number_id_and_tag(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        runs(two_runs, "tag", "2", "after")
        for before, after in (("1", "2"), ("aaaa", "after"), ("1", "last")):
            assert main(["compare", before, after, "--state", str(two_runs)]) == 6
            assert "some runs were interrupted" in capsys.readouterr().out

    def test_compare_with_a_verdict_in_a_sentence(
        self, two_runs: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        main(["compare", "1", "2", "--state", str(two_runs)])
        out = capsys.readouterr().out
        assert out.startswith("1 run before, 1 after")
        assert out.endswith("verdict: too few repeats to decide\n")

    def test_that_are_not_there_do_not_compare(
        self, two_runs: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["compare", "1", "9", "--state", str(two_runs)]) == 2
        assert "9" in capsys.readouterr().err

    def test_are_shown(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(two_runs, "show", "aaaa") == 0
        out = capsys.readouterr().out
        assert out.startswith("run 1  aaaa0000aaaa0000")
        assert "1,000" in out
        assert "INTERRUPTED" in out

    def test_are_shown_for_programs(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(two_runs, "show", "last", "--json") == 0
        assert json.loads(capsys.readouterr().out)["requests_per_second"] == 1_000

    def test_are_tagged_and_noted(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(two_runs, "tag", "1", "base", "good") == 0
        assert runs(two_runs, "tag", "1", "--remove", "good") == 0
        assert runs(two_runs, "note", "base", "two", "words") == 0
        entry = RunFolder(two_runs).find("base")
        assert (entry.tags, entry.note) == (("base",), "two words")
        assert "run 1 has the tags base" in capsys.readouterr().err

    def test_go_to_another_folder_as_files(self, two_runs: Path, tmp_path: Path) -> None:
        file = str(tmp_path / "one.run")
        assert runs(two_runs, "export", "1", file) == 0
        assert runs(tmp_path / "other", "import", file) == 0
        assert RunFolder(tmp_path / "other").find("last").run_id == "aaaa0000aaaa0000"

    def test_are_deleted_when_that_is_meant(self, two_runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert runs(two_runs, "delete", "1") == 2
        assert "--yes" in capsys.readouterr().err
        assert runs(two_runs, "delete", "1", "--yes") == 0
        assert [entry.number for entry in RunFolder(two_runs).entries()] == [2]

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
        self, two_runs: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
    ) -> None:
        assert runs(two_runs, *words) == 2
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
        self, two_runs: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
    ) -> None:
        assert main(["replay", *words, "--state", str(two_runs)]) == 2
        assert sentence in capsys.readouterr().err
