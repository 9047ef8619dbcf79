"""What an answer must be besides a full response: `--expect`, read from its text and held against answers.

    status=200,201    status=2xx    body~substring    json:/pointer=value    json:/pointer

A status that is expected is no failure, whatever its number, and with such an expectation every other status
is one. What does not hold is a fault of the category `body`; an error answer that nobody expected keeps the
category that its own words give it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from stressdash.errors import BadInput
from stressdash.load.faults import FaultKind, kind_of_answer
from stressdash.load.http1 import KEPT_BODY

__all__ = ["CHECKED_BODY", "Checks", "check_expectation"]

CHECKED_BODY: Final = 1 << 20
"""Bytes of a body that are looked at."""
FORMS: Final = "status=200,201, status=2xx, body~text or json:/pointer=value"
STATUS: Final = re.compile(r"[1-5](?:xx|[0-9]{2})")
POINTER: Final = re.compile(r"(?:/[^=]*)?")
MISSING: Final = object()
CATEGORY: Final = "body"


@dataclass(frozen=True, slots=True)
class Substring:
    """The body holds a text."""

    text: bytes

    def complaint(self, body: bytes) -> str:
        """What is wrong, or nothing."""
        if self.text in body:
            return ""
        cut = f" in its first {CHECKED_BODY >> 20} MiB" if len(body) >= CHECKED_BODY else ""
        return f"the body lacks {_shown(self.text.decode())}{cut}"


@dataclass(frozen=True, slots=True)
class Pointer:
    """The body is JSON, and what a pointer (RFC 6901) leads to is there, or is a value."""

    path: str
    value: Any = MISSING

    def complaint(self, body: bytes) -> str:
        """What is wrong, or nothing."""
        if len(body) >= CHECKED_BODY:
            return f"the body is too long to look for {_shown(self.path)}"
        try:
            found = _at(json.loads(body), self.path)
        except (ValueError, RecursionError):
            return "the body is no JSON"
        if found is MISSING:
            return f"the JSON has no {_shown(self.path)}"
        if self.value is MISSING or _same(found, self.value):
            return ""
        return f"{_shown(self.path)} is not {_shown(json.dumps(self.value))}"


class Checks:
    """All expectations of one kind of request."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Expectations from their texts.

        Raises:
            BadInput: one of them cannot be read; the sentence says what can.
        """
        self._statuses: set[int] = set()
        self._of_body: list[tuple[str, Substring | Pointer]] = []
        for text in texts:
            self._add(text)
        shown = sorted(self._statuses)
        listed = ", ".join(map(str, shown[:5])) + (", …" if len(shown) > 5 else "")
        self._status_text = f"status {{}}, expected {listed}"

    def _add(self, text: str) -> None:
        if text.startswith("status="):
            self._statuses |= _statuses(text)
        elif text.startswith("body~") and len(text) > 5:
            self._of_body.append(("substring", Substring(text[5:].encode())))
        elif text.startswith("json:"):
            self._of_body.append(("json", _pointer(text)))
        else:
            raise BadInput(f"the expectation {text[:60]!r} cannot be read; write {FORMS}")

    @property
    def keeps(self) -> int:
        """Bytes of a body that must be kept to be looked at."""
        return CHECKED_BODY if self._of_body else KEPT_BODY

    def fault(self, status: int, body: bytes) -> FaultKind | None:
        """What is wrong with a full answer; None when everything holds."""
        if self._statuses:
            if status not in self._statuses:
                if status >= 400:
                    return kind_of_answer(status, body)
                return FaultKind(CATEGORY, "status", self._status_text.format(status))
        elif status >= 400:
            return kind_of_answer(status, body)
        for code, check in self._of_body:
            if complaint := check.complaint(body):
                return FaultKind(CATEGORY, code, complaint)
        return None


def check_expectation(text: str) -> str:
    """The text, when it is an expectation.

    Raises:
        BadInput: it is none.
    """
    Checks((text,))
    return text


def _statuses(text: str) -> set[int]:
    found: set[int] = set()
    for part in text.removeprefix("status=").split(","):
        if not STATUS.fullmatch(part.strip()):
            raise BadInput(
                f"the expectation {text[:60]!r} names a status {part[:10]!r}; write status=200 or 2xx"
            )
        first = part.strip()
        found |= set(range(int(first[0]) * 100, int(first[0]) * 100 + 100)) if "x" in first else {int(first)}
    return found


def _pointer(text: str) -> Pointer:
    path, equals, value = text.removeprefix("json:").partition("=")
    if not POINTER.fullmatch(path):
        raise BadInput(
            f"the expectation {text[:60]!r} has no pointer; write json:/status=ok or json:/items/0"
        )
    if not equals:
        return Pointer(path)
    try:
        return Pointer(path, json.loads(value))
    except ValueError:
        return Pointer(path, value)


def _at(value: Any, path: str) -> Any:
    for step in path.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            value = value.get(key, MISSING)
        elif isinstance(value, list) and key.isascii() and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


def _same(a: Any, b: Any) -> bool:
    """As JSON has it: 1 and 1.0 are the same, 1 and true are not."""
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
