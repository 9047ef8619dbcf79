"""The documents tell the truth: what they name exists. `make check` runs this file alone, too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from stressdash.cli import main
from stressdash.commands import EXIT_CODES
from stressdash.settings import Settings

FENCE = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[\w-]*)?\)")


def documents(root: Path) -> list[Path]:
    return [root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]


def commands(text: str) -> list[list[str]]:
    """Words of each command in the shell blocks of a document, comments dropped."""
    lines = (line.removeprefix("$ ") for block in FENCE.findall(text) for line in block.splitlines())
    return [words for line in lines if (words := shlex.split(line, comments=True))]


@pytest.fixture(scope="module")
def readme(root: Path) -> list[list[str]]:
    return commands((root / "README.md").read_text())


class TestCommands:
    def test_each_make_target_of_the_readme_exists(self, root: Path, readme: list[list[str]]) -> None:
        targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
        named = {words[1] for words in readme if words[0] == "make"}
        assert {"run", "test"} <= named <= targets

    def test_each_stressdash_command_of_the_readme_is_understood(
        self, readme: list[list[str]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The command line itself reads them; only the load is left out."""
        seen: list[Settings] = []
        monkeypatch.setattr(
            "stressdash.headless.run_headless", lambda settings, *_, **__: seen.append(settings) or 0
        )
        lines = [words[1:] for words in readme if words[0] == "stressdash"]
        assert [main(words) for words in lines] == [0] * len(lines)
        assert len(seen) == len(lines) >= 5

    def test_each_flag_that_the_readme_names_exists(
        self, root: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for words in (["--help"], ["run", "--help"], ["compare", "--help"], ["knee", "--help"]):
            with pytest.raises(SystemExit):
                main(words)
        known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        named = set(re.findall(r"`[^`\n]*?(--[a-z-]+)", (root / "README.md").read_text()))
        assert {"--stack", "--json", "--allow-target"} <= named <= known

    def test_exit_codes_are_those_of_the_command_line(self, root: Path) -> None:
        table = re.findall(r"^\| (\d+) \|", (root / "README.md").read_text(), re.MULTILINE)
        assert table == re.findall(r"^  (\d+) ", EXIT_CODES, re.MULTILINE)


class TestArchitecture:
    MODULE = re.compile(r"`((?:stressdash|service)(?:\.\w+)*)`")
    FILE = re.compile(r"`((?:stressdash|service|tests|themes|benchmarks|docs)/[\w./-]*)`")

    def test_each_module_it_names_exists(self, root: Path) -> None:
        named = set(self.MODULE.findall((root / "docs" / "architecture.md").read_text()))
        missing = {
            name
            for name in named
            if not (root / name.replace(".", "/")).is_dir()
            and not (root / name.replace(".", "/")).with_suffix(".py").is_file()
        }
        assert len(named) > 15
        assert not missing

    def test_each_package_of_the_tree_is_named(self, root: Path) -> None:
        text = (root / "docs" / "architecture.md").read_text()
        packages = {path.parent.name for path in (root / "stressdash").glob("*/__init__.py")}
        assert not {name for name in packages if f"`stressdash.{name}" not in text}

    def test_each_file_that_a_document_names_exists(self, root: Path) -> None:
        missing = [
            f"{document.relative_to(root)}: {name}"
            for document in documents(root)
            for name in self.FILE.findall(document.read_text())
            if not (root / name).exists()
        ]
        assert not missing


class TestLinks:
    def test_each_relative_link_leads_somewhere(self, root: Path) -> None:
        dead = [
            f"{document.relative_to(root)}: {target}"
            for document in documents(root)
            for target in LINK.findall(document.read_text())
            if "://" not in target and not (document.parent / target).exists()
        ]
        assert not dead
