"""Sources with the real agent's samples in them, for the contract suite over every `ApmSource`."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stressdash.apm.connection import Connection
from stressdash.apm.elastic import ElasticSource
from stressdash.apm.embedded import EmbeddedSource
from stressdash.samples import Scope

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


@contextmanager
def intake() -> Iterator[str]:
    """URL of a running intake that has the samples; it ends with its standard input."""
    with subprocess.Popen(
        (sys.executable, "-m", "stressdash.embedded.apm", "--until-stdin-closes"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "STRESSDASH_APM_TOKEN": TOKEN},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            url = process.stdout.readline().removeprefix("listening on ").strip()
            for body in agent_requests():
                post(f"{url}/intake/v2/events", body)
            yield url
        finally:
            process.stdin.close()
            assert process.wait(60) == 0


def post(url: str, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        assert response.status == 202


def embedded(url: str, scope: Scope) -> EmbeddedSource:
    return EmbeddedSource(url, TOKEN, scope)


def elastic(url: str, scope: Scope) -> ElasticSource:
    return ElasticSource(Connection(url, timeout_s=60), scope)
