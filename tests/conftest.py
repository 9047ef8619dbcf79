"""What every test gets: a state folder of its own, no proxies, Hypothesis without a clock, `needs`, two runs.

A test that needs a program asks the fixture `needs`: where the program is missing the test is skipped with
the reason, and fails when `CI` is set, because `.ci/run` installs everything that a machine can provide.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from store_factory import even_windows, record

from stressdash.store.recorder import Ending

CI = bool(os.environ.get("CI"))

settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
settings.load_profile("ci" if CI else "dev")

FOR_TESTS = ("STRESSDASH_REQUIRE", "STRESSDASH_TEST_NODES")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "FTP_PROXY")
LOOK = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES", "PYTHONASYNCIODEBUG")


def pytest_configure() -> None:
    """Keep the user's settings, state and proxies out of the tests and of what they start."""
    for name in list(os.environ):
        if (
            (name.startswith(("STRESSDASH_", "ELASTIC_APM_")) and name not in FOR_TESTS)
            or name.upper() in PROXIES
            or name in LOOK
        ):
            del os.environ[name]


@pytest.fixture(scope="session")
def state_root() -> Iterator[Path]:
    """Folder for the state of all tests of this process; its path is short, as Unix sockets need it."""
    root = Path(tempfile.mkdtemp(prefix="sd-"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(autouse=True)
def own_folders(state_root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point state and configuration of this test to a folder of its own."""
    own = Path(tempfile.mkdtemp(dir=state_root, prefix=""))
    monkeypatch.setenv("STRESSDASH_STATE", str(own / "s"))
    monkeypatch.setenv("STRESSDASH_CONFIG", str(own / "c"))
    yield
    shutil.rmtree(own, ignore_errors=True)


@pytest.fixture
def two_runs(tmp_path: Path) -> Path:
    """A state folder with two killed runs of two seconds; answers of the second took twice as long."""
    for run_id, latency_us in (("aaaa0000aaaa0000", 1_000), ("bbbb0000bbbb0000", 2_000)):
        record(tmp_path, even_windows(20, latency_us=latency_us), Ending(None, "killed"), run_id=run_id)
    return tmp_path


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """`needs("tmux")` gives the program's path, or skips the test (fails it in CI)."""

    def find(program: str) -> str:
        if path := shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"):
            return path
        if CI:
            pytest.fail(f"{program} is missing; .ci/run should have installed it")
        pytest.skip(f"{program} is not installed")

    return find
