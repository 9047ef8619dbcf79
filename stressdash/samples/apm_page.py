"""What one tab of the APM views shows, over one range of time."""

from __future__ import annotations

from dataclasses import dataclass, field

from stressdash.samples.apm import Breakdown, ClockOffset, ProcessMetric, Trace
from stressdash.samples.apm_views import (
    Dependency,
    LatencyDistribution,
    ServiceFigures,
    TransactionGroup,
    TransactionSample,
)
from stressdash.samples.client import Exemplar

__all__ = ["APM_TABS", "ApmPage", "TraceView"]

APM_TABS = ("services", "transactions", "latency", "dependencies")


@dataclass(frozen=True, slots=True)
class ApmPage:
    """The fields of other tabs than `tab` are empty."""

    tab: str
    start_ms: int
    end_ms: int
    """Of the last second that no longer changes."""
    name: str | None = None
    """Transactions of this name only; None: of all."""
    services: tuple[ServiceFigures, ...] = ()
    breakdown: Breakdown = field(default_factory=Breakdown)
    process: ProcessMetric | None = None
    """The newest that is known."""
    clock: ClockOffset | None = None
    transactions: tuple[TransactionGroup, ...] = ()
    distribution: LatencyDistribution = field(default_factory=LatencyDistribution)
    samples: tuple[TransactionSample, ...] = ()
    dependencies: tuple[Dependency, ...] = ()

    @property
    def length_s(self) -> float:
        """Seconds that the figures cover."""
        return max(1e-3, (self.end_ms - self.start_ms) / 1e3)


@dataclass(frozen=True, slots=True)
class TraceView:
    """One trace, and what the client remembers of its request."""

    trace: Trace
    exemplar: Exemplar | None = None
    client_sent_us: int | None = None
    """When the exemplar was sent, wall-clock microseconds since 1970."""
