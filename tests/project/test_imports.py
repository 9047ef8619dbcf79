"""What is imported when: the command line stays light, the screen stays away from outside systems."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "textual",
    "docker",
    "elasticsearch",
    "aiohttp",
    "asyncmy",
    "plotext",
    "mysql_mimic",
    "sqlglot",
    "elasticapm",
}

NOT_YET = HEAVY - {"textual"} | {"cryptography", "lupa", "markdown_it", "pygments", "tree_sitter"}

FIRST_FRAME = """
import sys
from stressdash import cli, dashboard

async def show(app, session, guard):
    print(*{name.partition(".")[0] for name in sys.modules})
    return 0

dashboard._show = show
dashboard.show_dashboard = lambda make: dashboard._child(make, 0, tour=False)
sys.exit(cli.main(sys.argv[1:]))
"""
"""A dashboard that, instead of drawing, prints what it has imported until then."""


def imported(module: str) -> set[str]:
    """Top-level names that a fresh interpreter holds after importing `module`."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def imported_before_drawing(state: Path, *words: str) -> set[str]:
    """Top-level names that a dashboard on these flags holds when it is about to draw."""
    environment = {**os.environ, "STRESSDASH_STATE": str(state)}
    command = [sys.executable, "-c", FIRST_FRAME, *words]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


class TestLightness:
    def test_the_command_line_imports_nothing_heavy(self) -> None:
        assert not imported("stressdash.cli") & HEAVY

    @pytest.mark.parametrize(
        "module", ["stressdash.samples", "stressdash.snapshot", "stressdash.hdr", "stressdash.errors"]
    )
    def test_the_vocabulary_needs_the_standard_library_only(self, module: str) -> None:
        foreign = imported(module) - imported("sys") - set(sys.stdlib_module_names)
        assert foreign == {"stressdash"}


class TestTheFirstFrame:
    @pytest.mark.parametrize(
        "words",
        [("--stack", "embedded"), ("--target", "http://127.0.0.1:9/")],
        ids=["embedded", "external"],
    )
    def test_waits_for_no_library_that_is_needed_only_later(
        self, words: tuple[str, ...], tmp_path: Path
    ) -> None:
        held = imported_before_drawing(tmp_path, *words)
        assert "textual" in held
        assert not held & NOT_YET
