"""TLS as the engine speaks it: HTTP/1.1 only, verified unless told otherwise.

OpenSSL works on the sockets themselves, non-blocking: with memory buffers between, a request cost the same.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from stressdash.errors import UsageError
from stressdash.load.transport import Transport

__all__ = ["make_context"]


def make_context(transport: Transport) -> ssl.SSLContext:
    """What each connection's handshake is made with.

    Raises:
        UsageError: a file of certificates or keys cannot be used; the sentence names its flag.
    """
    if transport.ca_file is not None:
        _check_readable("--cacert", transport.ca_file)
    try:
        context = ssl.create_default_context(cafile=transport.ca_file)
    except ssl.SSLError as error:
        raise UsageError(f"--cacert: {transport.ca_file!r} holds no certificate in PEM") from error
    if transport.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    if transport.cert_file is not None:
        _load_client(context, transport.cert_file, transport.key_file)
    return context


def _load_client(context: ssl.SSLContext, cert_file: str, key_file: str | None) -> None:
    _check_readable("--cert", cert_file)
    if key_file is not None:
        _check_readable("--key", key_file)
    try:
        context.load_cert_chain(cert_file, key_file, password=_no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UsageError("--key: it is not the key of the certificate in --cert") from error
        where = "--key" if key_file is not None else "--cert"
        raise UsageError(
            f"{where}: no certificate and key in PEM, without a passphrase, in {cert_file!r}"
            + (f" and {key_file!r}" if key_file is not None else "; give the key with --key FILE")
        ) from error


def _no_passphrase() -> str:
    """Keys are used without asking: OpenSSL would wait for someone at a terminal."""
    return ""


def _check_readable(flag: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise UsageError(f"{flag}: cannot read {path!r}: {error.strerror}") from error
