"""One line of the doctor, and all of them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from stressdash.text import escape
from stressdash.wire import to_json

__all__ = ["Examined", "Finding", "Level"]

MARKS = {"ok": "ok", "note": "--", "bad": "!!"}
AREA_WIDTH = 15
INDENT = " " * (AREA_WIDTH + 4)


class Level(StrEnum):
    """How something is."""

    OK = "ok"
    NOTE = "note"
    """Not as it could be, or not there, and nothing that was asked for needs it."""
    BAD = "bad"
    """Something that was asked for cannot be used."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it is, and what helps."""

    area: str
    level: Level
    text: str
    remedy: str = ""

    def lines(self) -> Iterator[str]:
        """For people; texts may come from outside."""
        yield f"{MARKS[self.level]} {self.area:<{AREA_WIDTH}} {escape(self.text, 300)}"
        if self.remedy:
            yield f"{INDENT}help: {escape(self.remedy, 300)}"


@dataclass(frozen=True, slots=True)
class Examined:
    """All findings."""

    findings: tuple[Finding, ...]
    backend: str
    """What `--stack` means here and now."""
    reason: str

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for can be used."""
        return all(finding.level is not Level.BAD for finding in self.findings)

    def text(self) -> str:
        """For people."""
        bad = sum(finding.level is Level.BAD for finding in self.findings)
        end = "everything that was asked for can be used" if self.ok else f"{bad} to mend, marked !!"
        return "\n".join([*(line for one in self.findings for line in one.lines()), end]) + "\n"

    def json(self) -> str:
        """For programs."""
        told = {"ok": self.ok, "backend": self.backend, "reason": self.reason, "findings": self.findings}
        return to_json(told).decode() + "\n"
