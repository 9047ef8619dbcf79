"""What Docker says, read; what Docker does is for the contract suite."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stressdash.errors import StackError
from stressdash.stack.container import parse_time
from stressdash.stack.containers import Containers


class TestTime:
    @pytest.mark.parametrize(
        ("text", "microsecond"),
        [
            ("2026-11-24T07:58:28.948951123Z", 948951),
            ("2026-11-24T07:58:28.9Z", 900000),
            ("2026-11-24T07:58:28Z", 0),
        ],
    )
    def test_is_read_whatever_its_precision(self, text: str, microsecond: int) -> None:
        assert parse_time(text) == datetime(2026, 11, 24, 7, 58, 28, microsecond, tzinfo=UTC)

    @pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "", "soon"])
    def test_that_never_was_is_none(self, text: str) -> None:
        assert parse_time(text) is None


class TestUnreachable:
    async def test_docker_is_a_sentence_with_what_helps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
        containers = Containers("p1")
        with pytest.raises(StackError, match=r"daemon does not run .*DOCKER_HOST.* use --stack process"):
            await containers.seen()
        await containers.close()
