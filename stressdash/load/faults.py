"""What went wrong, as a kind: category, code and a message whose variable parts are folded away.

A fault's kind must not depend on ids, addresses or times in its message, or each failed request would be a
kind of its own; but the number that names an error (`Error 1040`, `HTTP 503`, `SQLSTATE 42000`) is what one
looks for, so it stays. Texts from a server are data here: decoded, folded and bounded, never escaped.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import ssl
from http import HTTPStatus
from typing import Any, Final, NamedTuple

__all__ = [
    "MESSAGE_LIMIT",
    "FaultKind",
    "fold",
    "kind_of_answer",
    "kind_of_eof",
    "kind_of_handshake_error",
    "kind_of_lookup_error",
    "kind_of_os_error",
]

MESSAGE_LIMIT: Final = 200
"""Longest folded message, in characters."""

TWIRP_CODES: Final = frozenset(
    (
        "aborted", "already_exists", "bad_route", "canceled", "dataloss", "deadline_exceeded",
        "failed_precondition", "internal", "invalid_argument", "malformed", "not_found", "out_of_range",
        "permission_denied", "resource_exhausted", "unauthenticated", "unavailable", "unimplemented",
        "unknown",
    )
)  # fmt: skip
MESSAGE_FIELDS: Final = (
    "message",
    "msg",
    "error",
    "detail",
    "error_description",
    "title",
    "reason",
    "errors",
)

VARIABLE: Final = re.compile(
    r"""
      (?P<kept>\b(?:errors?|errno|err|code|http|status|sqlstate)\b[\s:=#(\[]*[0-9][0-9A-Za-z]*)
    | (?P<uuid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)
    | (?P<quoted>(?<!\w)'[^'\n]{1,200}'|"[^"\n]{1,200}"|`[^`\n]{1,200}`)
    | (?P<hex>\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b)
    | (?P<number>[0-9]+(?:\.[0-9]+)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)
LONE_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
"""JSON may spell them, UTF-8 cannot carry them."""
FOLDED: Final = {"uuid": "<uuid>", "quoted": "'…'", "hex": "<hex>", "number": "<n>"}


X509_CODES: Final = {
    9: "CERT_NOT_YET_VALID",
    10: "CERT_HAS_EXPIRED",
    18: "SELF_SIGNED_CERT",
    19: "SELF_SIGNED_CERT_IN_CHAIN",
    20: "UNKNOWN_ISSUER",
    21: "UNKNOWN_ISSUER",
    23: "CERT_REVOKED",
    26: "INVALID_PURPOSE",
    62: "HOSTNAME_MISMATCH",
    64: "IP_ADDRESS_MISMATCH",
}
"""OpenSSL's X509_V_ERR numbers."""
TLS_WORDS: Final = {
    "WRONG_VERSION_NUMBER": "no TLS in the answer: the port speaks something else, perhaps plain HTTP",
    "HTTP_REQUEST": "no TLS in the answer: the port speaks something else, perhaps plain HTTP",
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": "server takes no HTTP/1.1 (ALPN), perhaps HTTP/2 only",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "server asks for a client certificate (--cert)",
    "TLSV1_ALERT_UNKNOWN_CA": "server does not know who signed the client certificate",
    "TLSV1_ALERT_PROTOCOL_VERSION": "no TLS version that both sides speak",
    "UNSUPPORTED_PROTOCOL": "no TLS version that both sides speak",
}
"""OpenSSL's reasons that need other words."""
LOOKUP_CODES: Final = {
    getattr(socket, name): name
    for name in (
        "EAI_AGAIN",
        "EAI_FAIL",
        "EAI_NODATA",
        "EAI_NONAME",
        "EAI_FAMILY",
        "EAI_MEMORY",
        "EAI_SYSTEM",
    )
    if hasattr(socket, name)
}


class FaultKind(NamedTuple):
    """What makes two failures the same."""

    category: str
    code: str
    message: str


def fold(text: str) -> str:
    """The text on one line, numbers, hex, uuids and quoted values replaced, at most `MESSAGE_LIMIT` long.

    Numbers after `Error`, `errno`, `code`, `HTTP`, `status` or `SQLSTATE` stay.
    """
    line = " ".join(LONE_SURROGATE.sub("\ufffd", text[: 8 * MESSAGE_LIMIT]).split())
    folded = VARIABLE.sub(_fold_match, line)
    return folded if len(folded) <= MESSAGE_LIMIT else folded[: MESSAGE_LIMIT - 1] + "…"


def _fold_match(match: re.Match[str]) -> str:
    name = match.lastgroup or ""
    return match.group() if name == "kept" else FOLDED[name]


def kind_of_os_error(category: str, error: OSError) -> FaultKind:
    """Kind of a failed system call: the errno's name and the system's words for it; or what TLS refused."""
    if isinstance(error, ssl.SSLError):
        return _kind_of_tls_error(error)
    number = error.errno or 0
    return FaultKind(category, errno.errorcode.get(number, str(number)), os.strerror(number))


def kind_of_handshake_error(error: Exception) -> FaultKind:
    """Kind of a TLS handshake that failed."""
    if isinstance(error, ssl.SSLEOFError):
        return FaultKind("tls", "EOF", "server closed during the TLS handshake")
    if isinstance(error, OSError):
        return kind_of_os_error("tls", error)
    return FaultKind("tls", "NAME", fold(str(error)))


def _kind_of_tls_error(error: ssl.SSLError) -> FaultKind:
    """By OpenSSL's reason; where that is the certificate, by the reason why it does not hold."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = X509_CODES.get(error.verify_code, f"X509_{error.verify_code}")
        return FaultKind("tls", code, fold(error.verify_message.rstrip(".")))
    code = error.reason or _spelt_reason(str(error.strerror))
    return FaultKind("tls", code, TLS_WORDS.get(code, code.replace("_", " ").lower()))


def _spelt_reason(text: str) -> str:
    """OpenSSL's reason out of its words, where Python does not know its number."""
    match = re.fullmatch(r"\[\w+\] ([\w ]+) \(_ssl\.c:\d+\)", text)
    return match[1].upper().replace(" ", "_") if match else "SSL"


def kind_of_lookup_error(error: OSError) -> FaultKind:
    """Kind of a host name that could not be looked up: the resolver's code and words."""
    return FaultKind("dns", LOOKUP_CODES.get(error.errno or 0, str(error.errno)), fold(error.strerror or ""))


def kind_of_eof(*, answer_begun: bool) -> FaultKind:
    """Kind of a server's close before the whole answer had come."""
    where = "in the middle of the answer" if answer_begun else "before any answer"
    return FaultKind("read", "EOF", f"server closed {where}")


def kind_of_answer(status: int, body: bytes) -> FaultKind:
    """Kind of a full answer that reports an error: by its Twirp body, else by its status.

    Args:
        status: HTTP status, 400 or above.
        body: the answer's body or its beginning.
    """
    text = body.decode("utf-8", "replace").strip()
    content = _json_of(text)
    if isinstance(content, dict) and isinstance(code := content.get("code"), str) and code in TWIRP_CODES:
        return FaultKind("rpc", code, fold(str(content.get("msg", ""))))
    words = _words_of(content) if content is not None else _first_line(text)
    return FaultKind("http", str(status), fold(words) or _phrase(status))


def _json_of(text: str) -> Any:
    if text[:1] not in {"{", "["}:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _words_of(content: Any, depth: int = 0) -> str:
    """The message in an error body of any of the usual forms; empty when there is none."""
    if isinstance(content, str):
        return content
    if depth < 4 and isinstance(content, list) and content:
        return _words_of(content[0], depth + 1)
    if depth < 4 and isinstance(content, dict):
        for name in MESSAGE_FIELDS:
            if words := _words_of(content.get(name), depth + 1):
                return words
    return ""


def _first_line(text: str) -> str:
    if text.startswith("<"):
        title = re.search(r"<title>([^<]*)</title>", text, re.IGNORECASE)
        return title[1] if title else ""
    return text.partition("\n")[0]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"
