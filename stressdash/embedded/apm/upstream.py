"""Where events are forwarded to, and how it is entered. Secrets come from the environment and stay inside."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from stressdash.errors import BadInput
from stressdash.urls import http_parts

__all__ = ["Upstream"]


@dataclass(frozen=True, slots=True)
class Upstream:
    """An Elasticsearch."""

    url: str
    authorization: str = field(default="", repr=False)
    """Value of the header; empty for none."""
    ca_file: str = ""
    fingerprint: str = ""
    """SHA-256 of the server's certificate, hexadecimal, with or without colons."""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self | None:
        """The one that STRESSDASH_FORWARD names, with the credentials of the STRESSDASH_ES_ variables.

        Raises:
            BadInput: it is no URL of HTTP, or it carries credentials, which would be shown.
        """
        url = environ.get("STRESSDASH_FORWARD", "").rstrip("/")
        if not url:
            return None
        parts = http_parts(url)
        if parts is None:
            raise BadInput("--forward wants the URL of an Elasticsearch, for instance http://127.0.0.1:9200")
        if parts.username or parts.password:
            raise BadInput(
                "--forward: credentials belong into STRESSDASH_ES_API_KEY or _PASSWORD, not the URL"
            )
        return cls(
            url,
            authorization(environ),
            environ.get("STRESSDASH_ES_CA", ""),
            environ.get("STRESSDASH_ES_FINGERPRINT", ""),
        )

    @property
    def shown(self) -> str:
        """The URL without what could be a secret."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))

    def headers(self) -> dict[str, str]:
        """Headers of every request."""
        return {"Authorization": self.authorization} if self.authorization else {}

    def trust(self) -> ssl.SSLContext | aiohttp.Fingerprint | bool:
        """What its certificate is held against.

        Raises:
            OSError: the CA file cannot be read, or holds no certificate.
        """
        if self.fingerprint:
            return aiohttp.Fingerprint(bytes.fromhex(self.fingerprint.replace(":", "")))
        return ssl.create_default_context(cafile=self.ca_file) if self.ca_file else True


def authorization(environ: Mapping[str, str]) -> str:
    """Value of the header for the credentials that are there."""
    if key := environ.get("STRESSDASH_ES_API_KEY", ""):
        return f"ApiKey {key}"
    if token := environ.get("STRESSDASH_ES_BEARER", ""):
        return f"Bearer {token}"
    if password := environ.get("STRESSDASH_ES_PASSWORD", ""):
        user = environ.get("STRESSDASH_ES_USER", "elastic")
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return ""
