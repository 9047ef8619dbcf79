"""`stressdash hlog`: what an interval log holds, tag by tag, as text or JSON."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stressdash.errors import BadInput
from stressdash.store.hlog import QUANTILES, TagSummary, read_log, summarise
from stressdash.text import DASH, clock, escape

__all__ = ["hlog_report"]

COLUMNS = ("intervals", "count", "min", "mean", *QUANTILES, "max")
SHOWN = {"p999": "p99.9", "p9999": "p99.99"}
TAG_WIDTH = 24


def hlog_report(file: str, *, tag: str | None, as_json: bool) -> str:
    """Read a log, `-` from standard input, and tell its figures in the unit of the log.

    Args:
        file: Where it lies.
        tag: The one to tell of, empty for lines without a tag; None tells of all.
        as_json: As JSON, not as text.

    Raises:
        BadInput: it cannot be read, is damaged, or has no such tag.
    """
    tags = _read(file)
    if tag is not None:
        if tag not in tags:
            known = ", ".join(_name(name) for name in tags) or "none"
            raise BadInput(f"{file}: there is no tag {escape(tag, 100)!r}; its tags: {known}")
        tags = {tag: tags[tag]}
    return json.dumps(_plain(file, tags), indent=2) + "\n" if as_json else _text(file, tags)


def _read(file: str) -> dict[str, TagSummary]:
    try:
        if file == "-":
            return summarise(read_log(sys.stdin.buffer))
        with Path(file).open("rb") as lines:
            return summarise(read_log(lines))
    except OSError as error:
        raise BadInput(f"cannot read {file!r}: {error.strerror}") from error
    except BadInput as error:
        raise BadInput(f"{file}, {error}") from error


def _figures(each: TagSummary) -> dict[str, float | None]:
    return {
        "intervals": each.intervals,
        "count": each.count,
        "min": each.minimum,
        "mean": each.mean,
        **each.percentiles(),
        "max": each.maximum,
    }


def _plain(file: str, tags: dict[str, TagSummary]) -> dict[str, Any]:
    return {
        "schema": "stressdash.hlog/1",
        "file": file,
        "tags": [
            {
                "tag": each.tag or None,
                "start": _moment(each.start_s),
                "start_s": round(each.start_s, 3),
                "end_s": round(each.end_s, 3),
                "max_value_unit_ratio": each.max_ratio,
                **_figures(each),
            }
            for each in tags.values()
        ],
    }


def _text(file: str, tags: dict[str, TagSummary]) -> str:
    if not tags:
        return f"{escape(file, 200)} holds no interval\n"
    start_s, end_s = min(t.start_s for t in tags.values()), max(t.end_s for t in tags.values())
    ratios = {each.max_ratio for each in tags.values() if each.max_ratio is not None}
    lines = [f"{escape(file, 200)}: {clock(round(end_s - start_s, 2))} from {_moment(start_s)}"]
    if len(ratios) == 1 and ratios != {1.0}:
        lines.append(
            f"values are in the unit of the log, its own column of maxima in {ratios.pop():,.6g} of it"
        )
    else:
        lines.append("values are in the unit of the log")
    header = ["tag", *(SHOWN.get(name, name) for name in COLUMNS)]
    rows = [[_name(each.tag), *(_number(_figures(each)[name]) for name in COLUMNS)] for each in tags.values()]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines += ["", *(_row(row, widths) for row in [header, *rows])]
    return "\n".join(lines) + "\n"


def _row(cells: list[str], widths: list[int]) -> str:
    first, *others = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])


def _name(tag: str) -> str:
    return escape(tag, TAG_WIDTH) if tag else "(no tag)"


def _number(value: float | None) -> str:
    if value is None:
        return DASH
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}" if value < 1000 else f"{value:,.1f}"


def _moment(seconds: float) -> str:
    """UTC, or seconds where the log does not count from 1970."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"{seconds:.3f}"
