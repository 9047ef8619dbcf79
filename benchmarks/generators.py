"""Other load generators: where they come from, and the command that POSTs the article's body with each.

`make bench` installs what it can into a cache folder, by the ordinary clients of the registries; what cannot
be installed is listed with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import CACHE

BODY = '{"property":"news","section":1,"id":1}'
SECONDS = 60
"""Longer than any measurement: the harness ends them."""
ENVIRONMENT = os.environ | {"GOBIN": str(CACHE / "bin"), "GOFLAGS": "-p=1"}
JSON_TYPE = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Generator:
    """A load generator: `command(url, connections)` gives its words."""

    name: str
    language: str
    install: tuple[str, ...]
    program: Path | None
    command: Callable[[str, int], list[str]]


def _in_cache(name: str) -> Path:
    return CACHE / "bin" / name


def _on_path(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None


def _file(name: str, text: str) -> str:
    path = CACHE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


WRK_SCRIPT = f"""\
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{BODY}'
"""
K6_SCRIPT = """\
import http from "k6/http";
const params = {{ headers: {{ "Content-Type": "application/json" }} }};
export default function () {{ http.post("{url}", '{body}', params); }}
"""
LOCUST_FILE = f"""\
from locust import FastHttpUser, task

class User(FastHttpUser):
    @task
    def push(self):
        self.client.post("/", data='{BODY}', headers={{"Content-Type": "application/json"}})
"""


def _wrk(url: str, connections: int) -> list[str]:
    script = _file("post.lua", WRK_SCRIPT)
    return ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "-s", script, url]


def _ab(url: str, connections: int) -> list[str]:
    limits = ["-q", "-k", "-r", "-c", str(connections), "-t", str(SECONDS), "-n", "100000000"]
    return ["ab", *limits, "-p", _file("body.json", BODY), "-T", "application/json", url]


def _h2load(url: str, connections: int) -> list[str]:
    limits = ["--h1", "-t1", f"-c{connections}", f"-D{SECONDS}"]
    return ["h2load", *limits, "-d", _file("body.json", BODY), "-H", JSON_TYPE, url]


def _bombardier(url: str, connections: int) -> list[str]:
    limits = ["-q", "-c", str(connections), "-d", f"{SECONDS}s", "-t", "30s"]
    return [str(_in_cache("bombardier")), *limits, "-m", "POST", "-b", BODY, "-H", JSON_TYPE, url]


def _oha(url: str, connections: int) -> list[str]:
    limits = ["--no-tui", "-c", str(connections), "-z", f"{SECONDS}s"]
    return [str(_in_cache("oha")), *limits, "-m", "POST", "-d", BODY, "-H", JSON_TYPE, url]


def _hey(url: str, connections: int) -> list[str]:
    limits = ["-c", str(connections), "-z", f"{SECONDS}s"]
    return [str(_in_cache("hey")), *limits, "-m", "POST", "-d", BODY, "-T", "application/json", url]


def _vegeta(url: str, connections: int) -> list[str]:
    targets = _file("targets", f"POST {url}\n{JSON_TYPE}\n@{_file('body.json', BODY)}\n")
    workers = [f"-workers={connections}", f"-max-workers={connections}", f"-connections={connections}"]
    limits = ["-rate=0", f"-duration={SECONDS}s", "-output=/dev/null"]
    return [str(_in_cache("vegeta")), "attack", *limits, *workers, f"-targets={targets}"]


def _k6(url: str, connections: int) -> list[str]:
    script = _file("script.js", K6_SCRIPT.format(url=url, body=BODY))
    limits = ["--vus", str(connections), "--duration", f"{SECONDS}s"]
    return [str(_in_cache("k6")), "run", "--quiet", "--no-usage-report", *limits, script]


def _locust(url: str, connections: int) -> list[str]:
    users = ["-u", str(connections), "-r", str(connections), "-t", f"{SECONDS}s"]
    file = _file("locustfile.py", LOCUST_FILE)
    return [
        str(CACHE / "locust/bin/locust"),
        "-f",
        file,
        "--headless",
        "--only-summary",
        *users,
        "-H",
        url.rstrip("/"),
    ]


def _go(module: str) -> tuple[str, ...]:
    return ("go", "install", f"{module}@latest")


def _apt(package: str) -> tuple[str, ...]:
    return ("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)


LOCUST_INSTALL = f"python3 -m venv {CACHE}/locust && {CACHE}/locust/bin/pip install -q locust"

GENERATORS = (
    Generator("wrk", "C", _apt("wrk"), _on_path("wrk"), _wrk),
    Generator("ab", "C", _apt("apache2-utils"), _on_path("ab"), _ab),
    Generator("h2load", "C++", _apt("nghttp2-client"), _on_path("h2load"), _h2load),
    Generator(
        "bombardier", "Go", _go("github.com/codesenberg/bombardier"), _in_cache("bombardier"), _bombardier
    ),
    Generator(
        "oha",
        "Rust",
        ("cargo", "install", "-q", "--locked", "oha", "--root", str(CACHE)),
        _in_cache("oha"),
        _oha,
    ),
    Generator("hey", "Go", _go("github.com/rakyll/hey"), _in_cache("hey"), _hey),
    Generator("vegeta", "Go", _go("github.com/tsenart/vegeta/v12"), _in_cache("vegeta"), _vegeta),
    Generator("k6", "Go", _go("go.k6.io/k6"), _in_cache("k6"), _k6),
    Generator("locust", "Python", ("sh", "-c", LOCUST_INSTALL), CACHE / "locust/bin/locust", _locust),
)


def stressdash(url: str, connections: int) -> list[str]:
    """The engine as the product runs it, with `traceparent`, windows, books and faults."""
    limits = ["-c", str(connections), "-d", str(SECONDS)]
    return [sys.executable, "-m", "benchmarks.engine", url, *limits]


def stressdash_numbered(url: str, connections: int) -> list[str]:
    """The same with a body of its own for each request and the ledger for the audit, as the acts have it."""
    return [*stressdash(url, connections), "--numbered"]


def stressdash_coalescing(url: str, connections: int) -> list[str]:
    """The same as `stressdash`, but served together what became ready within a millisecond."""
    return [*stressdash(url, connections), "--coalesce", "1ms"]


def available(generator: Generator) -> str | None:
    """None when it can be run, after an attempt to install it; else the reason."""
    if generator.program and generator.program.exists():
        return None
    if not shutil.which(generator.install[0]):
        return f"{generator.install[0]} is not on this machine"
    print(f"  installing {generator.name} ...", flush=True)
    done = subprocess.run(
        generator.install, env=ENVIRONMENT, capture_output=True, text=True, timeout=1800, check=False
    )
    if done.returncode:
        return f"{' '.join(generator.install)}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}"
    return None
