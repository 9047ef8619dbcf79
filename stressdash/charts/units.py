"""Numbers as the screen shows them: `2.3k`, `164ms`, `51.7%`, `1.5MiB`, `00:07`; a dash for the unknown.

Durations, shares and sizes read as in the reports: `stressdash.text` writes them. Counts and the run's clock
have forms of their own, for narrow columns.
"""

from __future__ import annotations

import math

from stressdash.text import DASH as UNKNOWN
from stressdash.text import byte_size as size
from stressdash.text import duration_us as duration
from stressdash.text import percent as exact_percent

__all__ = ["UNKNOWN", "clock", "duration", "grouped", "percent", "quantity", "si", "size"]

SI_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
DECIMAL_PLACES = 2


def quantity(value: float | None, unit: str) -> str:
    """A figure in its unit as series name it: `us`, `share`, `bytes`; everything else is a plain number."""
    if unit == "us":
        return duration(value)
    if unit == "share":
        return percent(value)
    if unit == "bytes":
        return size(value)
    return si(value)


def si(value: float | None) -> str:
    """Three significant digits and a suffix: `0`, `0.25`, `7`, `412`, `2.3k`, `1.2M`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    magnitude = abs(value)
    for step, suffix in SI_STEPS:
        if magnitude >= step * 0.9995:
            return f"{_short(value / step)}{suffix}"
    return _short(value)


def grouped(value: float | None, *, below: float = 10_000_000) -> str:
    """A count in full with thousands separators, in short from `below` on: `17,744`, `12.3M`."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if abs(value) >= below:
        return si(value)
    if abs(value) < 10 and value != int(value):
        return f"{value:.1f}"
    return f"{value:,.0f}"


def clock(seconds: float | None) -> str:
    """Minutes and seconds, hours when there are any: `00:07`, `1:02:03`; `∞` for no end."""
    if seconds is None:
        return "∞"
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def percent(share: float | None) -> str:
    """A share of one as per cent, without a nought behind the point: `0%`, `<0.1%`, `50%`, `51.7%`."""
    return exact_percent(share).replace(".0%", "%")


def _short(value: float) -> str:
    if abs(value) >= 99.95 or value == int(value):
        return f"{value:.0f}"
    places = 1 if abs(value) >= 0.995 else DECIMAL_PLACES
    return f"{value:.{places}f}".rstrip("0").rstrip(".")
