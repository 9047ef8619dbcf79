"""An error, opened: sample, stack trace and spans from APM, what the client saw, and the governing knobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stressdash.apm.source import ApmSource
from stressdash.errors import SourceError
from stressdash.report.run_json import RunReport
from stressdash.samples import ErrorSample, Exemplar, Trace
from stressdash.session.known import governing, known_error
from stressdash.snapshot import ErrorDetail, ErrorRow

if TYPE_CHECKING:
    from stressdash.session.session import Session

__all__ = ["error_samples", "open_error", "sent_us"]

SIMILAR: Final = 5
SAMPLED_GROUPS: Final = 50


async def open_error(session: Session, row_id: str, number: int | None) -> ErrorDetail:
    """Everything known of a row; `number` pages through the samples of its APM group, newest first.

    Without a number it is the sample of a request that the client remembers too, when APM has its spans.

    Raises:
        UsageError: the row is not in the list any more.
    """
    row = session.errors.row(row_id)
    fault = session.errors.fault(row)
    exemplars = fault.exemplars if fault is not None else ()
    sample: ErrorSample | None = None
    trace: Trace | None = None
    note = row.note if row.apm_group is None else ""
    if session.source is not None:
        try:
            sample = await _sample(session.source, row, exemplars, number)
            trace = await _trace(session.source, sample, exemplars)
        except SourceError as error:
            note = str(error)
    elif not note:
        note = "there is no APM source"
    known = known_error(
        row.title,
        f"{row.category} {row.code}",
        *((sample.type, sample.message) if sample is not None else ()),
    )
    index = _index(exemplars, sample, trace)
    totals = session.run.totals if session.run is not None else None
    ended = totals.completed + totals.failed if totals is not None else 0
    return ErrorDetail(
        row=row,
        sample=sample,
        trace=trace,
        exemplars=exemplars,
        exemplar_index=index,
        knobs=governing(known, session.watch.knobs),
        explanation=known.explanation if known is not None else "",
        apm_note=note,
        similar=_similar(row, session.errors.rows),
        share_of_requests=row.client_count / ended if row.client_count is not None and ended else None,
        client_sent_us=sent_us(session, exemplars[index or 0]) if exemplars else None,
    )


async def error_samples(session: Session, report: RunReport) -> tuple[ErrorSample, ...]:
    """One error with its stack trace of each group of a run, as far as APM still tells."""
    if session.source is None:
        return ()
    found = []
    for group in report.apm.error_groups[:SAMPLED_GROUPS]:
        try:
            sample = await session.source.error_sample(group.key, 0)
        except SourceError:
            break
        if sample is not None:
            found.append(sample)
    return tuple(found)


async def _sample(
    source: ApmSource, row: ErrorRow, exemplars: tuple[Exemplar, ...], number: int | None
) -> ErrorSample | None:
    if row.apm_group is None:
        return None
    if number is None:
        for exemplar in reversed(exemplars):
            if exemplar.trace_id is None:
                continue
            sample = await source.sample_of_trace(exemplar.trace_id)
            if sample is not None and sample.group == row.apm_group and sample.sampled:
                return sample
    return await source.error_sample(row.apm_group, number or 0)


async def _trace(
    source: ApmSource, sample: ErrorSample | None, exemplars: tuple[Exemplar, ...]
) -> Trace | None:
    if sample is not None:
        return await source.trace(sample.trace_id) if sample.trace_id is not None else None
    for exemplar in reversed(exemplars):
        if exemplar.trace_id is not None:
            return await source.trace(exemplar.trace_id)
    return None


def _index(exemplars: tuple[Exemplar, ...], sample: ErrorSample | None, trace: Trace | None) -> int | None:
    trace_id = sample.trace_id if sample is not None else trace.trace_id if trace is not None else None
    if trace_id is None:
        return None
    return next((i for i, e in enumerate(exemplars) if e.trace_id == trace_id), None)


def sent_us(session: Session, exemplar: Exemplar) -> int | None:
    """When the request was sent, in wall-clock microseconds since 1970; None when it never was."""
    if exemplar.sent_ns is None:
        return None
    return session.clock.wall_us_of_ns(exemplar.sent_ns)


def _similar(row: ErrorRow, rows: tuple[ErrorRow, ...]) -> tuple[ErrorRow, ...]:
    """Rows of the same group, of the same category and code, or of the same words."""
    alike = (
        other
        for other in rows
        if other.id != row.id
        and (
            (other.apm_group is not None and other.apm_group == row.apm_group)
            or (other.category, other.code) == (row.category, row.code)
            or other.title == row.title
        )
    )
    return tuple(alike)[:SIMILAR]
