"""Requests, bodies and rows in the short forms of the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from stressdash.errors import BadInput
from stressdash.load.plan import Request
from stressdash.load.rows import Rows, read_rows

__all__ = ["parse_body", "parse_mix", "parse_rows"]

MIX: Final = re.compile(
    r"(?P<name>[^\s:]+)(?::(?P<weight>\d{1,6}))?\s+(?P<method>[A-Za-z]+)\s+(?P<path>/\S*)(?:\s+(?P<body>\S.*))?",
    re.DOTALL,
)
ROWS: Final = re.compile(r"(?P<name>[^=]+)=(?P<file>.+?)(?::(?P<order>random|sequential))?")


def parse_mix(text: str) -> Request:
    """A request from `NAME[:WEIGHT] METHOD PATH [BODY|@FILE]`.

    Raises:
        BadInput: it has another form, or cannot be sent.
    """
    match = MIX.fullmatch(text.strip())
    if match is None:
        raise BadInput(
            f"{text[:60]!r} is no request; write 'NAME[:WEIGHT] METHOD PATH [BODY|@FILE]', "
            "for instance 'read:3 GET /items'"
        )
    return Request(
        name=match["name"],
        method=match["method"].upper(),
        path=match["path"],
        body=parse_body(match["body"] or ""),
        weight=int(match["weight"] or 1),
    )


def parse_rows(text: str) -> Rows:
    """Rows from `NAME=FILE[:random]`.

    Raises:
        BadInput: it has another form, or the file cannot be used.
    """
    match = ROWS.fullmatch(text)
    if match is None:
        raise BadInput(f"{text[:60]!r} names no rows; write NAME=FILE or NAME=FILE:random")
    return read_rows(match["name"], Path(match["file"]), match["order"] or "sequential")


def parse_body(text: str) -> bytes:
    """The text, or what the file after its `@` holds.

    Raises:
        BadInput: it cannot be read.
    """
    if not text.startswith("@"):
        return text.encode()
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {text[1:]!r}: {error.strerror}") from error
