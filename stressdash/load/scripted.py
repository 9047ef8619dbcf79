"""A worker's run under a script: requests made by Lua, several at once on a connection, delays, answers told.

A script that only fills in the `wrk` table costs nothing here: its one request is an ordinary message, and
the hot path stays what it is. Several requests at once are pipelined: they leave in one piece, each has its
own number, latency and fault, and those that are not answered yet wait in `_behind` of their connection.

In the open loop the rate is that of requests, as in wrk2: a batch leaves when its first request is due, takes
as many places of the schedule as it has requests, and all of it is due at that time. Were each due in its own
place, those that left early would be given the time between as a present.
"""

from __future__ import annotations

import mmap
import random
from collections import deque
from dataclasses import replace
from typing import Final

from stressdash.hdr import bucket_index
from stressdash.load.books import Gauges
from stressdash.load.conductor import Conductor
from stressdash.load.connection import BUSY, Connection
from stressdash.load.control import Assignment, Link, Report
from stressdash.load.expectation import Checks
from stressdash.load.faults import FaultKind, kind_of_eof
from stressdash.load.http1 import Parser
from stressdash.load.message import Message
from stressdash.load.scriptrequest import Part, PartMessage, plain_message
from stressdash.load.secret import Redaction
from stressdash.load.thinking import Thinkers
from stressdash.load.threadscript import ThreadScript
from stressdash.load.trace import traceparent_format

__all__ = ["ScriptConductor", "make_conductor"]

NAMES_LIMIT: Final = 30
OTHER: Final = "other"
TOLD_BODY: Final = 16 << 20
"""Bytes of a body that a script's `response` sees."""


def make_conductor(assignment: Assignment, link: Link, codes: mmap.mmap | None) -> Conductor:
    """What runs a worker's part of the plan.

    Raises:
        BadInput: the plan's script is broken.
    """
    if assignment.plan.script is None:
        return Conductor(assignment, link, codes)
    script = ThreadScript(assignment)
    if script.plain is not None:
        return ScriptConductor(assignment, link, codes, script)
    return RequestConductor(assignment, link, codes, script)


class ScriptConductor(Conductor):
    """A run whose script makes one request, once and for all."""

    def __init__(
        self, assignment: Assignment, link: Link, codes: mmap.mmap | None, script: ThreadScript
    ) -> None:
        super().__init__(assignment, link, codes)
        plan = assignment.plan
        self._script = script
        self._redact = Redaction(assignment.secrets.values())
        expect = plan.requests[0].expect
        self._checks = Checks(expect) if expect else None
        self._traceparent = b""
        if plan.traceparent:
            self._traceparent = b"traceparent: %b\r\n" % traceparent_format(plan.run_id, assignment.worker)
        self._books.forget_accounts()
        if script.plain is not None:
            account = self._books.account(script.plain.name)
            self._messages = (plain_message(script.plain, self._traceparent, account, self._checks),)

    def _last_report(self) -> Report:
        return replace(
            super()._last_report(),
            values=self._script.values(),
            printed=self._redact(self._script.printed),
        )


class RequestConductor(ScriptConductor):
    """A run whose script is asked for each request, or told of each answer."""

    def __init__(
        self, assignment: Assignment, link: Link, codes: mmap.mmap | None, script: ThreadScript
    ) -> None:
        super().__init__(assignment, link, codes, script)
        self._by_kind: dict[tuple[str, bool], PartMessage] = {}
        self._behind: dict[Connection, deque[tuple[int, PartMessage]]] = {}
        """Requests that were sent with the one that the connection holds, and are answered after it."""
        self._unread_rest: tuple[Connection, bytes] | None = None
        """What came behind an answer: the beginning of the next one."""
        if script.delays:
            self._thinkers = Thinkers(script, random.Random(0))
        script.on_stop(self._stop_soon)

    # --- sending --------------------------------------------------------------------------------------

    def _send(self, connection: Connection) -> None:
        parts = self._script.requests()
        number, stride = self._number, self._stride
        messages = [self._message(part) for part in parts]
        if len(parts) == 1:
            messages[0].part = parts[0]
            self._messages = (messages[0],)
            super()._send(connection)
            return
        numbered = [(number + place * stride, message) for place, message in enumerate(messages)]
        self._behind[connection] = deque(numbered[1:])
        self._messages = (_Batch(messages[0], parts, stride),)
        super()._send(connection)
        self._number += (len(parts) - 1) * stride
        self._take_places(connection, len(parts) - 1)
        if connection.state == BUSY:
            connection.message = messages[0]

    def _take_places(self, connection: Connection, count: int) -> None:
        """Let the others of a batch go with its first, each in a place of the schedule, due or not."""
        if connection.due_ns:
            lag_us = (connection.since_ns - connection.due_ns) // 1000
            self._books.send_lag[bucket_index(lag_us)] += count
        for _ in range(count):
            if self._owed:
                self._owed -= 1
                self._pacer.take()
            elif self._rate is not None:
                self._pacer.take_early()
                continue
            self._credit -= 1
        if self._rate is not None:
            self._due_ns = self._pacer.next_ns

    def _message(self, part: Part) -> PartMessage:
        name = part.name
        message = self._by_kind.get((name, part.bodyless))
        if message is None:
            if len(self._by_kind) >= NAMES_LIMIT:
                name = OTHER
            message = self._by_kind.get((name, part.bodyless))
        if message is None:
            message = PartMessage(part, self._traceparent, self._books.account(name), self._checks)
            if self._script.listens:
                message.hand_over(TOLD_BODY)
            self._by_kind[name, part.bodyless] = message
        return message

    def _offer(self, connection: Connection) -> None:
        """Wrk delays the first request of a connection, too."""
        if self._script.delays and self._thinks and not connection.request and not connection.leaving:
            connection.request = self._number  # so that it is delayed once
            self._begin_to_think(connection)
        else:
            super()._offer(connection)

    def _lose_unsent(self, connection: Connection, kind: FaultKind) -> None:
        for number, message in self._behind.pop(connection, ()):
            ending = self._ending(connection, self._clock())
            self._books.unsent += 1
            self._books.fault(kind, ending._replace(number=number, request=message.account.name))
        super()._lose_unsent(connection, kind)

    # --- answers --------------------------------------------------------------------------------------

    def _take(self, connection: Connection, data: bytes, now: int) -> None:
        super()._take(connection, data, now)
        while (rest := self._unread_rest) is not None:
            self._unread_rest = None
            super()._take(rest[0], rest[1], now)

    def _finish(self, connection: Connection, parser: Parser, now: int) -> None:
        head = parser.head
        assert head is not None
        behind = self._behind.get(connection)
        if not behind:
            self._behind.pop(connection, None)
            self._tell(head.status, parser)
            super()._finish(connection, parser, now)
            return
        rest = parser.take_surplus()
        self._book_answer(connection, parser, now)
        self._tell(head.status, parser)
        connection.request, connection.message = behind.popleft()
        connection.parser = self._parser_of(connection.message)
        connection.first_byte_ns = 0
        if rest:
            self._unread_rest = (connection, rest)

    def _tell(self, status: int, parser: Parser) -> None:
        if self._script.listens:
            self._script.tell(status, parser.head_bytes, bytes(parser.body))

    def _drop(self, connection: Connection, kind: FaultKind, now: int) -> None:
        """Everything that was sent on the connection ends with it."""
        super()._drop(connection, kind, now)
        if kind.category == "read" and kind.code == "EOF":
            kind = kind_of_eof(answer_begun=False)
        for number, message in self._behind.pop(connection, ()):
            connection.request, connection.message = number, message
            connection.parser = None
            connection.first_byte_ns = 0
            super()._drop(connection, kind, now)

    # --- the clock ------------------------------------------------------------------------------------

    def _gauges(self, at_ns: int) -> Gauges:
        gauges = super()._gauges(at_ns)
        behind = [(connection, len(queue)) for connection, queue in self._behind.items()]
        return replace(
            gauges,
            in_flight=gauges.in_flight + sum(count for _, count in behind),
            age_ns=gauges.age_ns + sum(count * (at_ns - connection.since_ns) for connection, count in behind),
        )

    def _book_unfinished(self, mode: str, now: int) -> None:
        super()._book_unfinished(mode, now)
        if mode == "abort":
            for connection, behind in self._behind.items():
                for _, message in behind:
                    if connection.due_ns:
                        self._books.unfinished(now - connection.due_ns, message.account)

    def _stop_soon(self) -> None:
        """Not at once: the script was called from the middle of something."""
        now = self._clock()
        self._move_end(now, now)


class _Batch(Message):
    """Several requests that leave in one piece."""

    __slots__ = ("_first", "_parts", "_stride")

    def __init__(self, first: PartMessage, parts: tuple[Part, ...], stride: int) -> None:
        super().__init__(first.account, bodyless=first.bodyless)
        self.parsed = True
        self.kept = first.kept
        self._first = first
        self._parts = parts
        self._stride = stride

    def render(self, number: int) -> bytes:
        """Their bytes; the first has this number."""
        return b"".join(
            self._first.render_part(part, number + place * self._stride)
            for place, part in enumerate(self._parts)
        )
