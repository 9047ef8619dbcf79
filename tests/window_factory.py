"""Windows, faults and exemplars for tests: everything zero or empty but what the test names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from hypothesis import strategies as st

from stressdash.hdr import bucket_index
from stressdash.samples import Exemplar, Fault, Phase, Window

GRID_NS = 100_000_000
LEFT_TO_DEFAULT = {"faults", "exemplars", "faults_other", "target_rate"}


def counts(values_us: Iterable[int]) -> dict[int, int]:
    """Bucket counts of durations."""
    found: dict[int, int] = {}
    for value in values_us:
        index = bucket_index(value)
        found[index] = found.get(index, 0) + 1
    return found


def window(**given: Any) -> Window:
    """A window of the first grid cell; durations may be given as lists of microseconds."""
    values: dict[str, Any] = {"length_ns": GRID_NS, "phase": Phase.RUN}
    for field in fields(Window):
        if field.name not in values and field.name not in LEFT_TO_DEFAULT:
            values[field.name] = 0 if field.type == "int" else {}
    values |= {name: counts(value) if isinstance(value, list) else value for name, value in given.items()}
    return Window(**values)


def fault(count: int = 1, *, code: str = "internal", category: str = "rpc", **given: Any) -> Fault:
    """A fault with a message made of its code."""
    values = {"message": f"message of {code}", "first_ns": 0, "last_ns": 0} | given
    return Fault(category=category, code=code, count=count, **values)


def exemplar(at_ns: int, kind: str = "latest", number: int = 1) -> Exemplar:
    """One request that ended at that time."""
    return Exemplar(
        kind=kind,
        at_ns=at_ns,
        sent_ns=None,
        connection=0,
        number=number,
        latency_us=None,
        status=None,
        trace_id=f"{number:032x}",
    )


def windows(phase: Phase = Phase.RUN) -> st.SearchStrategy[Window]:
    """Windows of one grid cell by several workers, with consistent books."""
    small = st.integers(0, 50)
    durations = st.lists(st.integers(0, 10_000_000), max_size=3).map(counts)
    trace_ids = st.lists(st.integers(1, 500).map(lambda n: f"{n:032x}"), unique=True, max_size=4).map(tuple)
    faults = st.lists(
        st.builds(
            fault,
            st.integers(1, 30),
            code=st.sampled_from(["internal", "unavailable", "ETIMEDOUT"]),
            first_ns=small,
            last_ns=st.integers(50, 99),
            exemplars=st.lists(st.builds(exemplar, small, number=small), max_size=2).map(tuple),
            trace_ids=trace_ids,
        ),
        max_size=3,
        unique_by=lambda each: each.key,
    ).map(tuple)
    return st.builds(
        window,
        start_ns=st.integers(0, GRID_NS // 2),
        length_ns=st.integers(1, GRID_NS // 2),
        worker=st.integers(0, 3),
        phase=st.just(phase),
        **{field.name: small for field in fields(Window) if field.type == "int" and field.name not in PLACED},
        **{field.name: durations for field in fields(Window) if field.type == "Counts"},
        statuses=st.dictionaries(st.sampled_from([200, 404, 500]), small),
        faults=faults,
        exemplars=st.lists(st.builds(exemplar, small, st.just("slowest"), small), max_size=2).map(tuple),
    )


PLACED = {"start_ns", "length_ns", "worker", "segment"}
