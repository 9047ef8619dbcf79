"""The locks hold what pyproject.toml asks for, by hash, and tell nothing of where it came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^([\w.-]+)==([\w.+!-]+)", re.MULTILINE)
IMAGE = "service/requirements.txt"
LOCKS = ("requirements.lock", "requirements-dev.lock", IMAGE)


def pins(root: Path, lock: str) -> dict[str, set[str]]:
    """Versions of each package; one package may have several, for different Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in PIN.findall((root / lock).read_text()):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@pytest.fixture(scope="module")
def pyproject(root: Path) -> dict[str, Any]:
    return tomllib.loads((root / "pyproject.toml").read_text())


def unmet(requirements: list[str], pinned: dict[str, set[str]]) -> list[str]:
    wanted = [Requirement(text) for text in requirements]
    return [
        str(want)
        for want in wanted
        if not pinned.get(canonicalize_name(want.name))
        or not all(want.specifier.contains(version) for version in pinned[canonicalize_name(want.name)])
    ]


class TestLocks:
    def test_the_lock_meets_the_dependencies(self, root: Path, pyproject: dict[str, Any]) -> None:
        """When this fails, a dependency was changed without `make lock`."""
        groups = pyproject["dependency-groups"]
        needed = pyproject["project"]["dependencies"] + groups["build"]
        assert not unmet(needed, pins(root, "requirements.lock"))

    def test_the_lock_of_developers_meets_theirs_too(self, root: Path, pyproject: dict[str, Any]) -> None:
        tools = [text for text in pyproject["dependency-groups"]["dev"] if isinstance(text, str)]
        needed = pyproject["project"]["dependencies"] + tools
        assert not unmet(needed, pins(root, "requirements-dev.lock"))

    def test_the_image_of_the_service_gets_what_it_imports(
        self, root: Path, pyproject: dict[str, Any]
    ) -> None:
        assert not unmet(pyproject["dependency-groups"]["service"], pins(root, IMAGE))

    @pytest.mark.parametrize(("part", "whole"), [(LOCKS[0], LOCKS[1]), (IMAGE, LOCKS[0])])
    def test_what_two_locks_share_has_one_version(self, part: str, whole: str, root: Path) -> None:
        inner, outer = pins(root, part), pins(root, whole)
        assert not {name for name, versions in inner.items() if outer.get(name) != versions}

    @pytest.mark.parametrize("lock", LOCKS)
    def test_every_pin_has_hashes(self, lock: str, root: Path) -> None:
        entries = re.split(r"\n(?=\S)", (root / lock).read_text())
        bare = [entry for entry in entries if PIN.match(entry) and "--hash=sha256:" not in entry]
        assert not bare

    @pytest.mark.parametrize("lock", LOCKS)
    def test_no_address_or_folder_is_named(self, lock: str, root: Path) -> None:
        assert not re.search(r"://|\s@\s|^-|\s/\w", (root / lock).read_text(), re.MULTILINE)
