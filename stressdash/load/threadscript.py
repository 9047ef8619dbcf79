"""A script in its worker: made ready before the run, then asked for requests and told of answers."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from stressdash.errors import BadInput
from stressdash.load.control import Assignment
from stressdash.load.lua import LuaState
from stressdash.load.script import Plain
from stressdash.load.scriptrequest import Part, split_requests
from stressdash.load.scriptthread import Thread, furnish
from stressdash.load.target import parse_url

__all__ = ["ThreadScript"]

CALL_S: Final = 5.0
LONGEST_DELAY_MS: Final = 3_600_000


class ThreadScript:
    """One worker's script, after its `init`."""

    def __init__(self, assignment: Assignment) -> None:
        """Load it and let it begin.

        Raises:
            BadInput: it is broken or endless, or makes no request.
        """
        plan = assignment.plan
        assert plan.script is not None
        self._path = plan.script.path
        target = parse_url(plan.url)
        self._thread = Thread(target, plan.allow_targets, assignment.addresses)
        self._state = state = LuaState(plan.script, self._thread, call_s=CALL_S)
        self._thread.state = state
        furnish(state, plan.requests[0], target, assignment.secrets)
        state.load()
        state.wrk[b"thread"] = state.thread(0)
        for name, value in assignment.given or ():
            state.take(name, value)
        words = [plan.url, *plan.script.arguments]
        state.run(state.wrk[b"init"], state.array([word.encode() for word in words], 0))
        self._request = state.function("request") if state.has("request") else None
        self._response = state.function("response") if state.has("response") else None
        self._delay = state.function("delay") if state.has("delay") else None
        self._last: object = None
        self._parts: tuple[Part, ...] = ()
        self._same = None if self._request else self._split(state.run(state.wrk[b"request"]))
        """Without `request`: what is sent every time."""
        if self._request is not None and assignment.worker == 0:
            self.requests()  # wrk checks the first one, and does not send it

    @property
    def plain(self) -> Part | None:
        """The one request that it sends, when that is all it does."""
        if self._same is None or len(self._same) > 1 or self.listens or self.delays:
            return None
        return self._same[0]

    @property
    def listens(self) -> bool:
        """Whether it wants to see answers."""
        return self._response is not None

    @property
    def delays(self) -> bool:
        """Whether it says how long to wait before each request."""
        return self._delay is not None

    @property
    def printed(self) -> bytes:
        """What it has printed."""
        return self._state.printed

    def on_stop(self, stop: Callable[[], None]) -> None:
        """What `wrk.thread:stop()` does."""
        self._thread.on_stop = stop

    def requests(self) -> tuple[Part, ...]:
        """What to send next: one request, or several at once.

        Raises:
            BadInput: the script failed.
        """
        if self._same is not None:
            return self._same
        return self._split(self._state.run(self._request))

    def draw_ns(self, draw: random.Random) -> int:  # noqa: ARG002 - the script has its own
        """How long to wait before the next request, as `stressdash.load.think` asks for it.

        Raises:
            BadInput: the script failed, or gave no time.
        """
        delay = self._state.run(self._delay)
        if not isinstance(delay, (int, float)) or not 0 <= delay <= LONGEST_DELAY_MS:
            raise BadInput(
                f"the script failed: {self._path}: delay() returns milliseconds, 0 to an hour of them"
            )
        return round(delay * 1e6)

    def tell(self, status: int, head: bytes, body: bytes) -> None:
        """Hand an answer over.

        Raises:
            BadInput: the script failed.
        """
        if self._response is None:
            return
        fields = (line.partition(b":") for line in head.split(b"\r\n")[1:])
        headers = {name: value.strip(b" \t") for name, _, value in fields}
        self._state.run(self._response, status, self._state.table(headers), body)

    def values(self) -> Plain:
        """Its globals, where `done` may ask for them."""
        return self._state.globals() if self._state.has("done") else None

    def _split(self, text: object) -> tuple[Part, ...]:
        if text != self._last or not self._parts:
            try:
                self._parts = split_requests(text)
            except BadInput as error:
                raise BadInput(f"the script failed: {self._path}: {error}") from error
            self._last = text
        return self._parts
