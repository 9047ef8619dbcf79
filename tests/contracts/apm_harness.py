"""The embedded intake as a process, fed with the samples of the real agent."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

SAMPLES = Path(__file__).parent.parent / "apm" / "samples"
TOKEN = "contract-secret"


def agent_requests() -> list[bytes]:
    """Bodies of the agent's requests: each begins with its own metadata."""
    requests: list[list[bytes]] = []
    for line in (SAMPLES / "intake.ndjson").read_bytes().splitlines():
        if line.startswith(b'{"metadata"'):
            requests.append([])
        requests[-1].append(line)
    return [b"\n".join(lines) + b"\n" for lines in requests]


@asynccontextmanager
async def intake_process() -> AsyncIterator[str]:
    """URL of a running intake, which ends with its standard input."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stressdash.embedded.apm", "--until-stdin-closes"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "STRESSDASH_APM_TOKEN": TOKEN},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 20)
        yield line.decode().removeprefix("listening on ").strip()
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 20)


async def post_samples(url: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body in agent_requests():
            async with session.post(f"{url}/intake/v2/events", data=body) as response:
                assert response.status == 202, await response.text()
