"""Everything that the service raises on purpose, one class per kind so that APM groups them apart.

ServiceError
├── BadConfiguration            the environment or a knob holds a value that cannot be used
├── InvalidRequest              a push lacks something ("missing id")
├── PushTimeout                 push_timeout ran out ("context deadline exceeded")
├── PoolClosed                  the service is on its way out
├── SiblingSilent               another process of the service does not answer
└── DatabaseError               "Error <errno>: <message>", raised by `service.database`
    ├── TooManyConnections      1040, 1203, 1226
    ├── AccessDenied            1044, 1045, 1698
    ├── UnknownDatabase         1049
    ├── MissingTable            1146
    ├── DuplicateId             1062
    ├── LockWaitTimeout         1205
    ├── Deadlock                1213
    ├── DatabaseUnreachable     2002, 2003, 2005: no connection could be made
    └── DatabaseGone            1053, 1927, 2006, 2013, 4031, ...: an open connection ended
"""

from __future__ import annotations

__all__ = [
    "AccessDenied",
    "BadConfiguration",
    "DatabaseError",
    "DatabaseGone",
    "DatabaseUnreachable",
    "Deadlock",
    "DuplicateId",
    "InvalidRequest",
    "LockWaitTimeout",
    "MissingTable",
    "PoolClosed",
    "PushTimeout",
    "ServiceError",
    "SiblingSilent",
    "TooManyConnections",
    "UnknownDatabase",
    "database_error",
]


class ServiceError(Exception):
    """The root."""


class BadConfiguration(ServiceError):
    """A setting or knob holds a value that cannot be used; the text is one sentence for the operator."""


class SiblingSilent(ServiceError):
    """Another process of the service does not answer."""


class InvalidRequest(ServiceError):
    """A request that decodes but lacks what it needs."""


class PushTimeout(ServiceError):
    """A push did not finish within `push_timeout`."""


class PoolClosed(ServiceError):
    """The connection pool takes no more work."""


class DatabaseError(ServiceError):
    """The database, or the way to it, refused; the text reads as Go's MySQL driver writes it."""

    def __init__(self, errno: int, message: str) -> None:
        super().__init__(f"Error {errno}: {message}")
        self.errno = errno


class TooManyConnections(DatabaseError):
    """The server has no connection left."""


class AccessDenied(DatabaseError):
    """User or password are wrong, or rights are missing."""


class UnknownDatabase(DatabaseError):
    """The schema does not exist."""


class MissingTable(DatabaseError):
    """A table does not exist."""


class DuplicateId(DatabaseError):
    """A row with this id is there already."""


class LockWaitTimeout(DatabaseError):
    """Waited too long for a lock."""


class Deadlock(DatabaseError):
    """Chosen as the victim of a deadlock."""


class DatabaseUnreachable(DatabaseError):
    """No connection could be made."""


class DatabaseGone(DatabaseError):
    """An open connection ended."""


_KINDS: dict[int, type[DatabaseError]] = {
    1040: TooManyConnections,
    1203: TooManyConnections,
    1226: TooManyConnections,
    1044: AccessDenied,
    1045: AccessDenied,
    1698: AccessDenied,
    1049: UnknownDatabase,
    1053: DatabaseGone,
    1062: DuplicateId,
    1146: MissingTable,
    1205: LockWaitTimeout,
    1213: Deadlock,
    1927: DatabaseGone,
    2002: DatabaseUnreachable,
    2003: DatabaseUnreachable,
    2005: DatabaseUnreachable,
    2006: DatabaseGone,
    2013: DatabaseGone,
    2014: DatabaseGone,
    2055: DatabaseGone,
    4031: DatabaseGone,
}


def database_error(errno: int, message: str) -> DatabaseError:
    """The error of the class that fits a MySQL error number; 0 stands for a connection that just ended."""
    if errno == 0:
        return DatabaseGone(2006, message)
    return _KINDS.get(errno, DatabaseError)(errno, message)
