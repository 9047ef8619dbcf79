"""MySQL's error codes, and what an SQLite error is called in MySQL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mysql_mimic.errors import MysqlError

__all__ = ["SqlFault", "from_sqlite"]

SQLSTATES = {
    1040: b"08004",
    1044: b"42000",
    1045: b"28000",
    1047: b"08S01",
    1048: b"23000",
    1049: b"42000",
    1050: b"42S01",
    1051: b"42S02",
    1053: b"08S01",
    1054: b"42S22",
    1062: b"23000",
    1064: b"42000",
    1146: b"42S02",
    1227: b"42000",
    1231: b"42000",
    1232: b"42000",
    1235: b"42000",
    1264: b"22003",
    1406: b"22001",
}


class SqlFault(MysqlError):  # type: ignore[misc]  # the library has no types
    """An error as it goes over the wire: code, SQLSTATE and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message, code)
        self.code: int = code
        self.msg: str = message

    def packet(self) -> bytes:
        """Payload of the error packet."""
        state = SQLSTATES.get(self.code, b"HY000")
        return b"\xff" + self.code.to_bytes(2, "little") + b"#" + state + self.msg.encode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Rule:
    """Which MySQL error stands for an SQLite message; its template takes the pattern's groups."""

    pattern: re.Pattern[str]
    code: int
    template: str


RULES = [
    Rule(re.compile(pattern), code, template)
    for pattern, code, template in (
        (r"CHECK constraint failed: length:(\w+)", 1406, "Data too long for column '{}' at row 1"),
        (r"CHECK constraint failed: range:(\w+)", 1264, "Out of range value for column '{}' at row 1"),
        (r"CHECK constraint failed: text:(\w+)", 1366, "Incorrect string value for column '{}' at row 1"),
        (r"CHECK constraint failed: time:(\w+)", 1292, "Incorrect datetime value for column '{}' at row 1"),
        (r"UNIQUE constraint failed: (?:\w+\.)?(\w+)", 1062, "Duplicate entry for key '{}'"),
        (r"NOT NULL constraint failed: (?:\w+\.)?(\w+)", 1048, "Column '{}' cannot be null"),
        (r"no such table: (?:main\.)?(\w+)", 1146, "Table 'stats.{}' doesn't exist"),
        (r"no such column: ([\w.]+)", 1054, "Unknown column '{}' in 'field list'"),
        (r"has no column named (\w+)", 1054, "Unknown column '{}' in 'field list'"),
        (r"table \W?(\w+)\W? already exists", 1050, "Table '{}' already exists"),
        (r"(.*syntax error.*)", 1064, "You have an error in your SQL syntax: {}"),
        (r"^(database or disk is full)", 1021, "Disk full; nothing of this statement was stored: {}"),
        (r"^(Python int too large.*)", 1264, "Out of range value: integers have at most 63 bits here"),
    )
]


def from_sqlite(error: Exception) -> SqlFault:
    """What MySQL would say where SQLite (or its Python binding) said this."""
    text = str(error)
    name = getattr(error, "sqlite_errorname", None) or type(error).__name__
    if name.startswith("SQLITE_IOERR"):
        return SqlFault(1026, f"Error writing the database file ({name}: {text})")
    for rule in RULES:
        if match := rule.pattern.search(text):
            return SqlFault(rule.code, rule.template.format(*match.groups()))
    return SqlFault(1105, f"{name}: {text}")
