"""Two groups of runs held against each other, as lines: the verdict first, then what it is made of.

The words are those of the shell's `compare`; only the columns are cut for a screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stressdash.metrics.compare import Change, Judgement
from stressdash.report.compare_text import (
    change_row,
    comparison_verdict,
    error_words,
    repeats_words,
    too_few_words,
)
from stressdash.report.comparison import Compared
from stressdash.tui.lines import Line, clean, fit, wrap

__all__ = ["comparison_lines"]

METRIC = 24
METRIC_JUDGED = 14
VALUE = 8
INTERVAL = 19
SIDE = 8
ROLES = {
    Judgement.BETTER: "good",
    Judgement.WORSE: "bad",
    Judgement.TOO_FEW: "warn",
    Judgement.UNKNOWN: "dim",
}
SHORT = {Judgement.TOO_FEW: "too few", Judgement.UNKNOWN: "unknown"}
LONGEST_JUDGEMENT = 42
ERROR_ROLES = {"new": "bad", "more": "bad", "gone": "good", "less": "good"}


def comparison_lines(compared: Compared, width: int) -> list[Line]:
    """All of a comparison but its charts."""
    lines = [*_head(compared, width), [], *_changes(compared, width)]
    knobs = [(f"{name}: {a} → {b}", "text") for name, (a, b) in compared.knobs.items()]
    lines += _part("Knobs that differ", knobs, width)
    errors = [(f"{error_words(one)}: {one.text}", ERROR_ROLES[one.kind]) for one in compared.errors]
    lines += _part("Errors", errors, width)
    if details := compared.details.changes:
        lines += [[], [("What explains it, not judged", "title")], _names(METRIC, compared, width)]
        lines += [_cells(change, METRIC) for change in details]
    return lines


def _head(compared: Compared, width: int) -> list[Line]:
    """Who is held against whom, what came of it, and what speaks against comparing."""
    lines: list[Line] = []
    for side, role, name in zip("AB", ("before", "after"), compared.names, strict=True):
        lines.append([(f" {side} ", "badge"), (f" {role:<{SIDE}}", "dim"), (clean(name), "strong")])
    lines.append([(repeats_words(compared), "dim")])
    judgements = {change.judgement for change in compared.comparison.changes}
    worst = next((one for one in (Judgement.WORSE, Judgement.BETTER) if one in judgements), None)
    verdict = comparison_verdict(compared) if compared.comparison.enough else too_few_words(compared)
    role = "warn" if not compared.comparison.enough else ROLES[worst] if worst else "strong"
    lines += _wrapped(verdict, role, width)
    for objection in compared.objections:
        lines += _wrapped(f"beware: {objection}", "warn", width)
    return lines


def _changes(compared: Compared, width: int) -> list[Line]:
    judged = compared.comparison.changes
    metric = METRIC if width >= METRIC + 3 * VALUE + INTERVAL + LONGEST_JUDGEMENT else METRIC_JUDGED
    return [
        _names(metric, compared, width),
        *([*_cells(change, metric), _judgement(change, wide=metric == METRIC)] for change in judged),
    ]


def _names(metric: int, compared: Compared, width: int) -> Line:
    level = f"{100 * (1 - compared.comparison.level):.3g} % interval"
    cells = [("A", VALUE), ("B", VALUE), ("change", VALUE), (level, INTERVAL)]
    names = fit("metric", metric) + "".join(fit(name, size, right=True) for name, size in cells)
    return [(fit(names, width), "dim")]


def _cells(change: Change, metric: int) -> Line:
    label, before, after, by, interval, _ = change_row(change)
    sizes = [(before, VALUE), (after, VALUE), (by, VALUE)]
    figures = "".join(fit(text, size, right=True) for text, size in sizes)
    return [(fit(label, metric), "text"), (figures, "text"), (fit(interval, INTERVAL, right=True), "dim")]


def _judgement(change: Change, *, wide: bool) -> tuple[str, str]:
    role = ROLES.get(change.judgement, "dim")
    if wide:
        return f"  {change_row(change)[-1]}", role
    if change.judgement is Judgement.NO_DIFFERENCE:
        return "  none" + (f", finds {change.detectable:.1%}" if change.detectable else ""), role
    return f"  {SHORT.get(change.judgement, change.judgement)}", role


def _part(title: str, told: Sequence[tuple[str, str]], width: int) -> Iterable[Line]:
    if not told:
        return []
    lines: list[Line] = [[], [(title, "title")]]
    for text, role in told:
        lines += _wrapped(text, role, width)
    return lines


def _wrapped(text: str, role: str, width: int) -> list[Line]:
    """Untrusted text in as many lines as it takes."""
    return [[(piece, role)] for piece in wrap(clean(text), width)]
