"""Clients of the ends of a stack, made where one is attached to.

Their libraries (aiohttp, asyncmy) take a third as long to import as all else: a dashboard that has just been
called draws its first frame before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stressdash.stack.database import Database
    from stressdash.stack.service_client import ServiceClient

__all__ = ["database_end", "service_end"]


def service_end(url: str, token: str) -> ServiceClient:
    """The service at `url`, with the bearer token of its admin endpoint."""
    from stressdash.stack.service_client import ServiceClient

    return ServiceClient(url, token)


def database_end(dsn: str) -> Database:
    """The database, not yet connected to.

    Raises:
        BadInput: as `Dsn.parse`.
    """
    from stressdash.stack.database import Database

    return Database(dsn)
