"""A real Elasticsearch to measure against: one that is named, or one that runs as long as a `with`.

BENCH_ELASTICSEARCH names one, which must hold no APM data and keeps what is stored into it. Without it one
runs here as the tests start theirs, but with all that Java's compilers can do, and 1 GB of heap.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness import Unavailable

CONTRACTS = Path(__file__).resolve().parent.parent / "tests" / "contracts"
VARIABLE = "BENCH_ELASTICSEARCH"
VERSION = "elastic9"
OURS = "traces-apm-default,logs-apm.error-default,metrics-apm.internal-default"
AT_ONCE = 2
"""Bulk requests under way."""


@dataclass(frozen=True, slots=True)
class Node:
    """A running Elasticsearch."""

    url: str
    processes: tuple[psutil.Process, ...]
    """Of a node that runs here."""

    def cpu_s(self) -> float:
        """Processor time that it has used; 0 when it runs elsewhere."""
        return sum(sum(process.cpu_times()[:2]) for process in self.processes)

    def rss_mb(self) -> float:
        return sum(process.memory_info().rss for process in self.processes) / 1e6

    def ask(self, method: str, path: str, body: bytes = b"") -> Any:
        """One request that must not fail."""
        kind = {"Content-Type": "application/x-ndjson" if path == "/_bulk" else "application/json"}
        request = urllib.request.Request(f"{self.url}{path}", body or None, kind, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or b"null")

    def has(self, path: str) -> bool:
        try:
            self.ask("GET", path)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        return True

    def refresh_every(self, interval: str) -> None:
        """Change how soon documents can be found."""
        settings = {"index": {"refresh_interval": interval}}
        self.ask("PUT", f"/{OURS}/_settings", json.dumps(settings).encode())

    def store(self, bodies: Iterable[bytes]) -> None:
        """Bulk requests, a few at once."""
        waiting: set[Future[Any]] = set()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for body in bodies:
                waiting.add(pool.submit(self.ask, "POST", "/_bulk", body))
                if len(waiting) > AT_ONCE:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    checked(done)
            checked(waiting)
        self.ask("POST", f"/{OURS}/_refresh")


def checked(done: Iterable[Future[Any]]) -> None:
    for each in done:
        assert not each.result()["errors"], "Elasticsearch refused documents"


@contextlib.contextmanager
def node() -> Iterator[Node]:
    """An Elasticsearch without APM data.

    Raises:
        Unavailable: there is none on this machine.
    """
    if url := os.environ.get(VARIABLE):
        found = Node(url.rstrip("/"), ())
        if found.ask("GET", f"/{OURS}/_count?ignore_unavailable=true&allow_no_indices=true")["count"]:
            raise Unavailable(f"the Elasticsearch of {VARIABLE} holds APM data, which would be mixed up")
        yield found
        return
    sys.path.insert(0, str(CONTRACTS))
    import elastic_node

    try:
        with elastic_node.node(VERSION, heap="1g", java="-XX:+TieredCompilation") as started:
            children = psutil.Process().children(recursive=True)
            yield Node(started, tuple(child for child in children if child.name() == "java"))
    except elastic_node.Unavailable as error:
        raise Unavailable(str(error)) from error
