"""The plan ahead: a run's shape over all of its time, the present marked, the stage one is in named.

plan ▁▁▂▃▄▅▆▇██████┃██████▁▁▁  hold 400 · 2 of 3 · left 0:12 of 1:30
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from stressdash.charts.units import clock
from stressdash.course import PlanAhead, PlannedStage
from stressdash.tui.lines import Line, fit, line_width
from stressdash.tui.view import View
from stressdash.tui.widgets.panel import ViewPanel

__all__ = ["PlanStrip"]

NAME_WIDTH: Final = 6
LEVELS: Final = " ▁▂▃▄▅▆▇█"
PRESENT: Final = "┃"
WORDS: Final = 46
"""Most cells of the words beside the drawing."""
TALL_FROM: Final = 40
"""Rows of a screen from which on the drawing is three rows high."""


class PlanStrip(ViewPanel):
    """One row, or three on a tall screen; hidden when the load has no shape."""

    def show(self, view: View) -> None:
        """Draw a new view; hide when there is no plan."""
        self.display = view.snapshot.plan is not None
        self.styles.height = 3 if self.app.size.height >= TALL_FROM else 1
        super().show(view)

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """The drawing at the left, the words beside its last row."""
        plan = view.snapshot.plan
        if plan is None:
            return []
        words = plan_words(plan)
        words_width = min(WORDS, max(line_width(words), width // 3))
        rows = 3 if self.size.height >= 3 else 1
        drawing = draw_plan(plan, width - NAME_WIDTH - 2 - words_width, rows)
        names = [*[""] * (rows - 1), "plan"]
        lines: list[Line] = [
            [(fit(name, NAME_WIDTH), "text"), *drawn] for name, drawn in zip(names, drawing, strict=True)
        ]
        lines[0 if rows == 1 else 1] += [("  ", "text"), *words]
        if rows > 1:
            lines[0] += [("  ", "text"), (f"most {most(plan):,g} {unit(plan)}", "dim")]
        return [line if line_width(line) <= width else line[:-1] for line in lines]


def draw_plan(plan: PlanAhead, width: int, rows: int) -> list[Line]:
    """The shape in `width` columns, from the top row down; what has passed is dim, the present a bar."""
    length_s, highest = plan.stages[-1].end_s, most(plan) or 1.0
    width = max(8, width)
    heights = [level_at(plan, (x + 0.5) / width * length_s) / highest * rows * 8 for x in range(width)]
    present = None if plan.at_s is None else min(width - 1, int(plan.at_s / length_s * width))
    drawn: list[Line] = []
    for row in range(rows - 1, -1, -1):
        cells = "".join(LEVELS[max(0, min(8, round(height - 8 * row)))] for height in heights)
        if rows == 1 or row == 0:
            cells = "".join(LEVELS[1] if cell == " " else cell for cell in cells)
        if present is None:
            drawn.append([(cells, "accent")])
        else:
            drawn.append([(cells[:present], "dim"), (PRESENT, "key"), (cells[present + 1 :], "accent")])
    return drawn


def plan_words(plan: PlanAhead) -> Line:
    """`hold 400 · 2 of 3 · left 0:12 of 1:30`; of a plan not begun, how long it is."""
    length_s = plan.stages[-1].end_s
    if plan.at_s is None:
        count = len(plan.stages)
        return [(f"{count} stage{'s' if count != 1 else ''}, {clock(length_s)}, in {unit(plan)}", "dim")]
    if not plan.is_followed:
        return [("left: steered by hand", "warn")]
    number, stage = stage_of(plan, plan.at_s)
    left_s = max(0.0, stage.end_s - plan.at_s)
    return [
        (stage.label, "strong"),
        (f" · {number + 1} of {len(plan.stages)} · left ", "dim"),
        (clock(left_s), "text"),
        (f", run {clock(max(0.0, length_s - plan.at_s))}", "dim"),
    ]


def stage_of(plan: PlanAhead, at_s: float) -> tuple[int, PlannedStage]:
    """Number and stage at a time; the last one after the end."""
    for number, stage in enumerate(plan.stages):
        if at_s < stage.end_s:
            return number, stage
    return len(plan.stages) - 1, plan.stages[-1]


def level_at(plan: PlanAhead, at_s: float) -> float:
    """What is planned at a time."""
    _, stage = stage_of(plan, at_s)
    share = (at_s - stage.start_s) / (stage.end_s - stage.start_s)
    return stage.start + (stage.end - stage.start) * min(1.0, max(0.0, share))


def most(plan: PlanAhead) -> float:
    """The highest level."""
    return max(max(stage.start, stage.end) for stage in plan.stages)


def unit(plan: PlanAhead) -> str:
    """What the levels are."""
    return "connections" if plan.of == "connections" else "requests/s"
