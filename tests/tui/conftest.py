from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tui_fakes import FakeSession
from tui_screens import at_rest

from stressdash.tui.app import StressdashApp


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No themes, colours or time zone of the machine's user."""
    monkeypatch.setenv("STRESSDASH_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def rest_is_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between keys, wait for what they do."""
    monkeypatch.setattr("textual.app.wait_for_idle", at_rest)
    monkeypatch.setattr("textual.pilot.wait_for_idle", at_rest)


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def app(session: FakeSession) -> StressdashApp:
    return StressdashApp(session)
