from __future__ import annotations

from pathlib import Path

import pytest
from session_fakes import AnsweringServer, FakeStack

from stressdash.errors import SourceError
from stressdash.samples import Scope
from stressdash.session import Session
from stressdash.session.scoping import Scopes, first_scope
from stressdash.settings import Settings

STATS = Scope("stats", "prod", "job")


class TestScopes:
    def test_a_choice_is_remembered_for_its_target(self, tmp_path: Path) -> None:
        Scopes(tmp_path).keep("http://es:9200", STATS)
        Scopes(tmp_path).keep("embedded", Scope("other"))
        assert Scopes(tmp_path).of("http://es:9200") == STATS
        assert Scopes(tmp_path).of("http://elsewhere:9200") is None

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"embedded": 1}', "\x00"])
    def test_a_damaged_file_is_as_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "apm-scopes.json").write_text(text)
        assert Scopes(tmp_path).of("embedded") is None
        Scopes(tmp_path).keep("embedded", STATS)
        assert Scopes(tmp_path).of("embedded") == STATS


class TestFirst:
    def test_what_was_chosen_before_is_taken_up(self, tmp_path: Path) -> None:
        Scopes(tmp_path).keep("embedded", STATS)
        assert first_scope(Settings(state=tmp_path), "embedded") == STATS
        assert first_scope(Settings(state=tmp_path), "docker") == Scope()

    def test_what_was_said_wins(self, tmp_path: Path) -> None:
        Scopes(tmp_path).keep("embedded", STATS)
        assert first_scope(Settings(state=tmp_path, apm_service="other"), "embedded") == Scope("other")

    def test_credentials_of_a_url_are_not_kept(self, tmp_path: Path) -> None:
        settings = Settings(state=tmp_path, elasticsearch="http://user:hush@es:9200")
        Scopes(tmp_path).keep("http://es:9200", STATS)
        assert first_scope(settings, "external") == STATS


class TestSession:
    async def test_without_a_source_there_is_nothing_to_choose_from(self, tmp_path: Path) -> None:
        async with AnsweringServer() as server:
            session = Session(Settings(state=tmp_path), None, FakeStack(server.url), source=lambda *_: None)
            with pytest.raises(SourceError, match="no APM source"):
                await session.found_services()
            with pytest.raises(SourceError, match="no APM source"):
                await session.look_at(STATS)
