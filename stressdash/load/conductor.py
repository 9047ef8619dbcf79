"""What happens by the clock and by command: windows, phases, segments, steering, the end of the run.

Windows lie on one grid of 100 ms from the start of the run, the same in every worker; a change of phase or
segment splits the one it falls into. Everything that a poll brings counts in the window of that poll.
"""

from __future__ import annotations

import mmap
import random
import time
from typing import Final

from stressdash.load.books import Books, Cell, Gauges, Issue
from stressdash.load.connection import BUSY, IDLE, NEVER_NS, Connection
from stressdash.load.control import Assignment, Command, Link, Report
from stressdash.load.opening import READ
from stressdash.load.secret import Redaction
from stressdash.load.thinking import ThinkingLoop
from stressdash.samples import Outcome, Phase, Window

__all__ = ["GRID_NS", "Conductor"]

GRID_NS: Final = 100_000_000
SECOND_NS: Final = 1_000_000_000
UNLIMITED: Final = 1 << 62


class Conductor(ThinkingLoop):
    """One worker's run from start to end."""

    def __init__(self, assignment: Assignment, link: Link, codes: mmap.mmap | None) -> None:
        plan = assignment.plan
        redact = Redaction(assignment.secrets.values())
        draw = random.Random(plan.seed)
        super().__init__(assignment, Books(plan.run_id, assignment.worker, draw, redact), codes)
        self._link = link
        self._poller.register(link.fileno(), READ)
        self._stop_mode = plan.stop
        self._wanted = assignment.connections
        self._limited = assignment.max_requests is not None
        self._budget = UNLIMITED if assignment.max_requests is None else assignment.max_requests
        """Credit set aside while paused."""
        self._rate, self._slope = assignment.rate, assignment.slope
        self._owed_before = 0
        self._phase = Phase.RUN
        self._segment = 0
        self._interrupted = False
        self._start_ns = 0
        self._window_ns = 0
        self._end_ns = NEVER_NS
        self._number_before = self._number

    def run(self, start_ns: int, end_ns: int | None) -> None:
        """Load from `start_ns` on; returns when the run has ended and every window was reported."""
        time.sleep(max(0, start_ns - self._clock()) / 1e9)
        self._start_ns = self._window_ns = start_ns
        self._end_ns = NEVER_NS if end_ns is None else end_ns
        self._edge_ns = min(start_ns + GRID_NS, self._end_ns)
        self._credit = self._budget
        if self._rate is not None:
            self._open_loop(self._rate, self._slope, start_ns)
        else:
            self._start_thinking()
        self._books.begin(time.process_time_ns())
        self._add_connections(self._wanted)
        self._obey()  # what came together with the start
        self._spin(self._link.fileno())

    # --- the clock ------------------------------------------------------------------------------------

    def _tick(self, now: int) -> None:
        while self._edge_ns <= now and not self._ended:
            edge = self._edge_ns
            if edge == self._end_ns:
                self._end_ns = NEVER_NS
                self._count_due(edge)
                self._offer_idle()
                self._stop(self._stop_mode, edge)
            else:
                self._close_window(edge)
        if self._timers.next_ns <= now:
            for connection in self._timers.due(now):
                self._expire(connection, now)
        if self._rate is None:
            if self._due_ns <= now:
                self._wake_thinkers(now)
        elif self._due_ns <= now or (self._credit > 0 and self._idle):  # a window that closed late counted it
            fresh = self._count_due(now + 1)
            self._offer_idle()
            self._books.waited += min(fresh, self._credit)

    def _count_due(self, before_ns: int) -> int:
        """Requests that came due by the schedule since it was last asked; none in the closed loop."""
        if self._rate is None:
            return 0
        fresh = self._pacer.advance(before_ns)
        self._due_ns = self._pacer.next_ns
        self._owed += fresh
        self._credit += fresh
        return fresh

    def _close_window(self, at_ns: int) -> None:
        """Report everything since the last window, and begin the next at `at_ns`."""
        if self._due_ns < at_ns:
            self._count_due(at_ns)
        if at_ns > self._window_ns:
            window = self._window(at_ns)
            self._link.report(Report("window", window))
            self._window_ns = at_ns
            if self._phase is Phase.RUN:
                self._unread.sample(self._by_fd, window.responses)
        self._set_edge()

    def _set_edge(self) -> None:
        cell = (self._window_ns - self._start_ns) // GRID_NS
        self._edge_ns = min(self._start_ns + (cell + 1) * GRID_NS, self._end_ns)

    def _window(self, at_ns: int) -> Window:
        if (at_ns - self._start_ns) % SECOND_NS == 0:
            self._hand_in_slowest()
        issued = (self._number - self._number_before) // self._stride
        scheduled = issued + self._refused + self._owed - self._owed_before
        issue = Issue(scheduled=scheduled, issued=issued)
        self._owed_before = self._owed
        self._number_before = self._number
        self._refused = 0
        rate = None if self._rate is None else self._pacer.rate_at(at_ns)
        cell = Cell(self._window_ns, at_ns, self._segment, self._phase, rate)
        return self._books.close(cell, self._gauges(at_ns), issue)

    def _hand_in_slowest(self) -> None:
        if self._slowest is not None:
            self._books.slow(*self._slowest)
            self._slowest = None
            self._slowest_ns = -1

    def _gauges(self, at_ns: int) -> Gauges:
        """Counted from the connections themselves."""
        opened = busy = age_ns = 0
        for connection in self._by_fd.values():
            if connection.state == BUSY:
                busy += 1
                age_ns += at_ns - connection.since_ns
            elif connection.state == IDLE:
                opened += 1
        return Gauges(
            target=self._wanted,
            open=opened + busy,
            busy=busy,
            in_flight=busy + self._owed,
            age_ns=age_ns,
            cpu_ns=time.process_time_ns(),
        )

    # --- commands -------------------------------------------------------------------------------------

    def _obey(self) -> None:
        for command in self._link.commands():
            now = self._clock()  # each has its own: what one command sent belongs before the next
            self._tick(now)
            self._carry_out(command, now)

    def _carry_out(self, command: Command, now: int) -> None:
        if self._ended:
            return
        if command.verb == "stop":
            self._interrupted |= not self._stopping
            self._stop(command.mode, now)
        elif self._stopping:
            return
        elif command.verb == "connections":
            self._begin_segment(command.segment, now)
            self._steer(command.connections)
        elif command.verb == "rate":
            self._begin_segment(command.segment, now)
            self._set_rate(command.rate, command.slope, now)
        elif command.verb == "segment":
            self._begin_segment(command.segment, now)
        elif command.verb == "addresses":
            self._opener.move(command.addresses, command.trouble)
        elif command.verb == "end":
            self._move_end(command.end_ns, now)
        elif command.verb == "pause":
            self._pause(now)
        elif command.verb == "resume":
            self._resume(command.end_ns, now)

    def _begin_segment(self, segment: int, now: int) -> None:
        if segment != self._segment:
            self._close_window(now)
            self._segment = segment

    def _steer(self, wanted: int) -> None:
        """More connections queue to be opened; of too many, the busy leave last, after their answer."""
        self._wanted = wanted
        staying = [connection for connection in self._connections.values() if not connection.leaving]
        for connection in self._connections.values():
            if connection.leaving and len(staying) < wanted:
                connection.leaving = False
                staying.append(connection)
        self._add_connections(wanted - len(staying))
        staying.sort(key=lambda connection: connection.state)
        for connection in staying[: max(0, len(staying) - wanted)]:
            self._dismiss(connection)

    def _dismiss(self, connection: Connection) -> None:
        connection.leaving = True
        if connection.state != BUSY:
            self._discard(connection)

    def _set_rate(self, rate: float | None, slope: float, now: int) -> None:
        """Change the rate, open the loop or close it; requests that are owed stay owed."""
        was_open, self._rate = self._rate is not None, rate
        if rate is None:
            if was_open:
                self._close_loop(now)
        elif was_open:
            self._pacer.set_rate(rate, now, slope)
            self._due_ns = self._pacer.next_ns
        else:
            self._open_loop(rate, slope, now)

    def _open_loop(self, rate: float, slope: float, now: int) -> None:
        paused = self._phase is Phase.PAUSED
        self._pacer.limit = (self._budget if paused else self._credit) - self._owed
        self._pacer.set_rate(rate, now, slope)
        self._due_ns = self._pacer.next_ns
        self._grant(self._owed)
        self._stop_thinking()
        self._wait_by(self._poll_precisely)

    def _close_loop(self, now: int) -> None:
        self._pacer.set_rate(0, now)
        self._due_ns = NEVER_NS
        self._grant(self._pacer.limit + self._owed)
        self._wait_by(self._poller.poll)
        self._start_thinking()
        self._offer_idle()

    def _grant(self, credit: int) -> None:
        if self._phase is Phase.PAUSED:
            self._budget = credit
        else:
            self._credit = credit

    def _move_end(self, end_ns: int | None, now: int) -> None:
        self._end_ns = NEVER_NS if end_ns is None else max(end_ns, now)
        self._set_edge()

    def _pause(self, now: int) -> None:
        if self._phase is Phase.RUN:
            self._close_window(now)
            self._phase = Phase.PAUSED
            self._budget, self._credit = self._credit, 0
            self._pacer.pause(now)
            self._due_ns = NEVER_NS
            self._opener.held = True
            self._move_end(None, now)

    def _resume(self, end_ns: int | None, now: int) -> None:
        if self._phase is Phase.PAUSED:
            self._close_window(now)
            self._phase = Phase.RUN
            self._credit = self._budget
            self._opener.held = False
            self._pacer.resume(now)
            self._due_ns = self._pacer.next_ns
            self._wake_thinkers(now)
            self._move_end(end_ns, now)
            self._offer_idle()

    # --- the end --------------------------------------------------------------------------------------

    def _stop(self, mode: str, now: int) -> None:
        """Send nothing new; wait for what is in flight, or hang up on it."""
        self._count_due(now)
        if mode == "abort":
            self._read_what_is_here(now)
        self._book_unfinished(mode, now)
        self._hand_in_slowest()
        self._due_ns = NEVER_NS
        self._close_window(now)
        self._phase = Phase.DRAIN
        self._stopping = True
        self._end_ns = NEVER_NS
        self._credit = self._budget = 0
        self._opener.clear()
        for connection in list(self._connections.values()):
            if connection.state != BUSY:
                self._discard(connection)
        if mode == "abort" or not self._busy:
            self._finish_run()

    def _read_what_is_here(self, now: int) -> None:
        """Answers that have arrived are no longer in flight, though nobody has read them yet."""
        credit, self._credit = self._credit, 0
        for connection in list(self._by_fd.values()):
            if connection.state == BUSY:
                self._readable(connection, now)
        self._credit = credit

    def _book_unfinished(self, mode: str, now: int) -> None:
        """What the schedule holds and the run will not finish enters the corrected latency at its age."""
        if not self._stopping:
            for _ in range(self._owed):
                self._books.unfinished(now - self._pacer.take())
        if mode == "abort":
            for connection in self._by_fd.values():
                if connection.state == BUSY and connection.due_ns:
                    self._books.unfinished(now - connection.due_ns, connection.message.account)

    def _settle(self, now: int) -> None:
        if self._ended:
            return
        if self._stopping:
            self._hand_in_slowest()
            self._close_window(now)
            self._finish_run()
        elif self._limited and self._credit <= 0 and self._phase is Phase.RUN and self._all_due():
            self._stop(self._stop_mode, now)

    def _all_due(self) -> bool:
        return self._rate is None or self._pacer.limit <= 0

    def _finish_run(self) -> None:
        """Hang up on what the last window counts as in flight."""
        self._ended = True
        for connection in self._by_fd.values():
            if connection.state == BUSY and connection.request < self._codes_limit:
                self._book_outcome(connection, int(Outcome.DROPPED))
            assert connection.sock is not None
            connection.sock.close()
        self._by_fd.clear()
        self._link.report(self._last_report())

    def _last_report(self) -> Report:
        return Report("ended", interrupted=self._interrupted)
