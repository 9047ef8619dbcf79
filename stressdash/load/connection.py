"""One connection: a number that lives as long as the connection is wanted, and the socket it has now.

A connection that loses its socket keeps its number and gets another one.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from stressdash.load.http1 import Parser
from stressdash.load.message import Message

__all__ = ["BUSY", "CLOSED", "CONNECTING", "IDLE", "NEVER_NS", "SECURING", "Connection"]

NEVER_NS: Final = 1 << 62

CLOSED: Final = 0
"""Without a socket: waits for its turn to connect, or is gone for good."""
CONNECTING: Final = 1
SECURING: Final = 2
"""Connected, with its TLS handshake going on."""
IDLE: Final = 3
BUSY: Final = 4
"""Holds a request."""


class Connection:
    """Owned by the loop, which alone changes it."""

    __slots__ = (
        "alarm_ns", "backoff_ns", "due_ns", "fd", "first_address", "first_byte_ns", "hung_up", "leaving",
        "message", "number", "parser", "recv", "reopening", "request", "retire_ns", "secured_from_ns", "send",
        "since_ns", "sock", "state", "tries", "unsent", "worn",
    )  # fmt: skip

    recv: Callable[[int], bytes]
    send: Callable[[bytes], int]
    message: Message
    """What it sends, or sent last; set with its first request."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.state = CLOSED
        self.sock: socket.socket | None = None
        self.fd = -1
        self.since_ns = 0
        """When the request's first byte was sent (busy), or when connecting began (connecting)."""
        self.due_ns = 0
        """When the request was due by the schedule of the open loop; 0 in the closed loop."""
        self.first_byte_ns = 0
        """When the first byte of an answer that takes several reads came; 0 before."""
        self.request = 0
        """Number of the request it holds, or held last."""
        self.parser: Parser | None = None
        """Set while an answer takes more than the fast path."""
        self.unsent = b""
        """Rest of a request that the socket did not take at once."""
        self.hung_up = False
        """The peer has closed its side: what is still to be read is all there will be."""
        self.leaving = False
        """To be closed once its request has ended."""
        self.reopening = False
        """The peer closed it while idle: connecting again is a reconnect, not a connect."""
        self.first_address = 0
        """Index of the address that it tried first."""
        self.tries = 0
        """Addresses of the target that failed since it last had a socket."""
        self.backoff_ns = 0
        """How long it waits after the next refusal; 0 when none has come in a row."""
        self.secured_from_ns = 0
        """When its TLS handshake began."""
        self.retire_ns = NEVER_NS
        """When its socket has lived as long as it may."""
        self.worn = False
        """To be closed, and opened anew, once its request has ended."""
        self.alarm_ns = NEVER_NS
        """The live entry among the timers."""
