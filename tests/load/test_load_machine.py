"""Steering at random, against a server that misbehaves at random: the books agree with what it saw."""

from __future__ import annotations

import mmap
import re
import socketserver
import threading
import time
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from load_harness import OK, FakeLink, make_plan

from stressdash.load.conductor import Conductor
from stressdash.load.control import Assignment, Command
from stressdash.load.target import Address
from stressdash.samples import Outcome

PATIENCE_S = 60
REJECTED = b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}"
DEEDS = (
    (b"", Outcome.DROPPED),
    (b"SSH-2.0-surprise\r\n", Outcome.DROPPED),
    (OK[:20], Outcome.DROPPED),
    (REJECTED, Outcome.REJECTED),
    (OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), Outcome.ACKNOWLEDGED),
    *((OK, Outcome.ACKNOWLEDGED),) * 12,
)
"""What is answered, by request number, and what becomes of the request."""


def deed_of(number: int) -> tuple[bytes, Outcome]:
    return DEEDS[number * 2_654_435_761 % 2**32 % len(DEEDS)]


class Misbehaving(socketserver.ThreadingTCPServer):
    """A server that keeps a ledger of the requests that it read whole."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Reading)
        self.seen: list[int] = []
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def end(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class Reading(socketserver.StreamRequestHandler):
    """One connection."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        server = self.server
        assert isinstance(server, Misbehaving)
        try:
            while (head := self.head()) is not None:
                length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
                number = int(re.search(rb'"id":(\d+)', self.rfile.read(length))[1])  # type: ignore[index]
                server.seen.append(number)
                data, outcome = deed_of(number)
                self.wfile.write(data)
                if outcome is Outcome.DROPPED or b"close" in data:
                    return
        except OSError:
            return  # the engine hung up

    def head(self) -> bytes | None:
        lines = []
        while (line := self.rfile.readline()) not in {b"\r\n", b""}:
            lines.append(line)
        return b"".join(lines) if line else None


class Steering(RuleBasedStateMachine):
    """One run of one worker; every step waits until the engine has told of a later moment."""

    @initialize(
        connections=st.integers(1, 8),
        rate=st.none() | st.integers(20, 400),
        stop=st.sampled_from(["drain", "abort"]),
    )
    def start(self, connections: int, rate: int | None, stop: str) -> None:
        self.stop = stop
        self.server = Misbehaving()
        host, port = self.server.server_address[:2]
        plan = make_plan(
            f"http://{host}:{port}/", connections=connections, max_requests=None, timeout_s=PATIENCE_S
        )
        self.codes = mmap.mmap(-1, 1 << 20)
        self.link = FakeLink()
        assignment = Assignment(
            plan, 0, 1, (Address(2, "127.0.0.1", port),), connections, None, rate and float(rate)
        )
        conductor = Conductor(assignment, self.link, self.codes)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=conductor.run, args=(time.monotonic_ns(), None))
        self.thread.start()
        self.segment = 0
        self.paused = False

    @rule(connections=st.integers(1, 16))
    def change_connections(self, connections: int) -> None:
        self.tell("connections", connections=connections)

    @rule(rate=st.none() | st.integers(1, 2000))
    def change_rate_or_mode(self, rate: int | None) -> None:
        self.tell("rate", rate=rate and float(rate))

    @precondition(lambda self: not self.paused)
    @rule()
    def pause(self) -> None:
        self.paused = True
        self.tell("pause")

    @precondition(lambda self: self.paused)
    @rule()
    def resume(self) -> None:
        self.paused = False
        self.tell("resume")

    def tell(self, verb: str, **fields: object) -> None:
        self.segment += 1
        before = len(self.link.totals.windows)
        self.link.command(Command(verb, segment=self.segment, **fields))  # type: ignore[arg-type]
        limit = time.monotonic() + PATIENCE_S
        while len(self.link.totals.windows) <= before + 1 and time.monotonic() < limit:
            time.sleep(0.005)
        assert self.thread.is_alive()

    def compare(self) -> None:
        """The engine's books and its ledger against the server's."""
        totals, seen = self.link.totals, Counter(self.server.seen)
        totals.check_books()
        assert max(seen.values(), default=1) == 1, "nothing is sent twice"
        assert totals.sent >= len(seen)
        codes = {number: Outcome(self.codes[number - 1]) for number in range(1, totals.sent + 1)}
        if self.stop == "abort":
            hung_up = {number for number, code in codes.items() if code is not deed_of(number)[1]}
            assert all(codes[number] is Outcome.DROPPED for number in hung_up)
            assert len(hung_up) <= 16
            return
        assert set(seen) == set(codes)
        assert codes == {number: deed_of(number)[1] for number in codes}
        outcomes = Counter(codes.values())
        assert totals.completed == outcomes[Outcome.ACKNOWLEDGED]
        assert totals.failed == outcomes[Outcome.REJECTED] + outcomes[Outcome.DROPPED]
        assert totals.responses == outcomes[Outcome.ACKNOWLEDGED] + outcomes[Outcome.REJECTED]
        assert totals.scheduled == totals.sent + totals.in_flight_at_stop

    def teardown(self) -> None:
        if not hasattr(self, "server"):
            return
        self.link.command(Command("stop", mode=self.stop))
        self.thread.join(PATIENCE_S)
        try:
            assert not self.thread.is_alive()
            assert self.link.ended
            self.compare()
        finally:
            self.server.end()
            self.link.close()
            self.codes.close()


TestSteering = Steering.TestCase
TestSteering.settings = settings(max_examples=12, stateful_step_count=8, deadline=None)
