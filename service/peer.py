"""The address a request came from: the first hop of X-Forwarded-For, else X-Real-IP, else the peer.

Clients write those headers, so only what reads as an IP address is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address

__all__ = ["is_loopback", "is_private", "remote_ip"]

LONGEST_ADDRESS = 45
"""An IPv6 address with an embedded IPv4 one, written out."""


def remote_ip(headers: Mapping[str, str], peer: str | None) -> str:
    """The client's address in its canonical form; empty when nothing tells it."""
    first_hop = headers.get("X-Forwarded-For", "").partition(",")[0]
    for text in (first_hop, headers.get("X-Real-IP"), peer):
        if text and (address := _canonical(text.strip())):
            return address
    return ""


def is_loopback(peer: str | None) -> bool:
    """Whether a peer's address is this machine's own."""
    address = _canonical(peer or "")
    return bool(address) and ip_address(address).is_loopback


def is_private(peer: str | None) -> bool:
    """Whether a peer's address is this machine's own, or of a private network as containers have them."""
    address = _canonical(peer or "")
    return bool(address) and ip_address(address).is_private


@lru_cache(maxsize=4096)
def _canonical(text: str) -> str:
    if len(text) > LONGEST_ADDRESS or "%" in text:
        return ""
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
