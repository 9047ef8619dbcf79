"""Rows of a CSV or JSON Lines file, whose columns are fields of templates.

A file is read once, before the run. A row that cannot be used is refused with its file and line: a run that
left it out would send something else than was asked for.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from stressdash.errors import BadInput

__all__ = ["ORDERS", "Rows", "cell_text", "check_order", "read_rows"]

ORDERS: Final = ("sequential", "random")
NAME: Final = re.compile(r"[A-Za-z_][\w-]*")
FILE_LIMIT: Final = 64 << 20
KINDS: Final = ".csv, .jsonl or .ndjson"


@dataclass(frozen=True, slots=True)
class Rows:
    """A file's rows under the name that templates know."""

    name: str
    columns: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    """Row by row, each cell as JSON text."""
    order: str = "sequential"
    """`sequential`: request 1 has the first row, after the last comes the first again; or `random`."""


def read_rows(name: str, path: Path, order: str = "sequential") -> Rows:
    """Rows of a file.

    Raises:
        BadInput: file, line and what is wrong.
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"rows named {name!r} cannot be a field; give a name of letters, digits, - and _")
    check_order(order)
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".jsonl", ".ndjson"}:
        raise BadInput(f"{path}: rows are read from a file that ends in {KINDS}")
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise BadInput(f"{path}: rows are read from files up to {FILE_LIMIT >> 20} MiB; give fewer rows")
        with path.open(encoding="utf-8-sig", newline="") as lines:
            read = _csv_rows(path, lines) if suffix == ".csv" else _json_rows(path, lines)
            columns, *cells = read
    except OSError as error:
        raise BadInput(f"cannot read rows from {str(path)!r}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"cannot read rows from {str(path)!r}: it is not UTF-8 text") from error
    if not cells:
        raise BadInput(f"{path}: there is no row in it; give it at least one")
    return Rows(name, columns, tuple(cells), order)


def check_order(order: str) -> None:
    """Refuse an order that there is not.

    Raises:
        BadInput: with those there are.
    """
    if order not in ORDERS:
        raise BadInput(f"rows come {' or '.join(ORDERS)}, not {order!r}")


def cell_text(cell: str) -> str:
    """Text of a cell as it stands in a request: that of a string, else the JSON itself; null is empty."""
    if cell.startswith('"'):
        return str(json.loads(cell))
    return "" if cell == "null" else cell


def _csv_rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, ...]]:
    """The names of the columns, then the cells of each row."""
    reader = csv.reader(lines, strict=True)
    columns: Sequence[str] = ()
    try:
        for row in reader:
            if not columns:
                columns = tuple(name.strip() for name in row)
                _check_columns(columns, f"{path}, line {reader.line_num}")
                yield tuple(columns)
            elif row and len(row) != len(columns):
                raise BadInput(
                    f"{path}, line {reader.line_num}: {len(row)} cells where the first line names "
                    f"{len(columns)} columns"
                )
            elif row:
                yield tuple(json.dumps(cell) for cell in row)
    except csv.Error as error:
        raise BadInput(f"{path}, line {reader.line_num}: no valid CSV: {error}") from error
    if not columns:
        raise BadInput(f"{path}: it is empty; the first line names the columns")


def _json_rows(path: Path, lines: Iterator[str]) -> Iterator[tuple[str, ...]]:
    columns: tuple[str, ...] = ()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        row = _json_object(line, where)
        if not columns:
            columns = tuple(row)
            _check_columns(columns, where)
            yield columns
        if set(row) != set(columns):
            raise BadInput(
                f"{where}: it has {', '.join(row) or 'nothing'} where the first has {', '.join(columns)}"
            )
        yield tuple(_json_cell(row, name, where) for name in columns)
    if not columns:
        raise BadInput(f"{path}: it is empty; give an object on each line")


def _json_object(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: no valid JSON: {error}") from error
    if not isinstance(row, dict):
        raise BadInput(f'{where}: a row is a JSON object such as {{"user": "ann"}}')
    return row


def _json_cell(row: Mapping[str, Any], name: str, where: str) -> str:
    value = row[name]
    if isinstance(value, (list, dict)):
        raise BadInput(
            f"{where}: {name!r} is a list or an object; a field is text, a number, true, false or null"
        )
    return json.dumps(value)


def _check_columns(columns: Sequence[str], where: str) -> None:
    for name in columns:
        if not name or re.search(r"[{}\s]", name):
            raise BadInput(
                f"{where}: {name!r} cannot name a column; give it a name without spaces and braces"
            )
    if len(set(columns)) < len(columns):
        raise BadInput(f"{where}: a column is named twice")
