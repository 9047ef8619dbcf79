"""How untrusted text and figures become something that can be printed.

`escape` is the only way by which text from outside (responses, messages, log lines, names) reaches a
terminal, a log or a report: whatever could move the cursor, change colours, turn the writing direction or
hide is shown as a backslash escape instead. HTML and the markup of Textual and Rich are languages of their
own: who writes those quotes for them in addition.

The formatters below write one figure each, short and without padding; what is not known is an en dash.
"""

from __future__ import annotations

import math
import re
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from stressdash.samples import ClockOffset

__all__ = [
    "DASH",
    "byte_size",
    "clock",
    "clock_words",
    "count",
    "duration_us",
    "escape",
    "percent",
    "plain_url",
    "rate",
    "short",
]

DASH: Final = "\N{EN DASH}"
"""What stands for a figure that is not known."""

ELLIPSIS: Final = "\N{HORIZONTAL ELLIPSIS}"

INVISIBLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks that Unicode counts as printable although they show nothing."""

STACKED: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{3,}"
)
"""Combining marks piled so high that they leave their line."""

SECRET_VALUES: Final = re.compile(
    r"(?i)((?:^|&)[^=&]*(?:token|key|secret|passw|auth|session|signature)[^=&]*=)[^&]*"
)
"""Values of a query that nobody should read."""

NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape(text: str | bytes, limit: int | None = None) -> str:
    r"""Untrusted text on one line, with everything that does not show made visible.

    Control characters (C0, DEL, C1), ESC, line and paragraph separators, bidirectional overrides, zero-width
    and other format characters, surrogates, private and unassigned code points become `\n`, `\x1b`, `\u202e`,
    `\U000e0041`. Bytes are read as UTF-8; what is not valid becomes `\xff`. Backslashes stay as they are, so
    the result is for reading, not for undoing.

    Args:
        text: Anything at all.
        limit: Longest result in characters; what is longer ends in an ellipsis and never within an escape.
    """
    if isinstance(text, bytes):
        # An escape takes at least one byte, so this many can fill the limit.
        text = text[: None if limit is None else 4 * (limit + 1)].decode("utf-8", "backslashreplace")
    if limit is None:
        return _visible(text)
    shown = _visible(text[: limit + 1])
    if len(shown) <= limit and len(text) <= limit:
        return shown
    return _cut(text, limit - 1) + ELLIPSIS if limit > 0 else ""


def _visible(text: str) -> str:
    if text.isprintable() and not INVISIBLE.search(text) and not STACKED.search(text):
        return text
    text = STACKED.sub(lambda match: "".join(map(_code_point, match[0])), text)
    return "".join(map(_character, text))


def _character(char: str) -> str:
    if char.isprintable() and not INVISIBLE.match(char):
        return char
    return NAMED.get(char) or _code_point(char)


def _code_point(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _cut(text: str, room: int) -> str:
    """As many leading characters of `text` as fit, made visible, into `room`."""
    pieces: list[str] = []
    for char in text[:room]:
        piece = _visible(char)
        room -= len(piece)
        if room < 0:
            break
        pieces.append(piece)
    # Marks that are harmless one by one may pile up; making them visible could only lengthen the text.
    return STACKED.sub("", "".join(pieces))


def plain_url(url: str) -> str:
    """A URL without user name and password, and without what its query calls a token or the like."""
    parts = urlsplit(url)
    query = SECRET_VALUES.sub(r"\1***", parts.query)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query))


def count(number: float | None) -> str:
    """`17,744`."""
    return DASH if number is None else f"{number:,.0f}"


def rate(per_second: float | None) -> str:
    """`2,293`, and with decimals where they matter: `47.3`, `0.52`."""
    if per_second is None:
        return DASH
    return f"{per_second:,.{_decimals(per_second)}f}"


def duration_us(microseconds: float | None) -> str:
    """`812us`, `164ms`, `1.21s`, and from a minute on as `clock` writes it."""
    if microseconds is None or not math.isfinite(microseconds):
        return DASH
    if microseconds < 999.5:
        return f"{microseconds:.0f}us"
    if microseconds < 999_500:
        return f"{_three_digits(microseconds / 1e3)}ms"
    if microseconds < 59_950_000:
        return f"{_three_digits(microseconds / 1e6)}s"
    return clock(microseconds / 1e6)


def clock_words(offset: ClockOffset | None) -> str:
    """How far the service's clock is ahead of ours, and what is made of it."""
    if offset is None:
        return "the service's clock is not known"
    if not offset.corrected_us:
        apart = duration_us(abs(offset.ahead_us) + offset.within_us)
        return f"the service's clock agrees with ours within {apart}"
    ahead, within = duration_us(abs(offset.ahead_us)), duration_us(offset.within_us)
    side = "ahead of" if offset.ahead_us > 0 else "behind"
    return f"the service's clock is {ahead} {side} ours, within {within}: corrected"


def clock(seconds: float | None) -> str:
    """A span of time: `0.50s`, `15s`, `2m05s`, `1h00m`."""
    if seconds is None:
        return DASH
    if seconds < 59.5:
        return f"{seconds:.0f}s" if seconds == round(seconds) else f"{_three_digits(seconds)}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def byte_size(number: float | None) -> str:
    """`312B`, `1.18MiB`."""
    if number is None or not math.isfinite(number):
        return DASH
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 999.5:
            return f"{number:.0f}B" if unit == "B" else f"{_three_digits(number)}{unit}"
        number /= 1024
    return f"{_three_digits(number)}TiB"


def percent(share: float | None) -> str:
    """`51.7%`; what is nearly nothing or nearly all never reads as exactly that: `<0.1%`, `>99.9%`."""
    if share is None or not math.isfinite(share):
        return DASH
    if 0 < share < 0.0005:
        return "<0.1%"
    if 0.9995 <= share < 1:
        return ">99.9%"
    return f"{share:.0%}" if share in (0, 1) else f"{share:.1%}"


def short(number: float | None) -> str:
    """Three places for narrow columns and axes: `398`, `2.3k`, `18k`, `1.2M`."""
    if number is None:
        return DASH
    magnitude = abs(number)
    if magnitude < 999.5:
        return f"{number:.0f}" if magnitude >= 9.95 or number == round(number) else f"{number:.1f}"
    for unit in ("k", "M", "G"):
        number /= 1000
        if abs(number) < 999.5:
            return f"{number:.1f}{unit}" if abs(number) < 9.95 else f"{number:.0f}{unit}"
    return f"{number:,.0f}G"


def _decimals(value: float) -> int:
    """Decimals that leave three significant digits: 2 below ten, 1 below a hundred, then none."""
    magnitude = abs(value)
    if magnitude < 9.995:
        return 0 if magnitude == 0 else 2
    return 1 if magnitude < 99.95 else 0


def _three_digits(value: float) -> str:
    return f"{value:,.{_decimals(value)}f}"
