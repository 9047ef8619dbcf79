"""The wheel is whole and works by itself: built, installed into a clean environment, run elsewhere."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from stressdash import __version__

pytestmark = [pytest.mark.serial, pytest.mark.timeout(600)]

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, env=CLEAN, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def built(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, root, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(root: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a clean environment that holds the wheel and what the lock says, nothing else."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--require-hashes", "--requirement", root / "requirements.lock", cwd=folder)
    run(*pip, "--no-deps", wheel, cwd=folder)
    return folder / "bin"


class TestContents:
    def test_the_wheel_holds_service_themes_and_scenarios(self, wheel: Path) -> None:
        names = set(zipfile.ZipFile(wheel).namelist())
        assert {
            "stressdash/bundled/service/__init__.py",
            "stressdash/bundled/service/schema.sql",
            "stressdash/bundled/service/Dockerfile",
            "stressdash/bundled/docker-compose.yml",
            "stressdash/scenarios/act1.toml",
            "stressdash/py.typed",
            f"stressdash-{__version__}.dist-info/licenses/LICENSE",
        } <= names
        assert any(name.startswith("stressdash/bundled/themes/") for name in names)

    def test_the_wheel_holds_nothing_of_tests_or_caches(self, wheel: Path) -> None:
        tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
        assert tops == {"stressdash", f"stressdash-{__version__}.dist-info"}
        assert not [name for name in zipfile.ZipFile(wheel).namelist() if "__pycache__" in name]

    def test_the_sdist_builds_the_same_wheel(self, built: Path) -> None:
        """`python -m build` makes the wheel from the sdist, so what the wheel lacks would be missed there."""
        (sdist,) = built.glob("*.tar.gz")
        with tarfile.open(sdist) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
        assert {"LICENSE", "README.md", "pyproject.toml", "service/schema.sql"} <= names


class TestInstalled:
    def test_the_command_works_from_any_folder(self, installed: Path, tmp_path: Path) -> None:
        assert __version__ in run(installed / "stressdash", "--version", cwd=tmp_path)
        assert "act1" in run(installed / "stressdash", "run", "--help", cwd=tmp_path)

    def test_the_bundled_service_is_found(self, installed: Path, tmp_path: Path) -> None:
        code = "from stressdash.paths import bundled; print(bundled('service'))"
        found = run(installed / "python", "-c", code, cwd=tmp_path)
        assert "site-packages/stressdash/bundled/service" in found
