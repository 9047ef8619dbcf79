"""Passwords and tokens of the stack: in one private file and the components' environment, nowhere else."""

# ruff: noqa: ASYNC240  nothing else waits for this event loop

from __future__ import annotations

import json
import re
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from command import Command, until

Start = Callable[..., Awaitable[Command]]

pytestmark = pytest.mark.serial


class TestSecrets:
    async def test_none_is_in_an_argument_a_log_or_an_output(
        self, stressdash: Start, state: Path, tmp_path: Path
    ) -> None:
        files = [tmp_path / name for name in ("run.json", "run.html", "run.xml")]
        command = await stressdash(
            *("run", "act1", "--stack", "embedded", "--connections", "30", "--duration", "6s"),
            *("--knob", "max_connections=10"),
            *("--json", str(files[0]), "--html", str(files[1]), "--junit", str(files[2])),
        )
        database = await command.comes("stressdash.embedded.mysql")
        await command.loads(rows=5)
        arguments = [" ".join(process.cmdline()) for process in command.family()]
        assert len(arguments) >= 6
        database.kill()  # so that the logs hold failures, too
        await until(lambda: not command.running)
        ended = await command.ended()

        vault = state / "secrets.json"
        assert stat.S_IMODE(vault.stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        secrets = re.findall(r"[0-9a-f]{32}", json.dumps(json.loads(vault.read_text())))
        assert len(secrets) == 4
        places = {
            "arguments": "\n".join(arguments),
            "stdout": ended.out.decode(),
            "stderr": ended.err.decode(),
            **{str(file): file.read_text() for file in files},
            **{
                str(file): file.read_bytes().decode(errors="replace")
                for file in state.rglob("*")
                if file.is_file() and file != vault
            },
        }
        assert any("logs" in place for place in places)
        leaks = [place for place, text in places.items() if any(secret in text for secret in secrets)]
        assert leaks == []
