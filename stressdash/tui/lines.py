"""Lines of text with roles: what every panel composes and what tests read.

A line is a list of runs, each a text and the role it is drawn in; a palette turns roles into styles. Text
from outside goes through `clean` and is never parsed as markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from stressdash.charts.cells import Line, Run
from stressdash.text import escape

__all__ = [
    "Line",
    "Run",
    "clean",
    "crop",
    "ends",
    "fit",
    "join",
    "line_width",
    "pad",
    "spark",
    "wrap",
]

CONTROL_PICTURES = {code: chr(0x2400 + code) for code in range(0x20)} | {0x7F: "␡"}
SPACES = dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F), " ") | {
    0x09: "    ",
    0x3000: "  ",
}
JOINING = {code: f"\\U{code:08x}" for code in (*range(0x1F1E6, 0x1F200), *range(0x1F3FB, 0x1F400))}
"""Flags are pairs of letters, and skins change what stands before: terminals differ in their widths."""
PICTURED = CONTROL_PICTURES | SPACES | JOINING
SPARK_BLOCKS = "▁▂▃▄▅▆▇█"
ELLIPSIS = "…"


def clean(text: str) -> str:
    """The text on one line, with everything that could steer a terminal or hide made visible.

    Differs from what reports write in what a grid of cells wants: pictures of control characters, plain
    blanks for those of other scripts, and nothing whose width depends on the terminal.
    """
    if text.isascii() and text.isprintable():
        return text
    return escape(text.translate(PICTURED))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Exactly `width` cells: cut with an ellipsis or filled with spaces, wide characters counted as two."""
    length = cell_len(text)
    if length > width:
        text = _cut(text, width)
        length = cell_len(text)
    filling = " " * (width - length)
    return filling + text if right else text + filling


def _cut(text: str, width: int) -> str:
    if width <= 0:
        return ""
    used, kept = 0, []
    for character in text:
        used += cell_len(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def wrap(text: str, width: int, limit: int = 50) -> list[str]:
    """A clean text in at most `limit` pieces of at most `width` cells; the last says when more was cut.

    Breaks at a space where there is one in the second half of a piece.
    """
    pieces: list[str] = []
    piece, used = "", 0
    for character in text:
        size = cell_len(character)
        if used + size > width and piece:
            if len(pieces) == limit - 1:
                return [*pieces, fit(piece + ELLIPSIS * 2, width).rstrip()]
            space = len(piece) if character == " " else piece.rfind(" ", len(piece) // 2)
            head, piece = (piece[:space], piece[space + 1 :]) if space > 0 else (piece, "")
            pieces.append(head)
            used = cell_len(piece)
            if character == " " and not piece:
                continue
        piece += character
        used += size
    return [*pieces, piece]


def line_width(line: Iterable[Run]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(text) for text, _ in line)


def pad(line: Line, width: int) -> Line:
    """The line filled with spaces to at least `width` cells."""
    missing = width - line_width(line)
    return [*line, (" " * missing, "text")] if missing > 0 else line


def join(parts: Iterable[Sequence[Run]], gap: str = "  ") -> Line:
    """Parts side by side with a gap between those that are not empty."""
    line: Line = []
    for part in parts:
        if not part:
            continue
        if line:
            line.append((gap, "text"))
        line.extend(part)
    return line


def ends(left: Line, right: Line, width: int) -> Line:
    """`left` at the left end and `right` at the right end; where both do not fit, the left one is cut."""
    room = width - line_width(right)
    if room < 1:
        return crop(left, width)
    cropped = crop(left, room - 1) if line_width(left) >= room else left
    return [*pad(cropped, room), *right]


def crop(line: Line, width: int) -> Line:
    """The line in at most `width` cells; where more than blanks is cut off stands an ellipsis."""
    if line_width(line) <= width:
        return line
    kept: Line = []
    for at, (text, role) in enumerate(line):
        length = cell_len(text)
        if length >= width:
            has_more = any(more.strip() for more, _ in line[at + 1 :])
            cut = _cut(text, width) if has_more else fit(text.rstrip(), width)
            kept.append((text if length == width and not has_more else cut, role))
            break
        kept.append((text, role))
        width -= length
    return kept


def spark(values: Sequence[int], width: int) -> str:
    """The last `width` values as block characters, scaled to their maximum; zero is a blank."""
    shown = values[-width:] if width > 0 else ()
    top = max(shown, default=0)
    if top <= 0:
        return " " * max(0, width)
    last = len(SPARK_BLOCKS) - 1
    text = "".join(" " if value <= 0 else SPARK_BLOCKS[min(last, value * last // top)] for value in shown)
    return text.rjust(width)
