"""The vocabulary: what load, APM and stack tell the rest of the program.

Plain frozen data, standard library only. Units are in the names; times inside one machine are monotonic
nanoseconds (`_ns`), times from APM are wall-clock milliseconds since 1970 (`_ms`). A figure that is not known
is None, never 0. Sparse histograms (`Counts`) map a bucket index of `stressdash.hdr` to a count.
"""

from __future__ import annotations

from stressdash.samples.apm import (
    ApmBucket,
    ApmHealth,
    ApmSeries,
    Breakdown,
    BreakdownPart,
    ClockOffset,
    ErrorGroup,
    ErrorSample,
    Frame,
    ProcessMetric,
    Span,
    Trace,
)
from stressdash.samples.apm_views import (
    LATENCY_EDGES_US,
    Dependency,
    ErrorName,
    FoundService,
    LatencyBand,
    LatencyDistribution,
    Scope,
    ServiceFigures,
    TransactionGroup,
    TransactionSample,
)
from stressdash.samples.client import Counts, Exemplar, Fault, Outcome, Phase, RequestCounts, Window
from stressdash.samples.stack import (
    Component,
    ComponentState,
    DatabaseProcess,
    DatabaseRates,
    DatabaseStatus,
    Knob,
    LogLine,
    PoolStatus,
    ServiceStatus,
)

__all__ = [
    "LATENCY_EDGES_US",
    "ApmBucket",
    "ApmHealth",
    "ApmSeries",
    "Breakdown",
    "BreakdownPart",
    "ClockOffset",
    "Component",
    "ComponentState",
    "Counts",
    "DatabaseProcess",
    "DatabaseRates",
    "DatabaseStatus",
    "Dependency",
    "ErrorGroup",
    "ErrorName",
    "ErrorSample",
    "Exemplar",
    "Fault",
    "FoundService",
    "Frame",
    "Knob",
    "LatencyBand",
    "LatencyDistribution",
    "LogLine",
    "Outcome",
    "Phase",
    "PoolStatus",
    "ProcessMetric",
    "RequestCounts",
    "Scope",
    "ServiceFigures",
    "ServiceStatus",
    "Span",
    "Trace",
    "TransactionGroup",
    "TransactionSample",
    "Window",
]
