"""Durations and counts as people write them: `15s`, `1m30s`, `500ms`, `10k`.

Knows nothing of where a value stands; callers add the place to the `UsageError`.
"""

from __future__ import annotations

import re

from stressdash.errors import UsageError

__all__ = ["parse_count", "parse_duration", "parse_rate"]

_UNIT_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_MULTIPLE = {"": 1, "k": 1_000, "M": 1_000_000}


def parse_duration(text: str) -> float:
    """Seconds of `15s`, `1m30s`, `500ms` or a bare number of seconds.

    Raises:
        UsageError: the text is not a duration.
    """
    compact = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", compact):
        return float(compact)
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise UsageError(f"{text!r} is not a duration; write for instance 15s, 1m30s or 500ms")
    return sum(float(number) * _UNIT_SECONDS[unit] for number, unit in parts)


def parse_count(text: str) -> int:
    """Whole number of `400`, `10k` or `2M`.

    Raises:
        UsageError: the text is not a count.
    """
    match = re.fullmatch(r"(\d+)([kM]?)", text.strip().replace("_", "").replace(",", ""))
    if match is None:
        raise UsageError(f"{text!r} is not a whole number from 0 up; write for instance 400 or 10k")
    return int(match[1]) * _MULTIPLE[match[2]]


def parse_rate(text: str) -> float:
    """Events per second of `500`, `0.5`, `10k` or `500/s`.

    Raises:
        UsageError: the text is not a rate.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kM]?)(?:/s)?", text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a rate; write for instance 500, 0.5 or 10k")
    return float(match[1]) * _MULTIPLE[match[2]]
