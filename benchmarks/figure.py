"""A figure: one measured table, kept as JSON between runs, and the document made of all of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".make" / "benchmarks"
DOCUMENT = ROOT / "docs" / "benchmarks.md"

HEAD = """\
# Benchmarks

Made by `make bench`; `python -m benchmarks NAME...` repeats single figures. What is compared ran interleaved,
and medians are shown; ratios decide, absolute figures belong to one noisy machine. Processor time is the
operating system's account of all processes concerned, start-up left out. Goals stand beside, met or
missed. How: `benchmarks/harness.py`.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One table. Rows are text, ready to print."""

    title: str
    how: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    machine: str = ""

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.how, "", _row(self.columns)]
        lines.append(_row(["---", *["---:"] * (len(self.columns) - 1)]))
        lines += [_row(row) for row in self.rows]
        lines += ["", *[f"- {note}" for note in self.notes], *([""] if self.notes else [])]
        return "\n".join([*lines, f"Measured on {self.machine}.", ""])

    def plain(self) -> str:
        """The table as it is printed, aligned."""
        table = [self.columns, *self.rows]
        widths = [max(len(row[at]) for row in table) for at in range(len(self.columns))]
        lines = [
            "  ".join(cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in cells)
            for cells in (enumerate(zip(row, widths, strict=True)) for row in table)
        ]
        return "\n".join([self.title, *lines, *self.notes, ""])


def keep(name: str, figure: Figure) -> None:
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(asdict(figure), indent=1))


def kept(name: str) -> Figure | None:
    path = KEPT / f"{name}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text())
    rows = tuple(tuple(row) for row in found.pop("rows"))
    return Figure(columns=tuple(found.pop("columns")), notes=tuple(found.pop("notes")), rows=rows, **found)


def write_document(names: Sequence[str]) -> None:
    """Write the document from every figure that has been measured here."""
    figures = [figure for name in names if (figure := kept(name))]
    DOCUMENT.write_text("\n".join([HEAD, *(figure.markdown() for figure in figures)]))


def machine() -> str:
    """This machine in a few words, without its name."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({platform.machine()}), {memory_gib:.0f} GiB, "
        f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
