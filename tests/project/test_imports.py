"""What is imported when: the command line stays light, the screen stays away from outside systems."""

from __future__ import annotations

import subprocess
import sys

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


def imported(module: str) -> set[str]:
    """Top-level names that a fresh interpreter holds after importing `module`."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
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
