"""The map of the code, the contracts between its layers and the records of decisions fit the tree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def page(documents: dict[str, str]) -> str:
    return documents["docs/architecture.md"]


@pytest.fixture(scope="module")
def modules(root: Path) -> set[str]:
    """Names of all packages, and of the modules that are in none but the top one."""
    packages = [path.parent for path in (root / "stressdash").rglob("__init__.py")]
    top = [path.with_suffix("") for path in (root / "stressdash").glob("[a-z]*.py")]
    return {".".join(path.relative_to(root).parts) for path in (*packages, *top)} - {"stressdash"}


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


class TestMap:
    FOLDERS = frozenset({"stressdash.scenarios", "service", "themes", "benchmarks"})

    def rows(self, page: str) -> list[str]:
        chapter = page.partition("\n## The map\n")[2].partition("\n## ")[0]
        return re.findall(r"^\| `([\w.]+)` \| \S", chapter, re.MULTILINE)

    def test_holds_each_package_and_each_module_at_the_top_once(self, page: str, modules: set[str]) -> None:
        assert sorted(self.rows(page)) == sorted(modules | self.FOLDERS)

    def test_is_in_the_order_of_the_layers_that_are_enforced(
        self, page: str, modules: set[str], pyproject: dict[str, Any]
    ) -> None:
        """Of which each has its place: a module that no contract names could import whatever it likes."""
        contracts = pyproject["tool"]["importlinter"]["contracts"]
        (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
        height = {
            name: at for at, layer in enumerate(reversed(layers)) for name in re.findall(r"[\w.]+", layer)
        }
        assert height.keys() == {name for name in modules if name.count(".") == 1}
        heights = [height[name] for name in self.rows(page) if name in height]
        assert heights == sorted(heights)


class TestNames:
    MODULE = re.compile(r"`((?:stressdash|service)(?:\.\w+)*)`")
    FILE = re.compile(r"`((?:stressdash|service|tests|themes|benchmarks|docs)/[\w./-]*)`")

    def test_each_module_that_a_document_names_exists(self, root: Path, documents: dict[str, str]) -> None:
        missing = [
            f"{document}: {name}"
            for document, text in documents.items()
            for name in self.MODULE.findall(text)
            if not (root / name.replace(".", "/")).is_dir()
            and not (root / f"{name.replace('.', '/')}.py").is_file()
        ]
        assert not missing

    def test_each_file_that_a_document_names_exists(self, root: Path, documents: dict[str, str]) -> None:
        missing = [
            f"{document}: {name}"
            for document, text in documents.items()
            for name in self.FILE.findall(text)
            if not (root / name).exists()
        ]
        assert not missing

    def test_each_module_says_in_one_line_what_it_is(self, root: Path) -> None:
        """The page shows how to list these lines."""
        paths = [*(root / "stressdash").rglob("*.py"), *(root / "service").rglob("*.py")]
        written = [path for path in paths if not path.name.endswith("_pb2.py")]
        silent = [path for path in written if not re.match(r'r?"""\S.*[.!?](\n|""")', path.read_text())]
        assert not silent

    def test_each_module_that_its_package_lists_is_in_it(self, root: Path) -> None:
        """In columns: the name, and what it is."""
        listed = [
            path.parent / name
            for path in (root / "stressdash").rglob("__init__.py")
            for name in re.findall(r"^ *(\w+) {2,}\S", path.read_text().split('"""')[1], re.MULTILINE)
        ]
        assert len(listed) > 60
        assert not [path for path in listed if not path.is_dir() and not path.with_suffix(".py").is_file()]


class TestDecisions:
    @pytest.fixture(scope="class")
    def records(self, documents: dict[str, str]) -> dict[str, str]:
        """File and text of each, in order."""
        found = {name.removeprefix("docs/adr/"): text for name, text in documents.items() if "/adr/" in name}
        del found["README.md"]
        return found

    def test_are_numbered_without_a_gap(self, records: dict[str, str]) -> None:
        assert [name[:4] for name in records] == [f"{number:04d}" for number in range(1, len(records) + 1)]

    def test_are_listed_in_order_by_their_titles(
        self, records: dict[str, str], documents: dict[str, str]
    ) -> None:
        listed = re.findall(r"^- \[(.+)\]\((.+)\)$", documents["docs/adr/README.md"], re.MULTILINE)
        titles = [text.partition("\n")[0].removeprefix("# ") for text in records.values()]
        assert listed == list(zip(titles, records, strict=True))

    def test_have_a_number_a_status_and_the_three_parts(self, records: dict[str, str]) -> None:
        for name, text in records.items():
            assert text.startswith(f"# {int(name[:4])}. "), name
            assert re.search(r"^Status: (accepted|superseded by)", text, re.MULTILINE), name
            parts = re.findall(r"^## (?!Reasons)(.+)$", text, re.MULTILINE)
            assert parts == ["Context", "Decision", "Consequences"], name

    def test_give_a_reason_for_each_dependency(
        self, records: dict[str, str], pyproject: dict[str, Any]
    ) -> None:
        dependencies = [re.split(r"[^\w-]", text)[0] for text in pyproject["project"]["dependencies"]]
        told = " ".join(records.values()).lower()
        assert not [name for name in dependencies if not re.search(rf"\b{name}\b", told)]
