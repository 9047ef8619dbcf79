"""A plan's request as command lines of curl and wrk, for the clipboard: filled in, quoted, without secrets.

A secret header stands as what reads it (`$TOKEN`, `$(cat FILE)`), so the line works where the secret is and
says nothing where it is not. A header that usually holds a credential is left out of what is copied.
"""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from stressdash.load.field import Source
from stressdash.load.plan import Plan, Request
from stressdash.load.secret import SecretHeader
from stressdash.load.template import Template
from stressdash.load.transport import Transport

__all__ = ["as_curl", "as_wrk"]

CREDENTIALS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-auth-token", "x-csrf-token"}
)
BLOT: Final = "***"


def as_curl(plan: Plan) -> str:
    """A curl line that sends the plan's first request once, quoted for a POSIX shell."""
    request = plan.requests[0]
    words = ["curl", "-i", "-X", request.method]
    for name, value in request.headers:
        words += ["-H", f"{name}: {_shown(name, value, plan)}"]
    quoted = [shlex.join(words), *(f"-H {_shell_header(header)}" for header in request.secrets)]
    rest = ["--data-binary", _example(request.body, plan)] if request.body else []
    return " ".join([*quoted, shlex.join([*rest, *_curl_transport(plan.transport), _url(plan)])])


def as_wrk(plan: Plan) -> str:
    """The wrk line nearest to the plan; body and headers that wrk takes from a script stand as a comment."""
    seconds = f"{max(1, round(plan.duration_s))}s" if plan.duration_s else "60s"
    request = plan.requests[0]
    threads = str(min(4, plan.connections))
    words = ["wrk", f"-d{seconds}", f"-t{threads}", f"-c{plan.connections}"]
    if plan.script is not None:
        arguments = ["--", *plan.script.arguments] if plan.script.arguments else []
        return shlex.join([*words, "-s", plan.script.path, _url(plan), *arguments])
    if request.method == "GET" and not (request.body or request.headers or request.secrets):
        return shlex.join([*words, _url(plan)])
    script = "\n".join(_lua_lines(request, plan))
    return shlex.join([*words, "-s", "push.lua", _url(plan)]) + f"\n\n-- push.lua\n{script}"


def _lua_lines(request: Request, plan: Plan) -> list[str]:
    lines = [f"wrk.method = {_lua(request.method)}"]
    for name, value in request.headers:
        lines.append(f"wrk.headers[{_lua(name)}] = {_lua(_shown(name, value, plan))}")
    for header in request.secrets:
        words = f"{_lua(header.words + ' ')} .. " if header.words else ""
        lines.append(f"wrk.headers[{_lua(header.name)}] = {words}{_lua_source(header)}")
    return [*lines, f"wrk.body = {_lua(_example(request.body, plan))}"]


def _lua_source(header: SecretHeader) -> str:
    kind, _, place = header.source.partition(":")
    return f"os.getenv({_lua(place)})" if kind == "env" else f'io.open({_lua(place)}):read("*l")'


def _shell_header(header: SecretHeader) -> str:
    """In double quotes, where the shell fills in the secret."""
    kind, _, place = header.source.partition(":")
    value = f"${{{place}}}" if kind == "env" else f"$(cat {shlex.quote(place)})"
    words = f"{header.name}: {header.words} " if header.words else f"{header.name}: "
    for char in '\\"$`':
        words = words.replace(char, f"\\{char}")
    return f'"{words}{value}"'


def _shown(name: str, value: str, plan: Plan) -> str:
    return BLOT if name.lower() in CREDENTIALS else _example(value.encode(), plan, "header")


def _curl_transport(transport: Transport) -> list[str]:
    named = {
        "--cacert": transport.ca_file,
        "--cert": transport.cert_file,
        "--key": transport.key_file,
        "--unix-socket": transport.unix_socket,
    }
    words = [word for flag, value in named.items() if value is not None for word in (flag, value)]
    return [*words, "--insecure"] if transport.insecure else words


def _url(plan: Plan) -> str:
    parts = urlsplit(plan.url)
    path = plan.requests[0].path
    if path is None:
        return plan.url
    return urlunsplit((parts.scheme, parts.netloc, _example(path.encode(), plan, "path"), "", ""))


def _example(template: bytes, plan: Plan, place: str = "body") -> str:
    """The template as the first request has it."""
    source = Source(plan.run_tag, plan.seed, {rows.name: rows for rows in plan.rows})
    return Template.parse(template).bind(source, place).render(1).decode("utf-8", "backslashreplace")


def _lua(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
