"""The figures: the client's row above the service's own, in the same columns, over the same seconds."""

from __future__ import annotations

from collections.abc import Sequence

from stressdash.charts.units import UNKNOWN, duration, grouped, percent
from stressdash.samples import ClockOffset
from stressdash.snapshot import ApmFigures, ClientFigures, RequestFigures, RunState
from stressdash.tui.lines import Line, clean, ends, fit, line_width
from stressdash.tui.view import View
from stressdash.tui.widgets.panel import ViewPanel

__all__ = ["KpiTable", "apm_row", "clock_part"]

LABEL_WIDTH = 7
COLUMNS = (("req/s", 7), ("ok/s", 8), ("p50", 7), ("p99", 8), ("fail%", 7))
TRENDS = {-1: "▼", 0: " ", 1: "▲"}
BAD_SHARE = 0.01
LATE_S = 5.0
ROOMY, WIDE = 70, 100
MILLION = 1_000_000
REQUESTS, TALL_REQUESTS = 2, 5
"""Names of requests that have a line of their own."""
TALL_ROWS = 32
"""From this height of the screen on there is room for more of them."""
LAG_RUNS = 2
"""Runs of text that lag, losses and sampling take each."""
CAP_BINDS = 0.01
"""Share of due requests that wait for a connection, from which on that is told."""

Cell = tuple[str, str]


class KpiTable(ViewPanel):
    """Three lines: names, client, APM; in the open loop one more, of the requests as they were due.

    A plan of several requests has a line for each, as many as the screen has room for.
    """

    DEFAULT_CSS = "KpiTable { height: 3; }"

    def show(self, view: View) -> None:
        """Draw a new view, as high as it needs."""
        client = view.snapshot.client
        self.styles.height = 3 + (client.target_rate is not None) + len(self._requests(client))
        super().show(view)

    def view_lines(self, view: View, width: int) -> Sequence[Line]:
        """Columns of fixed width; on wide screens the books of the run stand beside them."""
        snapshot = view.snapshot
        client, apm = snapshot.client, snapshot.apm
        names = "".join(fit(name, size, right=True) for name, size in COLUMNS)
        header: Line = [(" " * (LABEL_WIDTH - 1) + names, "dim"), ("  in flight", "dim")]
        window: Line = [(window_words(view, is_narrow=width < ROOMY), "dim")]
        rows = [
            ends(header, window, width) if width < WIDE else [*header, ("   ", "dim"), *window],
            [*_row("client", "series-0", client_cells(client)), *_connections(client)],
            apm_row(apm, width),
        ]
        rows[2:2] = self._requests(client)
        if client.target_rate is not None:
            rows.insert(2, [*_row("due", "series-4", due_cells(client)), *due_words(client)])
        if width >= WIDE:
            rows[0] = _beside(rows[0], course_words(view), width)
            rows[1] = _beside(rows[1], _totals(view), width)
            rows[-1] = _beside(rows[-1], _explained(view), width)
        return rows

    def _requests(self, client: ClientFigures) -> list[Line]:
        """A row for each name, the busiest first; the last says how many there are more."""
        room = TALL_REQUESTS if self.app.size.height >= TALL_ROWS else REQUESTS
        rows = [_request_row(each) for each in client.by_request[:room]]
        if (hidden := len(client.by_request) - room) > 0:
            rows[-1] = [*rows[-1], (f"  and {hidden} more", "dim")]
        return rows


def window_words(view: View, *, is_narrow: bool = False) -> str:
    """`(last 1 s)`, and of a finished run `(whole run)`: what the figures cover."""
    if view.snapshot.state is RunState.FINISHED:
        return "(run)" if is_narrow else "(whole run)"
    return f"({'' if is_narrow else 'last '}{view.snapshot.client.window_s:g} s)"


def client_cells(figures: ClientFigures) -> list[Cell]:
    """What the client measured; the trend arrow belongs to the rate."""
    tail = duration(figures.p99_us)
    if figures.p99_is_bound and figures.p99_us is not None:
        tail = f"≥{tail}"
    return [
        (grouped(figures.requests_per_s, below=MILLION) + TRENDS[figures.trend], "strong"),
        (grouped(figures.goodput_per_s, below=MILLION), "strong"),
        (duration(figures.p50_us), "text"),
        (tail, "text"),
        (percent(figures.failed_share), _failed_role(figures.failed_share)),
    ]


def _request_row(figures: RequestFigures) -> Line:
    """The whole name stands behind the figures where its label is cut."""
    name = clean(figures.name)
    row = _row(name, "dim", request_cells(figures))
    return row if len(name) < LABEL_WIDTH else [*row, (f"  {name}", "dim")]


def request_cells(figures: RequestFigures) -> list[Cell]:
    """What the client measured of the requests of one name."""
    tail = duration(figures.p99_us)
    if figures.p99_is_bound and figures.p99_us is not None:
        tail = f"≥{tail}"
    return [
        (grouped(figures.requests_per_s, below=MILLION) + " ", "text"),
        (grouped(figures.goodput_per_s, below=MILLION), "text"),
        (duration(figures.p50_us), "text"),
        (tail, "text"),
        (percent(figures.failed_share), _failed_role(figures.failed_share)),
    ]


def course_words(view: View) -> Line:
    """`steady from 2.5s`, or why that cannot be said."""
    course = view.snapshot.course
    return [(course.words, "good" if course.is_steady else "dim")] if course is not None else []


def due_cells(figures: ClientFigures) -> list[Cell]:
    """The rate asked for, and latency from when requests were due: what the client's row corrects to."""
    tail = duration(figures.corrected_p99_us)
    if figures.corrected_is_bound and figures.corrected_p99_us is not None:
        tail = f"≥{tail}"
    return [
        (grouped(figures.target_rate, below=MILLION) + " ", "strong"),
        (UNKNOWN, "dim"),
        (duration(figures.corrected_p50_us), "text"),
        (tail, "text"),
        (UNKNOWN, "dim"),
    ]


def due_words(figures: ClientFigures) -> Line:
    """`  send lag 0.21ms  CAP BINDS 12%`: how late requests leave, and whether connections are lacking."""
    lag, which = figures.send_lag_p99_us, "p99"
    if lag is None:  # it takes a thousand requests in the window
        lag, which = figures.send_lag_p50_us, "p50"
    line: Line = [(f"  send lag {which} ", "dim"), (duration(lag), "text")]
    if figures.waited_share is not None and figures.waited_share >= CAP_BINDS:
        line += [("  CAP BINDS ", "bad"), (percent(figures.waited_share), "warn")]
    return line


def apm_cells(figures: ApmFigures) -> list[Cell]:
    """What the service measured of itself; it does not know goodput."""
    return [
        (grouped(figures.requests_per_s, below=MILLION) + " ", "strong"),
        (UNKNOWN, "dim"),
        (duration(figures.p50_us), "text"),
        (duration(figures.p99_us), "text"),
        (percent(figures.failed_share), _failed_role(figures.failed_share)),
    ]


def apm_words(figures: ApmFigures) -> Line:
    """How far APM can be believed: `lag 1.3s drop 0 sampled 1/10`, or what is wrong with it."""
    if figures.enabled is False:
        return [("  off", "warn"), (f"  {clean(figures.detail)}" if figures.detail else "", "dim")]
    if figures.detail:
        return [(f"  {clean(figures.detail)}", "warn")]
    lost: Line = [(" drop ", "dim"), (grouped(figures.dropped), "warn" if figures.dropped else "text")]
    lag = lag_words(figures)
    (name, role), *more = [*lost, *lag] if figures.dropped else [*lag, *lost]
    return [
        (f" {name}", role),
        *more,
        (" sampled ", "dim"),
        (sampling_words(figures.sampling), "text"),
    ]


def lag_words(figures: ApmFigures) -> Line:
    """` lag 1.3s`."""
    lag = UNKNOWN if figures.lag_s is None else f"{figures.lag_s:.1f}s"
    late = figures.lag_s is not None and figures.lag_s > LATE_S
    return [(" lag ", "dim"), (lag, "warn" if late else "text")]


def clock_part(clock: ClockOffset | None) -> Line:
    """` clock +7.3s`, where APM's times had to be corrected by so much."""
    if clock is None or not clock.corrected_us:
        return []
    sign = "+" if clock.ahead_us > 0 else "-"
    return [(" clock ", "dim"), (f"{sign}{duration(abs(clock.ahead_us))}", "warn")]


def apm_row(figures: ApmFigures, width: int) -> Line:
    """Where there is little room, lag and losses are told, not how many are sampled."""
    row, words = _row("apm", "series-1", apm_cells(figures)), apm_words(figures)
    while len(words) > LAG_RUNS and line_width(row) + line_width(words) > width:
        words = words[:-LAG_RUNS]
    return _with([*row, *words], clock_part(figures.clock), width)


def sampling_words(share: float | None) -> str:
    """`all`, `1/10`, `0.3`, or a dash."""
    if share is None:
        return UNKNOWN
    if share >= 1:
        return "all"
    if share <= 0:
        return "none"
    inverse = 1 / share
    return f"1/{inverse:.0f}" if abs(inverse - round(inverse)) < 0.05 else f"{share:.2g}"


def _row(label: str, role: str, cells: Sequence[Cell]) -> Line:
    line: Line = [(fit(label, LABEL_WIDTH), role)]
    # A trend arrow takes the rate's last cell, so that the digits of both rows stand in one column.
    widths = [COLUMNS[0][1], COLUMNS[1][1] - 1, *(size for _, size in COLUMNS[2:])]
    line += [(fit(text, size, right=True), cell) for (text, cell), size in zip(cells, widths, strict=True)]
    return line


def _connections(figures: ClientFigures) -> Line:
    return [("  ", "text"), (f"{figures.in_flight:,}/{figures.target_connections:,}", "strong")]


def _failed_role(share: float | None) -> str:
    if share is None or share <= 0:
        return "text" if share is None else "good"
    return "bad" if share >= BAD_SHARE else "warn"


def _beside(line: Line, more: Line, width: int) -> Line:
    """Both, when both fit."""
    return ends(line, more, width) if line_width(line) + line_width(more) < width else line


def _with(line: Line, more: Line, width: int) -> Line:
    """One after the other, when both fit."""
    return [*line, *more] if line_width(line) + line_width(more) <= width else line


def _totals(view: View) -> Line:
    totals = view.snapshot.totals
    if not totals:
        return []
    still = "in flight" if view.snapshot.run_ended_s is None else "cut off"
    names = (("sent", "sent"), ("completed", "ok"), ("failed", "failed"), ("in_flight", still))
    line: Line = [(f"run {view.snapshot.run_number}", "dim")]
    for key, word in names:
        line += [("  " + word + " ", "dim"), (grouped(totals.get(key)), "text")]
    return line


def _explained(view: View) -> Line:
    explained = view.snapshot.client_faults_explained
    if explained is None:
        return []
    share, low, high = explained
    return [
        ("explained by APM ", "dim"),
        (percent(share), "strong"),
        (f" ({low:.0%}–{high:.0%})", "dim"),
    ]
