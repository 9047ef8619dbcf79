"""On which line of a TOML text each key stands: what the parser does not tell.

Reads only what is needed for that: table headers, keys at the start of a line, and where strings and arrays
that go over several lines end. The text has passed the real parser before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

__all__ = ["Path", "key_lines"]

Path = tuple[str | int, ...]
"""For instance `("request", 0, "path")`."""

KEY: Final = r"(?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')"
HEADER: Final = re.compile(rf"\s*(\[\[?)\s*({KEY}(?:\s*\.\s*{KEY})*)\s*\]")
ENTRY: Final = re.compile(rf"\s*({KEY}(?:\s*\.\s*{KEY})*)\s*=")
QUOTES: Final = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*|[\[\]{}]')


def key_lines(text: str) -> Mapping[Path, int]:
    """Line, from 1, of each table and key by its path."""
    found: dict[Path, int] = {}
    numbers: dict[Path, int] = {}
    table: Path = ()
    state = ("", 0)
    for number, line in enumerate(text.splitlines(), 1):
        inside = state != ("", 0)
        state = _after(line, *state)
        if inside:
            continue
        if header := HEADER.match(line):
            table = _names(header[2])
            if header[1] == "[[":
                numbers[table] = numbers.get(table, -1) + 1
                found.setdefault(table, number)
                table = (*table, numbers[table])
            found.setdefault(table, number)
            state = ("", 0)
        elif entry := ENTRY.match(line):
            path = table
            for name in _names(entry[1]):
                path = (*path, name)
                found.setdefault(path, number)
    return found


def _names(dotted: str) -> Path:
    return tuple(name.strip("\"'") for name in re.findall(KEY, dotted))


def _after(line: str, quote: str, depth: int) -> tuple[str, int]:
    """Which long string and how many brackets are open after a line, given those before it."""
    place = 0
    while True:
        if quote:
            end = line.find(quote, place)
            if end < 0:
                return quote, depth
            place, quote = end + 3, ""
        match = QUOTES.search(line, place)
        if match is None:
            return "", depth
        place, mark = match.end(), match[0]
        if mark in ('"""', "'''"):
            quote = mark
        elif mark in "[{":
            depth += 1
        elif mark in "]}":
            depth -= 1
