"""A real browser opens the page offline, under its own policy, and prints it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from stressdash.report.html import html_report
from stressdash.report.run_json import RunReport, ThresholdReport
from stressdash.samples import ErrorSample, Frame

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--enable-logging=stderr")
PATIENT_S = 240

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium"),
    pytest.mark.serial,
]


def browse(profile: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    assert CHROMIUM is not None
    return subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *words],
        capture_output=True,
        timeout=PATIENT_S,
    )


@pytest.fixture
def page(report: RunReport, tmp_path: Path) -> Path:
    nasty = "<script>document.title='owned'</script>"
    frame = Frame(filename="service/pool.py", line=88, function="connect", context=nasty)
    sample = ErrorSample("e1", "3f2a9900", 0, "OperationalError", nasty, "pool", False, (frame,))
    held = ThresholdReport("p(99)<2s", True, 900_000.0, False, "threshold p(99)<2s: 900ms")
    file = tmp_path / "report.html"
    file.write_text(html_report(replace(report, thresholds=(held,), scenario=nasty), [sample]))
    return file


class TestBrowser:
    def test_shows_every_part_and_runs_nothing(self, page: Path, tmp_path: Path) -> None:
        done = browse(tmp_path / "profile", "--dump-dom", page.as_uri())
        shown = done.stdout.decode()
        assert shown.count("<svg") == 5
        for words in ("Thresholds", "service/pool.py:88", "Interference", "acknowledged", "max_open"):
            assert words in shown
        assert "<title>owned" not in shown
        assert b"Content Security Policy" not in done.stderr  # how a refused style would be told

    def test_prints(self, page: Path, tmp_path: Path) -> None:
        file = tmp_path / "report.pdf"
        browse(tmp_path / "profile", f"--print-to-pdf={file}", "--no-pdf-header-footer", page.as_uri())
        assert file.read_bytes().startswith(b"%PDF")
