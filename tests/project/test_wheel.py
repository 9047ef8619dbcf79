"""The wheel is whole and works by itself: built, installed into a clean environment, run elsewhere."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import venv
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from command import PASSED_OR_VOID

from stressdash import __version__

pytestmark = [pytest.mark.serial, pytest.mark.timeout(600)]

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}


PATIENT_S = 120.0
UV = Path(sys.executable).with_name("uv")


def run(
    *command: object,
    cwd: Path,
    also: Mapping[str, str] = MappingProxyType({}),
    codes: tuple[int, ...] = (0,),
) -> str:
    """What the command printed, which must end with one of the codes; `also` is added to its environment."""
    words, environment = [str(word) for word in command], {**CLEAN, **also}
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode in codes, f"{command}:\n{done.stdout}\n{done.stderr}"
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
def installed(wheel: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a clean environment that holds the wheel and what the lock says, nothing else."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--requirement", root / "requirements.lock", cwd=folder)
    run(*pip, "--no-deps", wheel, cwd=folder)
    return folder / "bin"


def install(*what: object, python: str, root: Path, folder: Path) -> Path:
    """The `bin` folder of a new environment of `python`: as `installed`, but made faster."""
    run(UV, "venv", "--quiet", "--python", python, folder, cwd=folder.parent)
    install = (UV, "pip", "install", "--quiet", "--python", folder / "bin" / "python")
    run(*install, "--require-hashes", "--requirement", root / "requirements.lock", cwd=folder.parent)
    run(*install, "--no-deps", *what, cwd=folder.parent)
    return folder / "bin"


def other_pythons() -> list[str]:
    """Interpreters of this machine that stressdash supports, besides the one that runs the tests."""
    found = {}
    for minor in range(11, 15):
        on_path = shutil.which(f"python3.{minor}")
        kept = sorted(Path("~/.pyenv/versions").expanduser().glob(f"3.{minor}.*/bin/python3"))
        for candidate in [on_path, *map(str, kept)]:
            works = candidate and not subprocess.run([candidate, "-c", ""], capture_output=True).returncode
            if works and minor != sys.version_info.minor:
                found[minor] = str(candidate)
    return [found[minor] for minor in sorted(found)]


def does_the_main_job(stressdash: Path, cwd: Path) -> None:
    """Run act 3 on a stack of its own: service, database, intake, load, audit and report."""
    state = Path(tempfile.mkdtemp(prefix="sd-"))  # a short path: sockets lie in it
    try:
        told = run(
            stressdash,
            "run",
            "act3",
            "--stack",
            "embedded",
            "--state",
            state,
            "--requests",
            200,
            "--json",
            "-",
            cwd=cwd,
            codes=PASSED_OR_VOID,
        )
    finally:
        shutil.rmtree(state, ignore_errors=True)
    report = json.loads(told)
    assert report["requests"]["completed"] == 200
    assert report["audit"]["lost"] == 0
    assert report["apm"]["transactions"] > 0


def shown_until(word: bytes, stressdash: Path, cwd: Path) -> bytes:
    """What the dashboard writes to a terminal until `word` is there, or all of it; then it is ended."""
    state = Path(tempfile.mkdtemp(prefix="sd-"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", 50, 160, 0, 0))
    dashboard = subprocess.Popen(
        [stressdash, "--stack", "embedded"],
        cwd=cwd,
        env={**CLEAN, "TERM": "xterm-256color", "STRESSDASH_STATE": str(state)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # it has ended, and nobody holds the terminal's other side
        while word not in shown and select.select([ours], [], [], PATIENT_S)[0]:
            shown += os.read(ours, 65_536)
        dashboard.terminate()
        while select.select([ours], [], [], PATIENT_S)[0] and os.read(ours, 65_536):
            pass
    dashboard.wait(PATIENT_S)
    os.close(ours)
    shutil.rmtree(state, ignore_errors=True)
    return shown


class TestContents:
    def test_the_wheel_holds_every_file_of_the_program_and_its_licence(
        self, wheel: Path, tracked: list[str]
    ) -> None:
        names = set(zipfile.ZipFile(wheel).namelist())
        own = {path for path in tracked if path.startswith("stressdash/")}
        bundled = {
            f"stressdash/bundled/{path}"
            for path in tracked
            if path.startswith(("service/", "themes/")) or path == "docker-compose.yml"
        }
        assert {
            "stressdash/py.typed",
            "stressdash/scenarios/act1.toml",
            "stressdash/tui/stressdash.tcss",
        } <= own
        assert {"stressdash/bundled/service/Dockerfile", "stressdash/bundled/service/schema.sql"} <= bundled
        assert own | bundled | {f"stressdash-{__version__}.dist-info/licenses/LICENSE"} <= names

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

    def test_it_does_the_main_job_from_any_folder(self, installed: Path, tmp_path: Path) -> None:
        does_the_main_job(installed / "stressdash", tmp_path)

    def test_its_dashboard_opens_from_any_folder(self, installed: Path, tmp_path: Path) -> None:
        shown = shown_until(b"READY", installed / "stressdash", tmp_path)
        assert b"READY" in shown, shown.decode(errors="replace")[-3_000:]

    @pytest.mark.parametrize("python", other_pythons(), ids=lambda path: Path(path).parts[-3])
    def test_and_on_other_pythons_of_this_machine(
        self, wheel: Path, root: Path, python: str, tmp_path: Path
    ) -> None:
        bin_folder = install(wheel, python=python, root=root, folder=tmp_path / "venv")
        does_the_main_job(bin_folder / "stressdash", tmp_path)

    def test_so_does_an_editable_install(self, root: Path, tmp_path: Path) -> None:
        copy = tmp_path / "checkout"
        shutil.copytree(root, copy, ignore=shutil.ignore_patterns(".*"))
        bin_folder = install("--editable", copy, python=sys.executable, root=root, folder=tmp_path / "venv")
        does_the_main_job(bin_folder / "stressdash", tmp_path)

    def test_so_does_uv_tool(self, wheel: Path, tmp_path: Path) -> None:
        folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
        run(UV, "tool", "install", "--quiet", "--python", sys.executable, wheel, cwd=tmp_path, also=folders)
        does_the_main_job(tmp_path / "bin" / "stressdash", tmp_path)

    def test_so_does_pipx(self, wheel: Path, tmp_path: Path) -> None:
        folders = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
        pipx = (UV, "tool", "run", "--quiet", "--python", sys.executable, "pipx==1.7.1")
        run(*pipx, "install", "--quiet", "--python", sys.executable, wheel, cwd=tmp_path, also=folders)
        does_the_main_job(tmp_path / "bin" / "stressdash", tmp_path)

    def test_the_bundled_service_is_found(self, installed: Path, tmp_path: Path) -> None:
        code = "from stressdash.paths import bundled; print(bundled('service'))"
        found = run(installed / "python", "-c", code, cwd=tmp_path)
        assert "site-packages/stressdash/bundled/service" in found
