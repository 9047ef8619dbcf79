"""Whatever is done to a run while it goes on, its books agree with the server's, request by request."""

from __future__ import annotations

import asyncio
import json
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from stressdash.load.fleet import Fleet
from stressdash.load.ledger import Ledger
from stressdash.load.plan import Plan, Request
from stressdash.load.think import Think
from stressdash.metrics.results import Results
from stressdash.metrics.window import RunTotals
from stressdash.samples import Outcome, Phase, Window

BODY = b'{"section":{{run}},"id":{{request}}}'
PATIENCE_S = 60.0
MOODS = ("ok", "error", "hang up", "half", "late")


class Handler(socketserver.StreamRequestHandler):
    """Answers in the mood of the server, and writes down what it did before it does it."""

    server: Server

    def handle(self) -> None:
        try:
            while self._one():
                pass
        except (ConnectionError, TimeoutError):
            pass  # the client has hung up, as an aborted run does

    def _one(self) -> bool:
        length = 0
        while (line := self.rfile.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = self.rfile.read(length)
        if len(body) < length or not length:
            return False
        mood = self.server.mood
        with self.server.lock:
            self.server.moods.setdefault(int(json.loads(body)["id"]), []).append(mood)
        if mood == "late":
            time.sleep(0.02)
        if mood == "hang up":
            return False
        status = "500 No" if mood == "error" else "200 OK"
        text = f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
        self.wfile.write(text[:-1] if mood == "half" else text)
        return mood != "half"


class Server(socketserver.ThreadingTCPServer):
    """A real server with books of its own: in which mood each request number was met, each time it came."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mood = "ok"
        self.lock = threading.Lock()
        self.moods: dict[int, list[str]] = {}
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,))
        self.thread.start()

    def met(self) -> dict[int, list[str]]:
        """Its books so far; after an abort it may still be reading."""
        with self.lock:
            return {number: list(moods) for number, moods in self.moods.items()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/push"

    def close(self) -> None:
        self.shutdown()
        self.thread.join()
        self.server_close()


class SteeredRun(RuleBasedStateMachine):
    """One run over worker processes against the server, steered at will."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.server = Server()
        self.windows: list[Window] = []
        self.paused = False

    @initialize(
        connections=st.integers(1, 8),
        rate=st.none() | st.integers(100, 400),
        workers=st.integers(1, 2),
        think=st.none() | st.just(Think(0.001, 0.01)),
    )
    def start(self, connections: int, rate: int | None, workers: int, think: Think | None) -> None:
        plan = Plan(
            url=self.server.url,
            requests=(Request("push", body=BODY),),
            connections=max(connections, workers),
            duration_s=None,
            rate=rate,
            workers=workers,
            think=think,
            timeout_s=20.0,
        )
        self.fleet = Fleet(plan, on_window=self.windows.append)
        self._do(self.fleet.start)
        self._breathe()

    def _breathe(self) -> None:
        """Let the load go on for a few requests, so that each change finds and leaves some in flight."""
        if not self.paused:
            before = sum(window.completed + window.failed for window in self.windows)
            self._until(lambda: sum(w.completed + w.failed for w in self.windows) >= before + 5)

    def _do(self, command: Callable[[], Awaitable[object]]) -> None:
        async def run() -> None:
            async with asyncio.timeout(PATIENCE_S):
                await command()

        self.runner.run(run())

    def _until(self, condition: Callable[[], object]) -> None:
        async def wait() -> None:
            while not condition():  # noqa: ASYNC110 - the condition is about other processes
                await asyncio.sleep(0.005)

        self._do(wait)

    def _newest(self) -> dict[int, Window]:
        return {window.worker: window for window in self.windows}

    # --- steering

    @rule(connections=st.integers(2, 30))
    def set_connections(self, connections: int) -> None:
        self._do(lambda: self.fleet.set_connections(connections))
        self._breathe()

    @rule(rate=st.integers(100, 600))
    def set_rate(self, rate: int) -> None:
        self._do(lambda: self.fleet.set_rate(rate))
        self._breathe()

    @rule()
    def close_the_loop(self) -> None:
        self._do(lambda: self.fleet.set_rate(None))
        self._breathe()

    @precondition(lambda self: not self.paused)
    @rule()
    def pause(self) -> None:
        self._do(self.fleet.pause)
        self.paused = True
        self._until(lambda: {window.phase for window in self._newest().values()} == {Phase.PAUSED})

    @precondition(lambda self: self.paused)
    @rule()
    def resume(self) -> None:
        self._do(self.fleet.resume)
        self.paused = False
        self._breathe()

    @rule(mood=st.sampled_from(MOODS))
    def change_the_servers_mood(self, mood: str) -> None:
        self.server.mood = mood
        self._breathe()

    # --- the end

    def teardown(self) -> None:
        try:
            if hasattr(self, "fleet"):
                self._stop_and_compare()
        finally:
            if hasattr(self, "fleet"):
                self._do(self.fleet.close)
            self.runner.close()
            self.server.close()

    def _stop_and_compare(self) -> None:
        mode = "drain" if len(self.windows) % 2 else "abort"
        self._do(lambda: self.fleet.stop(mode))
        ledger = self.fleet.ledger
        assert ledger is not None
        try:
            self._compare(ledger, mode)
        finally:
            ledger.close()

    def _compare(self, ledger: Ledger, mode: str) -> None:
        totals, results = RunTotals(), Results()
        for window in self.windows:
            totals.add(window)
            results.add(window)
        books = Counter(
            {outcome: ledger.count(outcome) for outcome in Outcome if outcome is not Outcome.UNSENT}
        )
        assert totals.scheduled == totals.completed + totals.failed + totals.in_flight
        assert totals.completed == books[Outcome.ACKNOWLEDGED]
        assert totals.sent == books.total() - books[Outcome.NOT_SENT]
        assert books[Outcome.IN_FLIGHT] == 0
        assert results.totals.completed == totals.completed
        assert sum(segment.totals.completed for segment in results.segments) <= totals.completed
        if mode == "drain":  # what was sent is read by the server, as nobody hangs up on it
            self._until(lambda: len(self.server.moods) >= totals.sent)
        met = self.server.met()
        for number, moods in met.items():
            assert len(moods) == 1, "a request was sent twice"
            assert ledger.outcome(number) in self._possible(moods[0], mode), (number, moods)
        for outcome in (Outcome.ACKNOWLEDGED, Outcome.REJECTED):
            assert set(ledger.numbers(outcome)) <= met.keys()

    @staticmethod
    def _possible(mood: str, mode: str) -> set[Outcome]:
        """What may have become of a request that the server met in a mood; an abort may drop any."""
        told = {"ok": Outcome.ACKNOWLEDGED, "late": Outcome.ACKNOWLEDGED, "error": Outcome.REJECTED}
        outcome = told.get(mood, Outcome.DROPPED)
        return {outcome} if mode == "drain" else {outcome, Outcome.DROPPED}


TestSteeredRun = SteeredRun.TestCase
TestSteeredRun.settings = settings(max_examples=8, stateful_step_count=10)
