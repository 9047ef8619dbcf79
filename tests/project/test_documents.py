"""The documents tell the truth: what they name exists. `make check` runs this file alone, too."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

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


class TestLinks:
    def test_each_relative_link_leads_somewhere(self, root: Path) -> None:
        dead = [
            f"{document.relative_to(root)}: {target}"
            for document in documents(root)
            for target in LINK.findall(document.read_text())
            if "://" not in target and not (document.parent / target).exists()
        ]
        assert not dead
