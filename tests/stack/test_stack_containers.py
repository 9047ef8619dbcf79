"""What Docker says, read; what Docker does is for the contract suite."""

from __future__ import annotations

import pytest

from stressdash.errors import StackError
from stressdash.stack.containers import Containers


class TestUnreachable:
    async def test_docker_is_a_sentence_with_what_helps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
        containers = Containers("p1")
        with pytest.raises(StackError, match=r"daemon does not run .*DOCKER_HOST.* use --stack process"):
            await containers.seen()
        await containers.close()
