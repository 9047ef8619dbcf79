"""The service's configuration, read once from the environment, and the knobs that change while it runs.

One table of readers serves both: what `STATS_MAX_OPEN=x` may hold is what the knob `max_open` may be set to.
Passwords and tokens appear in no message and no repr.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from service.errors import BadConfiguration
from service.pool import Limits

__all__ = ["INHERIT", "KNOBS", "SHIELD", "Dsn", "Knobs", "Settings"]

INHERIT = "inherit"
SHIELD = "shield"
MOST_WORKERS = 64
MOST_COUNTED = 999_999_999


@dataclass(frozen=True, slots=True)
class Dsn:
    """Where the database is and who asks: `mysql://user:password@host:port/database[?unix_socket=PATH]`."""

    user: str
    password: str = field(repr=False)
    host: str
    port: int
    database: str
    unix_socket: str | None = None

    @classmethod
    def parse(cls, text: str) -> Dsn:
        """Read a DSN.

        Raises:
            BadConfiguration: it has another form.
        """
        form = "STATS_DSN must have the form mysql://user:password@host:port/database"
        try:
            url = urlsplit(text)
            port = url.port or 3306
            sockets = parse_qs(url.query, strict_parsing=True).get("unix_socket") if url.query else None
        except ValueError:
            raise BadConfiguration(form) from None
        database = unquote(url.path.removeprefix("/"))
        if url.scheme != "mysql" or not database or "/" in database or not (url.hostname or sockets):
            raise BadConfiguration(form)
        return cls(
            user=unquote(url.username or "root"),
            password=unquote(url.password or ""),
            host=url.hostname or "localhost",
            port=port,
            database=database,
            unix_socket=sockets[0] if sockets else None,
        )


def _is_between(text: str, least: int, most: int) -> bool:
    """Whether it is a whole number in a range; digits are counted first, as Python reads no endless ones."""
    return text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most


def _count(text: str) -> int:
    if not _is_between(text, 0, MOST_COUNTED):
        raise ValueError("a whole number from 0 on")
    return int(text)


def _number(text: str, most: float, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise ValueError(what)
    return value


def _seconds(text: str) -> float:
    return _number(text, 1e9, "a number of seconds from 0 on")


def _share(text: str) -> float:
    return _number(text, 1, "a number from 0 to 1")


def _cancellation(text: str) -> str:
    if text not in {INHERIT, SHIELD}:
        raise ValueError(f"{INHERIT} or {SHIELD}")
    return text


def _switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise ValueError("on or off")
    return text == "on"


KNOBS: Mapping[str, Callable[[str], Any]] = {
    "max_open": _count,
    "max_idle": _count,
    "conn_max_lifetime": _seconds,
    "cancellation": _cancellation,
    "push_timeout": _seconds,
    "sampling": _share,
    "apm": _switch,
}
"""Knob names with their readers; a reader raises ValueError with what it wants instead."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """What can be changed while the service runs."""

    limits: Limits = field(default_factory=Limits)
    cancellation: str = INHERIT
    push_timeout_s: float = 0.0
    """0: none."""
    sampling: float = 0.1
    apm: bool = False

    def changed(self, values: Mapping[str, str]) -> Knobs:
        """These knobs with some turned; `values` maps names of `KNOBS` to text.

        Raises:
            BadConfiguration: a name or value that does not exist; nothing is changed then.
        """
        read: dict[str, Any] = {}
        for name, text in values.items():
            if name not in KNOBS:
                raise BadConfiguration(f"there is no knob {name!r}; the knobs are {', '.join(KNOBS)}")
            try:
                read[name] = KNOBS[name](text)
            except ValueError as wanted:
                raise BadConfiguration(f"{name} must be {wanted}, not {text!r}") from None
        limits = self.limits
        return Knobs(
            limits=Limits(
                max_open=read.get("max_open", limits.max_open),
                max_idle=read.get("max_idle", limits.max_idle),
                conn_max_lifetime_s=read.get("conn_max_lifetime", limits.conn_max_lifetime_s),
            ),
            cancellation=read.get("cancellation", self.cancellation),
            push_timeout_s=read.get("push_timeout", self.push_timeout_s),
            sampling=read.get("sampling", self.sampling),
            apm=read.get("apm", self.apm),
        )


@dataclass(frozen=True, slots=True)
class Settings:
    """All of the configuration."""

    host: str
    port: int
    """0: any free one."""
    dsn: Dsn
    admin_token: str | None = field(repr=False)
    """None: no admin endpoint."""
    admin_private: bool
    """Whether the admin endpoint answers private networks besides this machine."""
    apm_server_url: str | None
    apm_secret_token: str | None = field(repr=False)
    knobs: Knobs
    workers: int = 1
    """Processes that share the port."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read `STATS_*` and `ELASTIC_APM_*`; empty counts as not set.

        Raises:
            BadConfiguration: something is missing or cannot be used.
        """
        given = {name: text for name, text in environment.items() if text}
        if "STATS_DSN" not in given:
            raise BadConfiguration(
                "STATS_DSN is not set; it must be mysql://user:password@host:port/database"
            )
        apm_server_url = given.get("ELASTIC_APM_SERVER_URL")
        values = {name: given[f"STATS_{name.upper()}"] for name in KNOBS if f"STATS_{name.upper()}" in given}
        values.setdefault("apm", "on" if apm_server_url else "off")
        try:
            knobs = Knobs().changed(values)
        except BadConfiguration as error:
            raise BadConfiguration(f"STATS_*: {error}") from None
        if knobs.apm and not apm_server_url:
            raise BadConfiguration("STATS_APM is on, but ELASTIC_APM_SERVER_URL is not set")
        return cls(
            host=given.get("STATS_HOST", "127.0.0.1"),
            port=_port(given.get("STATS_PORT", "3000")),
            dsn=Dsn.parse(given["STATS_DSN"]),
            admin_token=given.get("STATS_ADMIN_TOKEN"),
            admin_private=_peers(given.get("STATS_ADMIN_PEERS", "loopback")),
            apm_server_url=apm_server_url,
            apm_secret_token=given.get("ELASTIC_APM_SECRET_TOKEN"),
            knobs=knobs,
            workers=_workers(given.get("STATS_WORKERS", "1")),
        )


def _peers(text: str) -> bool:
    if text not in {"loopback", "private"}:
        raise BadConfiguration(f"STATS_ADMIN_PEERS must be loopback or private, not {text!r}")
    return text == "private"


def _workers(text: str) -> int:
    if not _is_between(text, 1, MOST_WORKERS):
        raise BadConfiguration(f"STATS_WORKERS must be a number from 1 to {MOST_WORKERS}, not {text!r}")
    return int(text)


def _port(text: str) -> int:
    if not _is_between(text, 0, 65_535):
        raise BadConfiguration(f"STATS_PORT must be a port number from 0 to 65535, not {text!r}")
    return int(text)
