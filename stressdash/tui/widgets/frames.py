"""A stack trace as lines: the raise site first, library frames folded, source where it is unfolded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from stressdash.samples import Frame
from stressdash.tui.lines import Line, clean, fit
from stressdash.tui.widgets.listing import Item

__all__ = ["first_own_frame", "frame_items"]

LIBRARY_NAMES = 3


def frame_items(frames: Sequence[Frame], toggled: frozenset[str], width: int) -> list[Item]:
    """Lines of a stack whose raise site is the last of `frames`.

    The first frame that is no library's is unfolded, all else is folded; ids in `toggled` are turned round.
    """
    items: list[Item] = []
    order = list(enumerate(reversed(frames)))
    open_id = first_own_frame(frames)
    for library, group in groupby(order, key=lambda pair: pair[1].library):
        found = list(group)
        if library and len(found) > 1:
            items += _fold(found, toggled ^ {open_id}, width)
        else:
            for index, frame in found:
                items += _frame(index, frame, toggled ^ {open_id}, width)
    return items


def first_own_frame(frames: Sequence[Frame]) -> str:
    """Id of the frame nearest to the raise site that is no library's, else of the raise site."""
    own = (index for index, frame in enumerate(reversed(frames)) if not frame.library)
    return f"frame-{next(own, 0)}"


def _fold(found: Sequence[tuple[int, Frame]], toggled: frozenset[str], width: int) -> list[Item]:
    fold = f"fold-{found[0][0]}"
    is_open = fold in toggled
    modules = dict.fromkeys(_package(frame) for _, frame in found)
    names = ", ".join([*modules][:LIBRARY_NAMES]) + (", …" if len(modules) > LIBRARY_NAMES else "")
    text = f"{'▾' if is_open else '▸'} {len(found)} library frames ({clean(names)})"
    items = [Item(((fit(f"  {text}", width), "dim"),), fold)]
    if is_open:
        for index, frame in found:
            items += _frame(index, frame, toggled, width, indent="    ")
    return items


def _frame(index: int, frame: Frame, toggled: frozenset[str], width: int, indent: str = "  ") -> list[Item]:
    frame_id = f"frame-{index}"
    has_source = bool(frame.context or frame.pre or frame.post)
    is_open = has_source and frame_id in toggled
    where = f"{clean(frame.filename)}:{frame.line}" if frame.line is not None else clean(frame.filename)
    symbol = ("▾" if is_open else "▸") if has_source else " "
    head: Line = [
        (f"{indent[2:]}{symbol} ", "accent"),
        (where, "dim" if frame.library else "strong"),
        (f"  in {clean(frame.function)}", "dim" if frame.library else "text"),
    ]
    items = [Item(tuple(_fitted(head, width)), frame_id)]
    if is_open:
        items += _source(frame, width, indent)
    return items


def _source(frame: Frame, width: int, indent: str) -> Iterable[Item]:
    first = (frame.line or 0) - len(frame.pre)
    lines = [*frame.pre, frame.context, *frame.post]
    for offset, text in enumerate(lines):
        is_site = offset == len(frame.pre)
        number = str(first + offset) if frame.line is not None else ""
        shown = f"{indent}  {'→' if is_site else ' '} {number:>4}  {clean(text.rstrip())}"
        yield Item(((fit(shown, width), "strong" if is_site else "dim"),))


def _fitted(line: Line, width: int) -> Line:
    fitted: Line = []
    for text, role in line:
        kept = fit(text, min(len(text), max(0, width)))
        fitted.append((kept, role))
        width -= len(kept)
    return [*fitted, (" " * max(0, width), "text")]


def _package(frame: Frame) -> str:
    return frame.module.partition(".")[0] or frame.filename.rpartition("/")[2]
