"""What is known of common errors: what they mean, and which knobs govern them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stressdash.samples import Knob

__all__ = ["Known", "governing", "known_error"]


@dataclass(frozen=True, slots=True)
class Known:
    """One kind of error that stressdash can explain."""

    pattern: re.Pattern[str]
    explanation: str
    knobs: tuple[str, ...]


def _known(pattern: str, explanation: str, *knobs: str) -> Known:
    return Known(re.compile(pattern, re.IGNORECASE), explanation, knobs)


_KNOWN = (
    _known(
        r"error 1040|too many connections",
        "The database is at max_connections and refuses new ones. "
        "Bound the pool below that limit, or raise it.",
        "max_open",
        "max_idle",
        "max_connections",
    ),
    _known(
        r"context canceled|cancellederror",
        "The client hung up, and the insert that ran for it was cancelled with it: its row is dropped. "
        "With cancellation = shield the insert finishes whatever the client does.",
        "cancellation",
        "push_timeout",
    ),
    _known(
        r"deadline exceeded|push ?timeout",
        "The insert took longer than push_timeout allows.",
        "push_timeout",
        "max_open",
        "max_connections",
    ),
    _known(
        r"pool (is )?exhausted|waiting for a connection",
        "Every pool connection is in use. A larger max_open waits less, as far as the database follows.",
        "max_open",
        "max_idle",
        "max_connections",
    ),
    _known(
        r"error (2002|2003|2006|2013)|databasegone|lost connection|can't connect",
        "The database is gone or hangs up. Its state and last log lines stand on the Stack screen.",
        "max_connections",
    ),
    _known(
        r"^tls (unknown_issuer|self_signed)",
        "Nobody who is trusted here has signed the server's certificate. Give the CA with --cacert, or take "
        "any certificate with --insecure.",
    ),
    _known(
        r"^tls (hostname|ip_address)_mismatch",
        "The server's certificate is for another name than that of the URL. Use the name that it is for.",
    ),
    _known(
        r"^tls wrong_version_number|^tls http_request",
        "The port does not speak TLS. Perhaps the URL should begin with http://.",
    ),
    _known(
        r"no_application_protocol|^protocol http2",
        "The server speaks HTTP/2 only; load is sent as HTTP/1.1. Open its HTTP/1.1 port, or put a proxy "
        "between.",
    ),
    _known(
        r"^tls (tlsv13_alert_certificate_required|.*handshake_failure)",
        "The server wants a client certificate that it knows. Give one with --cert and --key.",
    ),
    _known(
        r"^tls\b",
        "No secure connection came about. The code is OpenSSL's own reason; the server's log has its side.",
    ),
    _known(
        r"^dns\b",
        "The host's name was looked up again (--resolve-every), and there was no address that may be loaded. "
        "Connections that were open stayed open.",
    ),
    _known(
        r"eaddrnotavail",
        "This machine has no local port left for the target: those of closed connections rest for a while. "
        "Keep connections alive, or widen net.ipv4.ip_local_port_range.",
    ),
    _known(
        r"\be[mn]file\b",
        "There are no file descriptors left. Raise the limit with ulimit -n, or use fewer connections.",
    ),
    _known(
        r"^timeout connect|^timeout tls",
        "The target took no connection in time. Its accept queue may be full, or something on the way drops "
        "packets; --connect-timeout says how long is waited.",
    ),
    _known(
        r"^timeout\b",
        "The answer did not come in time. Where the service waited, for the pool or the database, shows in "
        "its spans; a smaller pool queues in the service, a larger one in the database.",
        "max_open",
        "max_idle",
        "max_connections",
        "push_timeout",
    ),
    _known(
        r"^body\b",
        "The answer came whole, but is not what --expect asks for. What it was stands in the exemplars.",
    ),
    _known(
        r"econnrefused|^connect\b",
        "Nothing accepts connections at the target. See on the Stack screen whether the service runs.",
    ),
)


def known_error(*texts: str) -> Known | None:
    """The first known kind that one of the texts (message, type, `category code`) matches."""
    for known in _KNOWN:
        if any(known.pattern.search(text) for text in texts if text):
            return known
    return None


def governing(known: Known | None, knobs: Sequence[Knob]) -> tuple[Knob, ...]:
    """The present knobs that govern a known error, in the order of their weight."""
    if known is None:
        return ()
    by_name = {knob.name: knob for knob in knobs}
    return tuple(by_name[name] for name in known.knobs if name in by_name)
