"""What the Lab shows: the settings run in this session, and the newest two held against each other."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Lab", "LabRow", "LabSetting"]


@dataclass(frozen=True, slots=True)
class LabSetting:
    """One setting of knobs and load, and the medians over its runs."""

    label: str
    """What it has that the setting before had not."""
    runs: int
    requests_per_s: float | None
    goodput_per_s: float | None
    p50_us: float | None
    p99_us: float | None
    failed_share: float | None


@dataclass(frozen=True, slots=True)
class LabRow:
    """One metric of two settings, written out."""

    metric: str
    before: str
    after: str
    change: str
    interval: str
    judgement: str


@dataclass(frozen=True, slots=True)
class Lab:
    """The settings, oldest first, and the difference between the newest and the one before it."""

    settings: tuple[LabSetting, ...] = ()
    rows: tuple[LabRow, ...] = ()
    sentences: tuple[str, ...] = ()
    """Knobs that differ, errors that came and went, what speaks against comparing; untrusted."""
    headline: str = ""
    """The difference in a sentence; new whenever a run has been added."""
