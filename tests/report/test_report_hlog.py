"""`stressdash hlog`: the figures of an interval log as text and as JSON."""

from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from stressdash.errors import BadInput
from stressdash.report.hlog import hlog_report

LOGS = Path(__file__).parents[1] / "store" / "hlogs"
LOG = str(LOGS / "java-v2.hlog")


class TestText:
    def test_has_a_line_for_each_tag_in_the_unit_of_the_log(self) -> None:
        lines = hlog_report(LOG, tag=None, as_json=False).splitlines()
        assert lines[0].endswith("5s from 2023-11-14T22:13:20.000Z")
        assert lines[1].endswith("in 1,000 of it")
        assert [line.split()[0] for line in lines[4:]] == ["(no", "push", "read", "huge"]
        assert lines[5].split()[1:] == [
            *("4", "1,600", "2", "444.348", "151", "421", "995", "1,615"),
            *("4,767", "16,127", "17,535", "17,535"),
        ]

    def test_a_hostile_tag_does_not_reach_the_terminal(self, tmp_path: Path) -> None:
        line = Path(LOG).read_text().splitlines()[6]
        (tmp_path / "log").write_text(line.replace("Tag=push", "Tag=\x1b]0;x\x07"))
        assert "\x1b" not in hlog_report(str(tmp_path / "log"), tag=None, as_json=False)

    def test_an_empty_log_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "log").write_text("#[StartTime: 1.0 (seconds since epoch)]\n")
        assert "holds no interval" in hlog_report(str(tmp_path / "log"), tag=None, as_json=False)


class TestJson:
    def test_has_numbers_as_the_log_has_them(self) -> None:
        told = json.loads(hlog_report(LOG, tag="push", as_json=True))
        expected = json.loads((LOGS / "expected.json").read_text())["java-v2.hlog"]["push"]
        (each,) = told["tags"]
        assert {name: each[name] for name in expected} == expected
        assert (each["tag"], each["min"], each["max_value_unit_ratio"]) == ("push", 2, 1000)

    def test_lines_without_a_tag_have_none(self) -> None:
        (each,) = json.loads(hlog_report(LOG, tag="", as_json=True))["tags"]
        assert each["tag"] is None

    def test_stdin_is_read_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stdin = SimpleNamespace(buffer=io.BytesIO((LOGS / "jhiccup-v0.hlog").read_bytes()))
        monkeypatch.setattr("sys.stdin", stdin)
        (each,) = json.loads(hlog_report("-", tag=None, as_json=True))["tags"]
        assert (each["count"], each["max"]) == (7354, 3_047_423)


class TestRefusals:
    def test_each_names_the_file(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("hello\nworld\n")
        for file, tag, words in (
            (str(tmp_path / "none"), None, "No such file"),
            (str(tmp_path / "text"), None, "text, line 1: .*1 fields"),
            (LOG, "nowhere", r"no tag 'nowhere'; its tags: \(no tag\), push, read, huge"),
        ):
            with pytest.raises(BadInput, match=words):
                hlog_report(file, tag=tag, as_json=False)
