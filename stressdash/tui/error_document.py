"""The page of one error as a document: parts with headings, each a list of lines. Knows no widgets' state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from stressdash.charts.units import UNKNOWN, duration, grouped, percent, si
from stressdash.samples import Exemplar, Knob
from stressdash.snapshot import ErrorDetail, ErrorRow
from stressdash.tui.lines import Line, clean, ends, fit, join, spark, wrap
from stressdash.tui.view import View
from stressdash.tui.widgets.error_list import ago_text, error_kind, message_cell
from stressdash.tui.widgets.frames import frame_items
from stressdash.tui.widgets.listing import Item
from stressdash.tui.widgets.waterfall import ClientBar, trace_lines, trace_total_us

__all__ = ["PARTS", "Page", "header_lines", "knob_line"]

PARTS = ("Stack", "Trace", "Client", "Request", "Similar")
BODY_LINES = 12
HEAD_LINES = 12
SHORT_ID = 8
UNLIMITED_KNOBS = frozenset({"max_open", "conn_max_lifetime"})


@dataclass(frozen=True, slots=True)
class Page:
    """What is known of an error, and what has been unfolded of it."""

    detail: ErrorDetail
    toggled: frozenset[str]
    curl: str = ""

    def items(self, width: int) -> list[Item]:
        """All lines, the parts in order; each part after the first begins with its heading."""
        items: list[Item] = []
        for part in PARTS:
            lines = getattr(self, f"_{part.lower()}")(width)
            if part != PARTS[0]:
                items.append(_heading(part, self._note(part), width))
            items += lines
        return items

    def part_rows(self, width: int) -> Mapping[str, int]:
        """The row where each part begins."""
        rows = {PARTS[0]: 0}
        for row, item in enumerate(self.items(width)):
            for part in PARTS[1:]:
                if item.line and item.line[0][0].startswith(f"── {part} "):
                    rows[part] = row
        return rows

    @property
    def exemplar(self) -> Exemplar | None:
        """What the client saw of the request that is shown."""
        exemplars = self.detail.exemplars
        if not exemplars:
            return None
        index = self.detail.exemplar_index
        return exemplars[index if index is not None and index < len(exemplars) else 0]

    @property
    def _has_spans(self) -> bool:
        """Whether there is more of the trace than the error itself."""
        trace = self.detail.trace
        return trace is not None and any(span.kind != "error" for span in trace.spans)

    @property
    def _is_seen_by_client(self) -> bool:
        """Whether the exemplar and the trace are of the same request."""
        exemplar, trace = self.exemplar, self.detail.trace
        return exemplar is not None and (trace is None or exemplar.trace_id == trace.trace_id)

    def _note(self, part: str) -> str:
        if part == "Trace" and self.detail.trace is not None and self._has_spans:
            return f"total {duration(trace_total_us(self.detail.trace, self._client_bar()))}"
        if part == "Client" and self.exemplar is not None and not self._is_seen_by_client:
            return "another request that failed so"
        if part == "Similar":
            return f"{len(self.detail.similar)}"
        return ""

    def _stack(self, width: int) -> list[Item]:
        sample = self.detail.sample
        if sample is None:
            return _words(self.detail.apm_note or "APM has no sample of this error.", width)
        items = _words(f"{sample.type}: {sample.message}", width, role="bad", limit=4)
        for kind, message in sample.causes:
            items += _words(f"caused by {kind}: {message}", width, limit=2)
        if not sample.frames:
            return items + _words("APM kept no stack trace of it.", width)
        return items + frame_items(sample.frames, self.toggled, width)

    def _trace(self, width: int) -> list[Item]:
        trace = self.detail.trace
        if trace is None or not self._has_spans:
            sampled = self.detail.sample.sampled if self.detail.sample is not None else None
            return _words(
                "Not sampled: APM kept the error, not its spans."
                if sampled is False
                else self.detail.apm_note or "APM holds nothing of this trace.",
                width,
            )
        return [Item(tuple(line)) for line in trace_lines(trace, self._client_bar(), width)]

    def _client_bar(self) -> ClientBar | None:
        exemplar = self.exemplar
        if exemplar is None or exemplar.latency_us is None or not self._is_seen_by_client:
            return None
        return ClientBar(exemplar.latency_us, self.detail.client_sent_us)

    def _client(self, width: int) -> list[Item]:
        exemplar = self.exemplar
        if exemplar is None:
            note = self.detail.row.note
            if note.startswith("part of "):
                return _words(
                    f"At the client this is {clean(note)}; open that error for its requests.", width
                )
            return _words("The client saw nothing of this: no request failed with it.", width)
        body = clean(exemplar.body.decode("utf-8", "replace"))
        status = f"HTTP {exemplar.status}" if exemplar.status is not None else "no answer"
        status = (
            f"{status} after {duration(exemplar.latency_us)}" if exemplar.latency_us is not None else status
        )
        pieces = wrap(body, max(8, width - len(status) - 4), BODY_LINES)
        items = [Item(((f"  {status}  ", "bad"), (pieces[0], "text")))]
        indent = " " * (len(status) + 4)
        items += [Item(((indent + piece, "text"),)) for piece in pieces[1:]]
        items.append(Item(tuple(self._sending(exemplar))))
        if exemplar.note:
            items += _words(exemplar.note, width)
        return items

    def _sending(self, exemplar: Exemplar) -> Line:
        parts: list[Line] = [
            [("  conn ", "dim"), (f"{exemplar.connection}", "text")],
            [("request ", "dim"), (grouped(exemplar.number or None), "text")],
        ]
        sent_us = self.detail.client_sent_us
        if sent_us is not None:
            parts.append([("sent ", "dim"), (_time_of_day(sent_us), "text")])
            if (lead := self._lead_us(sent_us)) is not None:
                parts.append([(f"{duration(lead)} before service saw it", "dim")])
        return join(parts)

    def _lead_us(self, sent_us: int) -> int | None:
        trace = self.detail.trace
        if trace is None or not self._is_seen_by_client:
            return None
        starts = [span.start_us for span in trace.spans if span.kind == "transaction"]
        return min(starts) - sent_us if starts and min(starts) >= sent_us else None

    def _request(self, width: int) -> list[Item]:
        exemplar, sample = self.exemplar, self.detail.sample
        facts = [
            ("request", exemplar.request if exemplar is not None else ""),
            ("transaction", (sample.transaction_name or "") if sample is not None else ""),
            ("trace", self._trace_id),
            ("curl", self.curl),
        ]
        facts += sorted(sample.labels.items()) if sample is not None else []
        items = [Item((*_fact(name, value, width),)) for name, value in facts if value]
        if exemplar is not None and exemplar.head:
            lines = exemplar.head.decode("latin-1").splitlines()[:HEAD_LINES]
            items += [Item(((f"  {fit(clean(line), width - 2)}", "dim"),)) for line in lines]
        return items or _words("Nothing is known of the request.", width)

    @property
    def _trace_id(self) -> str:
        sample, exemplar = self.detail.sample, self.exemplar
        if sample is not None and sample.trace_id:
            return sample.trace_id
        return (exemplar.trace_id or "") if exemplar is not None else ""

    def _similar(self, width: int) -> list[Item]:
        room = max(8, width - 46)
        rows = [
            Item(
                (
                    (f"  {fit(clean(error_kind(row)), 14)} ", "bad"),
                    *message_cell(row, room, is_narrow=True, alike=True),
                    (f" client {grouped(row.client_count):>7} apm {grouped(row.apm_count):>7}", "dim"),
                ),
                f"row-{row.id}",
            )
            for row in self.detail.similar
        ]
        return rows or _words("No other error resembles it.", width)


def header_lines(row: ErrorRow, detail: ErrorDetail | None, view: View, width: int) -> list[Line]:
    """Four lines: what, where from, how often, which sample."""
    group = f"group {row.apm_group[:SHORT_ID]}…  " if row.apm_group else ""
    sample = detail.sample if detail is not None else None
    first: Line = ends(
        [("Errors » ", "dim"), (clean(row.title), "strong")], [(group, "dim"), ("ESC", "key")], width
    )
    new: Line = [("NEW in this run", "warn")] if row.new else []
    kind: Line = [(clean(sample.type if sample is not None else error_kind(row)), "bad")]
    handled = {True: "handled", False: "unhandled", None: ""}[sample.handled if sample is not None else None]
    culprit: Line = (
        [("culprit ", "dim"), (clean(sample.culprit), "text")] if sample and sample.culprit else []
    )
    second = ends(join([kind, [(handled, "text")] if handled else [], culprit]), new, width)
    return [first, second, _counts(row, detail, view, width), _sample_line(row, detail, width)]


def _counts(row: ErrorRow, detail: ErrorDetail | None, view: View, width: int) -> Line:
    share = detail.share_of_requests if detail is not None else None
    since_run = row.first_s - (view.snapshot.run_started_s or 0.0)
    minutes, seconds = divmod(max(0.0, since_run), 60)
    shown = f" ({percent(share)})" if share is not None else ""
    per_s = f"{si(row.rate_per_s)}/s"
    left = join(
        [
            [("client ", "dim"), (grouped(row.client_count) + shown, "strong")],
            [("apm ", "dim"), (grouped(row.apm_count), "strong")],
            [("first ", "dim"), (f"{minutes:02.0f}:{seconds:04.1f}", "text")],
            [("last ", "dim"), (ago_text(view.snapshot.now_s - row.last_s), "text")],
            [
                ("joined ", "dim"),
                (joined_words(row), "text"),
            ]
            if width >= 100 or row.joined_share is None
            else [],
        ]
    )
    return ends(
        left,
        [
            (spark(row.spark, 12 if width < 100 else 40).lstrip(), "accent"),
            (f" {per_s}", "text"),
        ],
        width,
    )


def joined_words(row: ErrorRow) -> str:
    """`99.8%, and 1 more APM group`, or why nothing joined."""
    share = percent(row.joined_share) if row.joined_share is not None else ""
    return ", ".join(words for words in (share, clean(row.note)) if words) or UNKNOWN


def _sample_line(row: ErrorRow, detail: ErrorDetail | None, width: int) -> Line:
    if detail is None:
        return [("fetching from APM …", "dim")]
    sample = detail.sample
    if sample is None:
        note = detail.apm_note or clean(row.note) or "no APM event"
        return [(fit(f"no sample: {clean(note)}", width), "warn")]
    sampled = {True: "yes", False: "no", None: UNKNOWN}[sample.sampled]
    trace = f"{clean(sample.trace_id[:SHORT_ID])}…" if sample.trace_id else UNKNOWN
    return join(
        [
            [("sample ", "dim"), (f"{sample.index + 1}/{sample.total}", "strong")],
            [(",", "key"), ("newer ", "dim"), (".", "key"), ("older", "dim")],
            [("trace ", "dim"), (trace, "text")],
            [("sampled ", "dim"), (sampled, "text")],
        ]
    )


def knob_line(knobs: Sequence[Knob], width: int) -> Line:
    """`Knob: max_open 0 (unlimited) · max_connections 151     K opens Stack knobs`."""
    if not knobs:
        return []
    words = " · ".join(f"{clean(knob.name)} {knob_value(knob)}" for knob in knobs)
    return ends([("Knob: ", "dim"), (words, "strong")], [("K", "key"), (" opens Stack knobs", "dim")], width)


def knob_value(knob: Knob) -> str:
    """The actual value; a limit of 0 says that it is none."""
    if knob.actual is None:
        return UNKNOWN
    value = clean(knob.actual)
    return f"{value} (unlimited)" if knob.name in UNLIMITED_KNOBS and value == "0" else value


def _heading(part: str, note: str, width: int) -> Item:
    left = f"── {part} "
    right = f" {note} ──" if note else ""
    return Item(((left + "─" * max(0, width - len(left) - len(right)) + right, "axis"),))


def _words(text: str, width: int, *, role: str = "dim", limit: int = 6) -> list[Item]:
    return [Item(((f"  {piece}", role),)) for piece in wrap(clean(text), max(8, width - 2), limit)]


def _fact(name: str, value: str, width: int) -> Line:
    return [(f"  {fit(clean(name), 12)} ", "dim"), (fit(clean(value), max(8, width - 15)), "text")]


def _time_of_day(wall_us: int) -> str:
    return datetime.fromtimestamp(wall_us / 1e6).astimezone().strftime("%H:%M:%S.%f")[:-3]
