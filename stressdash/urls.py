"""Which text is the URL of a server that speaks HTTP. What to say of another depends on where it stands."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

__all__ = ["http_parts"]


def http_parts(text: str) -> SplitResult | None:
    """Parts of an http or https URL with a host and, if any, a usable port; None of any other text."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
