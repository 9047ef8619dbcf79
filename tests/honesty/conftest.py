"""Runs on a stack of their own, through the session and through the command line."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def state() -> Iterator[Path]:
    """A state folder with a short path."""
    parent = Path(tempfile.mkdtemp(prefix="sd-"))
    yield parent / "s"
    shutil.rmtree(parent, ignore_errors=True)
