"""The hot path: polls, clocks, requests and answers of one worker process.

One thread, one poller, non-blocking sockets, no asyncio. Each connection is registered once. Per poll the
clock is read before and after the batch, per request once more just before `send`, as latency runs from
there to the poll that brought the last byte. Most answers take the fast path in `_readable`: the header
block is one that was parsed before, the body came with it, and the next request leaves at once.

`_credit` is how many requests may be sent now: in the closed loop what is left of the budget, in the open
loop what is due and not sent, nothing while paused or stopping. What happens by the clock or by command is
the conductor's (`stressdash.load.conductor`).
"""

from __future__ import annotations

import mmap
import random
from abc import abstractmethod
from typing import Final

from stressdash.hdr import bucket_index
from stressdash.load.books import Books, Ending
from stressdash.load.connection import BUSY, NEVER_NS, Connection
from stressdash.load.control import Assignment
from stressdash.load.faults import FaultKind, kind_of_answer, kind_of_eof, kind_of_os_error
from stressdash.load.http1 import Head, Malformed, OtherProtocol, Parser
from stressdash.load.ledger import CAPACITY
from stressdash.load.lines import WOULD_BLOCK, Lines
from stressdash.load.message import Message, make_message, schedule_messages
from stressdash.load.opening import HANGUP, READ, WRITE
from stressdash.load.pacer import Pacer
from stressdash.load.target import parse_url
from stressdash.load.unread import Unread
from stressdash.samples import Outcome

__all__ = ["Loop"]

READ_BYTES: Final = 1 << 16
EVENTS: Final = 512
IN_FLIGHT, ACKNOWLEDGED, REJECTED, DROPPED, NOT_SENT = (
    int(outcome)
    for outcome in (
        Outcome.IN_FLIGHT,
        Outcome.ACKNOWLEDGED,
        Outcome.REJECTED,
        Outcome.DROPPED,
        Outcome.NOT_SENT,
    )
)


class Loop(Lines):
    """Keeps requests going on the connections of one worker."""

    def __init__(self, assignment: Assignment, books: Books, codes: mmap.mmap | None) -> None:
        super().__init__(assignment, books)
        plan = assignment.plan
        target = parse_url(plan.url)
        messages = [
            make_message(
                request, plan, target, assignment.worker, books.account(request.name), assignment.secrets
            )
            for request in plan.requests
        ]
        self._messages = schedule_messages(messages, [request.weight for request in plan.requests])
        self._heads: dict[bytes, Head] = {}
        self._heads_bodyless: dict[bytes, Head] = {}
        self._block = b"\r\n\r\n"
        """Header block of the latest answer on the fast path, with its empty line; no answer begins so."""
        self._head: Head | None = None
        """What is known of it."""
        self._stride = assignment.workers
        self._number = assignment.worker + 1
        """Number of the next request."""
        self._refused = 0
        """Requests of this window that ended with a refused connect, so without a number."""
        self._codes = codes
        self._codes_limit = CAPACITY * self._stride if codes is not None else 0
        self._credit = 0
        self._pacer = Pacer(assignment.worker, assignment.workers, plan.arrivals, plan.seed)
        self._owed = 0
        """Requests that are due by the schedule and not sent."""
        self._due_ns = NEVER_NS
        """When the schedule has the next one."""
        self._edge_ns = NEVER_NS
        """When the clock asks for something next."""
        self._unread = Unread(books, assignment.addresses[0].family, random.Random(plan.seed))
        self._slowest: tuple[int, Ending] | None = None
        self._slowest_ns = -1
        self._follow = self._send
        """What a connection does whose request has ended, while there is credit."""
        self._ended = False

    @abstractmethod
    def _tick(self, now: int) -> None:
        """The edge was reached, or an alarm went off."""

    @abstractmethod
    def _obey(self) -> None:
        """Commands wait on the link."""

    @abstractmethod
    def _settle(self, now: int) -> None:
        """No request is in flight: perhaps the run has ended."""

    # --- the hot path ---------------------------------------------------------------------------------

    def _spin(self, control: int) -> None:
        """Poll and serve until the run has ended; `control` is the link's descriptor."""
        clock, by_fd, books, unread = self._clock, self._by_fd, self._books, self._unread
        opener, timers = self._opener, self._timers
        now = clock()
        while not self._ended:
            wake = min(self._edge_ns, self._due_ns, timers.next_ns)
            if opener.queue:
                wake = min(wake, opener.next_ns)
            events = self._poll(max(0, wake - now) / 1e9, EVENTS)
            unread.polled_ns = polled = clock()
            if polled >= wake:
                self._tick(polled)
            for fd, mask in events:
                connection = by_fd.get(fd)
                if connection is None:
                    if fd == control:
                        self._obey()
                elif mask == READ:
                    self._readable(connection, polled)
                else:
                    self._ready(connection, mask, polled)
            now = clock()
            if events:
                books.loop_lag[bucket_index((now - polled) // 1000)] += 1
            if opener.queue and opener.next_ns <= now:
                self._open_some(now)
            if not self._busy:
                self._settle(now)

    def _readable(self, connection: Connection, now: int) -> None:
        try:
            data = connection.recv(READ_BYTES)
        except WOULD_BLOCK:
            return
        except OSError as error:
            self._lose(connection, kind_of_os_error("read", error), now)
            return
        books = self._books
        books.bytes_received += len(data)
        if connection.parser is None and connection.state == BUSY:
            head = self._head if data.startswith(self._block) else self._recall(data)
            end = len(self._block)
            if head is not None and head.exact == len(data) - end and head.status < 400:
                latency_ns = now - connection.since_ns
                latency_us = latency_ns // 1000
                shift = latency_us.bit_length() - 11
                account = connection.message.account
                account.single[latency_us if shift <= 0 else (shift << 10) + (latency_us >> shift)] += 1
                books.statuses[head.status] += 1
                books.ended_ns += latency_ns
                if connection.due_ns:
                    account.intended[bucket_index((now - connection.due_ns) // 1000)] += 1
                if latency_ns > self._slowest_ns:
                    self._note_slowest(connection, latency_ns, now, head.status, data[: end - 4], data[end:])
                if connection.request < self._codes_limit:
                    self._book_outcome(connection, ACKNOWLEDGED)
                if self._credit > 0 and not connection.leaving:
                    self._follow(connection)
                else:
                    self._rest(connection)
                return
        self._take(connection, data, now)

    def _recall(self, data: bytes) -> Head | None:
        """Head of a block that is not that of the answer before; None when it was never parsed."""
        end = data.find(b"\r\n\r\n")
        head = self._heads.get(data[:end]) if end > 0 else None
        if head is not None:
            self._block, self._head = data[: end + 4], head
        return head

    def _send(self, connection: Connection) -> None:
        """Send the next request on a connection that counts as busy."""
        number = self._number
        self._number = number + self._stride
        self._credit -= 1
        message = self._messages[number // self._stride % len(self._messages)]
        data = message.render(number)
        connection.request = number
        connection.message = message
        connection.state = BUSY
        if message.parsed:
            connection.parser = self._parser_of(message)
        connection.since_ns = sent_ns = self._clock()
        connection.due_ns = self._take_due(sent_ns) if self._owed else 0
        try:
            sent = connection.send(data)
        except WOULD_BLOCK:
            sent = 0
        except OSError as error:
            self._lose_unsent(connection, kind_of_os_error("write", error))
            return
        self._books.bytes_sent += sent
        if number < self._codes_limit:
            self._book_outcome(connection, IN_FLIGHT)
        if sent < len(data):
            self._send_later(connection, data[sent:])

    def _take_due(self, sent_ns: int) -> int:
        """When the oldest request that is owed was due."""
        self._owed -= 1
        due_ns = self._pacer.take()
        self._books.send_lag[bucket_index((sent_ns - due_ns) // 1000)] += 1
        return due_ns

    def _book_outcome(self, connection: Connection, outcome: int) -> None:
        if self._codes is not None:
            self._codes[(connection.request - 1) // self._stride] = outcome

    # --- answers off the fast path --------------------------------------------------------------------

    def _take(self, connection: Connection, data: bytes, now: int) -> None:
        """Bytes (or the end of them) that are not one plain answer with a known header block."""
        if connection.state != BUSY:
            self._lose(connection, None, now)
            return
        self._leave_fast_path(connection)
        parser = connection.parser
        assert parser is not None
        if data and not connection.first_byte_ns:
            connection.first_byte_ns = now
        try:
            complete = parser.feed(data) if data else parser.eof()
        except Malformed as error:
            code = "http2" if isinstance(error, OtherProtocol) else "malformed"
            self._lose(connection, FaultKind("protocol", code, str(error)), now)
            return
        if complete:
            self._finish(connection, parser, now)
        elif not data:
            self._lose(connection, kind_of_eof(answer_begun=bool(connection.first_byte_ns)), now)

    def _finish(self, connection: Connection, parser: Parser, now: int) -> None:
        head = parser.head
        assert head is not None
        self._book_answer(connection, parser, now)
        reusable = head.keep_alive and not (parser.surplus or connection.unsent or connection.worn)
        connection.parser = None
        connection.first_byte_ns = 0
        if not reusable or connection.hung_up:
            self._busy -= 1
            connection.reopening = reusable
            self._reopen(connection)
        elif self._credit > 0 and not connection.leaving:
            self._follow(connection)
        else:
            self._rest(connection)

    def _book_answer(self, connection: Connection, parser: Parser, now: int) -> None:
        head = parser.head
        assert head is not None
        latency_ns = now - connection.since_ns
        body = bytes(parser.body)
        account = connection.message.account
        first_byte_ns = connection.first_byte_ns - connection.since_ns
        self._books.answered(account, head.status, latency_ns, first_byte_ns)
        if connection.due_ns:
            account.intended[bucket_index((now - connection.due_ns) // 1000)] += 1
        if latency_ns > self._slowest_ns:
            self._note_slowest(connection, latency_ns, now, head.status, parser.head_bytes, body)
        kind: FaultKind | None
        if parser.surplus:
            kind = FaultKind("protocol", "surplus", "bytes after the end of the answer")
        else:
            kind = self._judge(connection.message, head.status, body)
        if kind is not None:
            self._books.failed_answer(
                kind, latency_ns, self._ending(connection, now, head.status, parser.head_bytes, body)
            )
        if connection.request < self._codes_limit:
            self._book_outcome(connection, ACKNOWLEDGED if head.status < 400 else REJECTED)

    def _judge(self, message: Message, status: int, body: bytes) -> FaultKind | None:
        """What is wrong with a full answer, in words that hold no secret."""
        if message.checks is None:
            return kind_of_answer(status, self._books.redact(body)) if status >= 400 else None
        kind = message.checks.fault(status, body)
        if kind is not None and self._books.redact:
            return message.checks.fault(status, self._books.redact(body)) or kind
        return kind

    def _ending(
        self,
        connection: Connection,
        now: int,
        status: int | None = None,
        head: bytes = b"",
        body: bytes = b"",
    ) -> Ending:
        return Ending(
            now,
            connection.since_ns,
            connection.number,
            connection.request,
            status,
            connection.message.account.name,
            head,
            body,
        )

    def _note_slowest(
        self, connection: Connection, latency_ns: int, now: int, status: int, head: bytes, body: bytes
    ) -> None:
        self._slowest_ns = latency_ns
        self._slowest = (latency_ns, self._ending(connection, now, status, head, body))

    # --- requests off the fast path -------------------------------------------------------------------

    def _offer(self, connection: Connection) -> None:
        if self._credit > 0 and not connection.leaving:
            self._busy += 1
            self._send(connection)
            deadline_ns = connection.since_ns + self._timeout_ns
            if connection.state == BUSY and connection.alarm_ns > deadline_ns:
                self._timers.set(connection, deadline_ns)
        elif connection.leaving or self._stopping:
            self._discard(connection)
        else:
            self._idle[connection] = None

    def _offer_idle(self) -> None:
        """Give requests to connections that wait, as far as there is credit."""
        while self._credit > 0 and self._idle:
            connection, _ = self._idle.popitem(last=False)
            self._offer(connection)

    def _send_later(self, connection: Connection, rest: bytes) -> None:
        """The socket took only a part; a parser frames an answer that comes before the rest has gone."""
        connection.unsent = rest
        self._leave_fast_path(connection)
        self._poller.modify(connection.fd, READ | HANGUP | WRITE)

    def _parser_of(self, message: Message) -> Parser:
        """For messages whose answers never take the fast path."""
        if message.bodyless:
            return Parser(self._heads_bodyless, bodyless=True)
        return Parser(self._heads, kept=message.kept)

    def _leave_fast_path(self, connection: Connection) -> None:
        if connection.parser is None:
            connection.parser = Parser(self._heads)

    def _lose_unsent(self, connection: Connection, kind: FaultKind) -> None:
        """Not even the first byte could be sent."""
        now = self._clock()
        self._books.unsent += 1
        self._books.broken(kind, now - connection.since_ns, self._ending(connection, now))
        if connection.request < self._codes_limit:
            self._book_outcome(connection, NOT_SENT)
        self._busy -= 1
        self._reopen(connection)

    def _drop(self, connection: Connection, kind: FaultKind, now: int) -> None:
        held_ns = now - connection.since_ns
        parser = connection.parser
        head = parser.head if parser else None
        ending = self._ending(
            connection,
            now,
            head.status if head else None,
            parser.head_bytes if parser else b"",
            bytes(parser.body) if parser else b"",
        )
        if kind.category == "timeout":
            self._books.timed_out(kind, held_ns, ending)
            if connection.due_ns:
                self._books.unfinished(now - connection.due_ns, connection.message.account)
        else:
            self._books.broken(kind, held_ns, ending)
        if connection.request < self._codes_limit:
            self._book_outcome(connection, DROPPED)

    def _refuse(self, kind: FaultKind, ending: Ending) -> None:
        if self._credit > 0:
            self._credit -= 1
            self._refused += 1
            if self._owed:
                self._owed -= 1
                self._pacer.take()
            self._books.fault(kind, ending)
