"""The tree holds what the design says, and nothing of the machine it was written on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stressdash import __version__

TOP = {
    ".ci",
    ".editorconfig",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "benchmarks",
    "docker-compose.yml",
    "docs",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements.lock",
    "service",
    "stressdash",
    "tests",
    "themes",
}

TRACES = {
    "a path of one machine": re.compile(r"(?<![\w.])/(?:work|farm|root|home/\w+)/"),
    "a registry or an index": re.compile(
        r"--(?:extra-)?index-url|--find-links|--trusted-host|registry\.npmjs|files\.pythonhosted|pypi\.org/simple"
    ),
    "a private key or a token": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY|AKIA[0-9A-Z]{16}|gh[pousr]_\w{36}|xox[abp]-\w{10}"
    ),
}
OWN_LINES = {"tests/project/test_layout.py"}  # the patterns themselves


class TestTree:
    def test_top_level_names_are_those_of_the_design(self, tracked: list[str]) -> None:
        assert {path.split("/")[0] for path in tracked} <= TOP

    def test_generated_folders_are_ignored_by_git(self, root: Path) -> None:
        ignored = (root / ".gitignore").read_text().split()
        assert {".venv/", "__pycache__/", ".make/", "dist/", "build/"} <= set(ignored)

    def test_names_of_test_files_are_unique(self, tracked: list[str]) -> None:
        """Pytest without packages cannot tell two files of one name apart."""
        names = [Path(path).name for path in tracked if re.fullmatch(r"tests/.*/test_\w+\.py", path)]
        assert sorted(names) == sorted(set(names))

    def test_no_test_imports_from_a_conftest(self, root: Path, tracked: list[str]) -> None:
        """There are several, and which one the name means depends on what was collected before."""
        imports = re.compile(r"^(?:from|import) conftest\b", re.MULTILINE)
        tests = [path for path in tracked if path.startswith("tests/") and path.endswith(".py")]
        assert not [path for path in tests if imports.search((root / path).read_text())]


class TestTraces:
    @pytest.mark.parametrize("kind", TRACES)
    def test_no_tracked_file_holds(self, kind: str, root: Path, tracked: list[str]) -> None:
        found = []
        for path in tracked:
            if path in OWN_LINES:
                continue
            text = (root / path).read_bytes().decode(errors="replace")
            found += [f"{path}: {match[0]}" for match in TRACES[kind].finditer(text)]
        assert not found


class TestVersion:
    def test_is_written_in_one_place(self, root: Path, tracked: list[str]) -> None:
        line = re.compile(rf"""^_*version_*\s*[=:]\s*["']{re.escape(__version__)}["']""", re.MULTILINE)
        holders = [
            path
            for path in tracked
            if path.endswith((".py", ".toml")) and line.search((root / path).read_text())
        ]
        assert holders == ["stressdash/__init__.py"]

    def test_has_an_entry_in_the_changelog(self, root: Path) -> None:
        assert f"## [{__version__}]" in (root / "CHANGELOG.md").read_text()
