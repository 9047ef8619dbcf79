"""Numbers as people read them: `2.3k`, `164ms`, `1.21s`, `12 MiB`, `00:07`; a dash for what is not known."""

from __future__ import annotations

import math

__all__ = ["UNKNOWN", "clock", "duration", "grouped", "percent", "quantity", "si", "size"]

UNKNOWN = "–"
SI_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
SIZE_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
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


def percent(share: float | None) -> str:
    """A share of one as per cent: `0%`, `<0.1%`, `51.7%`, `100%`; never rounded up to a whole."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    value = share * 100
    if 0 < value < 0.1:
        return "<0.1%"
    if 99.9 < value < 100:
        return ">99.9%"
    return f"{value:.1f}".removesuffix(".0") + "%"


def duration(us: float | None) -> str:
    """A time span given in microseconds: `85us`, `4.72ms`, `164ms`, `1.21s`, `2m05s`, `1h02m`."""
    if us is None or not math.isfinite(us):
        return UNKNOWN
    if us < 999.5:
        return f"{us:.0f}us"
    if us < 999_500:
        return f"{_three_digits(us / 1e3)}ms"
    seconds = us / 1e6
    if seconds < 59.95:
        return f"{_three_digits(seconds)}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def size(count: float | None) -> str:
    """Bytes in binary units: `512 B`, `1.5 KiB`, `86 MiB`."""
    if count is None or not math.isfinite(count):
        return UNKNOWN
    power = 0
    while abs(count) >= 1023.5 * 1024**power and power < len(SIZE_UNITS) - 1:
        power += 1
    return f"{_short(count / 1024**power)} {SIZE_UNITS[power]}"


def clock(seconds: float | None) -> str:
    """Minutes and seconds, hours when there are any: `00:07`, `1:02:03`; `∞` for no end."""
    if seconds is None:
        return "∞"
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def _short(value: float) -> str:
    if abs(value) >= 99.95 or value == int(value):
        return f"{value:.0f}"
    places = 1 if abs(value) >= 0.995 else DECIMAL_PLACES
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
