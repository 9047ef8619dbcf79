"""The flags that say what is sent and what must come back, and those that other tools have for it."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from stressdash.errors import BadInput, UsageError

if TYPE_CHECKING:
    from stressdash.settings import Settings

__all__ = ["FOREIGN", "add_request_flags", "check_requests", "request_layer", "split_script_words"]

DATA: Final = "the body is --body TEXT, or --body @FILE"
USER: Final = (
    "a password on the command line shows in every process list; "
    "say --secret-header 'Authorization=Basic env:NAME', with base64 of user:password in NAME"
)
FOREIGN: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("--data", "--data-raw", "--data-binary", "--data-ascii"), DATA),
        "--data-urlencode": f"{DATA}; encode it yourself, and give its Content-Type with -H",
        **dict.fromkeys(
            ("-F", "--form"), f"forms are not built here; {DATA}, with its boundary and Content-Type"
        ),
        **dict.fromkeys(("-u", "--user", "--oauth2-bearer"), USER),
        **dict.fromkeys(
            ("-b", "--cookie"), "cookies are a header: -H 'Cookie: NAME=VALUE', or --secret-header"
        ),
        "--request": "the method is -X METHOD; several requests are --mix, their number is --requests",
        **dict.fromkeys(("-A", "--user-agent"), "it is a header: -H 'User-Agent: NAME'"),
        **dict.fromkeys(("-e", "--referer"), "it is a header: -H 'Referer: URL'"),
        **dict.fromkeys(("-L", "--location"), "redirects are not followed; load the URL that they lead to"),
        **dict.fromkeys(("-I", "--head"), "the method is -X HEAD"),
        **dict.fromkeys(("-m", "--max-time"), "a request's time is --timeout TIME, the run's is -d TIME"),
        **dict.fromkeys(("-x", "--proxy"), "proxies are not used; give the URL of what is to be loaded"),
        **dict.fromkeys(("-o", "--output"), "answers are not kept; the run's result is --json FILE"),
        **dict.fromkeys(("-n", "--num-requests"), "the number of requests is --requests N"),
        **dict.fromkeys(("-z", "--time"), "the time is -d TIME"),
        **dict.fromkeys(("-q", "--qps"), "arrivals per second are --rate N"),
        **dict.fromkeys(("--threads", "--vus"), "load processes are -t N, connections -c N"),
        **dict.fromkeys(("--http2", "--http2-prior-knowledge"), "only HTTP/1.1 is spoken"),
        "--compressed": "it is a header: -H 'Accept-Encoding: gzip'",
    }
)
"""Flags of curl, wrk, hey, oha, ab and k6, each with what to say instead."""


def add_request_flags(add: Callable[..., argparse.Action]) -> None:
    """Add requests, expectations, secrets and scripts."""
    add("-X", "--method", metavar="M", help="HTTP method (default: GET, or POST with a body)")
    add(
        "-H",
        "--header",
        metavar="'K: V'",
        action="append",
        default=[],
        help="sent with each request; may be repeated",
    )
    add("--body", metavar="TEXT|@FILE", help="request body; a template")
    add(
        "--secret-header",
        metavar="K=SOURCE",
        action="append",
        default=[],
        help="a header whose value is never shown: 'Authorization=Bearer env:NAME' or K=file:PATH",
    )
    add(
        "--mix",
        metavar="REQUEST",
        action="append",
        default=[],
        help="one of several: 'NAME[:WEIGHT] METHOD PATH [BODY|@FILE]'; may be repeated",
    )
    add(
        "--rows",
        metavar="NAME=FILE",
        action="append",
        default=[],
        help="rows of a .csv or .jsonl file for {{NAME.COLUMN}}; FILE:random takes them by chance",
    )
    add(
        "--expect",
        metavar="WHAT",
        action="append",
        default=[],
        help="of every answer: status=200,201, status=2xx, 'body~text' or 'json:/pointer=value'",
    )
    add("--seed", metavar="N", help="of everything random (default: 0)")
    add("-s", "--script", metavar="FILE", help="a wrk script (Lua); its arguments stand after --")
    add("--latency", action="store_true", help=argparse.SUPPRESS)  # wrk's; here it is always shown


def split_script_words(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Words of the command line, and those after `--`, which are the script's."""
    if "--" not in words:
        return list(words), ()
    at = list(words).index("--")
    return list(words[:at]), tuple(words[at + 1 :])


def request_layer(options: argparse.Namespace) -> dict[str, tuple[str, Any]]:
    """Settings of the flags that were given: name -> (flag, value).

    Raises:
        UsageError: a header of another form.
        BadInput: a body's file that cannot be read.
    """
    if options.duration is not None and re.search(r"[{}@=&]", options.duration):
        raise UsageError(
            "-d is the duration here, as in wrk, and has a time such as 30s; curl's -d is --body"
        )
    if options.script is not None and "://" in options.script:
        raise UsageError("-s names a wrk script here; for no progress line say --quiet")
    layer: dict[str, tuple[str, Any]] = {}
    for name in ("method", "seed", "script"):
        if (value := getattr(options, name)) is not None:
            layer[name] = (f"--{name}", value)
    for name in ("mix", "rows", "expect"):
        if value := getattr(options, name):
            layer[name] = (f"--{name}", tuple(value))
    if options.header:
        layer["headers"] = ("--header", tuple(map(_header, options.header)))
    if options.secret_header:
        layer["secret_headers"] = ("--secret-header", tuple(options.secret_header))
    if options.body is not None:
        layer["body"] = ("--body", _body(options.body))
    if script_args := getattr(options, "script_args", ()):
        layer["script_args"] = ("the words after --", script_args)
    return layer


def check_requests(settings: Settings) -> None:
    """Refuse what the run's requests could not be made of, before a stack is started for it.

    Raises:
        UsageError: the sentence names the flag or the scenario that said it.
    """
    from stressdash.load.asked import parse_mix, parse_rows
    from stressdash.load.expectation import Checks
    from stressdash.load.secret import parse_secret_header, read_secrets

    try:
        for text in settings.secret_headers:
            read_secrets([parse_secret_header(text)], os.environ)
    except BadInput as error:
        raise BadInput(f"{settings.origin('secret_headers')}: {error}") from error
    for name, parse, texts in (
        ("expect", lambda text: Checks((text,)), settings.expect),
        ("mix", parse_mix, settings.mix),
        ("rows", parse_rows, settings.rows),
    ):
        for text in texts:
            try:
                parse(text)
            except BadInput as error:
                raise BadInput(f"{settings.origin(name)}: {error}") from error
    if settings.mix and settings.script is not None:
        raise UsageError("--mix and --script both say what to send; leave one out")
    if settings.script_args and settings.script is None:
        raise UsageError("words after -- are for a script; give one with --script FILE")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or any(ord(c) < 32 and c != "\t" for c in text):
        raise UsageError(f"--header {name[:60]!r} is not of the form 'Name: value'")
    return name.strip(), value.strip()


def _body(text: str) -> bytes:
    from stressdash.load.asked import parse_body

    try:
        return parse_body(text)
    except BadInput as error:
        raise BadInput(f"--body: {error}") from error
