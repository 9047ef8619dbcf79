"""One client's SQL: what mysql-mimic answers by itself, plus status, global variables, and the tables.

SELECT, DELETE and the like are translated by sqlglot into SQLite's dialect.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from typing import Any

from mysql_mimic.intercept import expression_to_value
from mysql_mimic.session import Session
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from stressdash.embedded.mysql.faults import SqlFault
from stressdash.embedded.mysql.schema import create_table
from stressdash.embedded.mysql.status import LIMITS, Status, Variables
from stressdash.embedded.mysql.store import Reading, Store, Write

__all__ = ["ADMIN", "DATABASE", "USER", "ClientSession"]

DATABASE = "stats"
USER = "stats"
ADMIN = "stressdash"
PROCESS_COLUMNS = ("Id", "User", "Host", "db", "Command", "Time", "State", "Info")
Processes = Callable[[], list[tuple[Any, ...]]]
Result = tuple[Any, Any]
EMPTY: Result = ([], [])


class ClientSession(Session):  # type: ignore[misc]  # the library has no types
    """One session.

    Args:
        variables: the session's view of the variables.
        status: the server's counters.
        store: the database file.
        processes: rows of SHOW PROCESSLIST.
    """

    def __init__(self, variables: Variables, status: Status, store: Store, processes: Processes) -> None:
        super().__init__(variables)
        self.affected_rows = 0
        """Of the last statement."""
        self.warnings: list[tuple[str, int, str]] = []
        """(level, code, message) of the last statement, other than SHOW WARNINGS."""
        self._told: list[tuple[str, int, str]] = []
        self._status = status
        self._store = store
        self._processes = processes

    async def handle_query(self, sql: str, attrs: dict[str, str]) -> Any:
        """Run one statement. Errors are `MysqlError`s with the codes of MySQL."""
        self.affected_rows = 0
        self._told, self.warnings = self.warnings, []
        try:
            return await super().handle_query(sql, attrs)
        except SqlglotError as error:
            problem = str(error).splitlines()[0]
            raise SqlFault(1064, f"You have an error in your SQL syntax: {problem}") from error

    async def use(self, database: str) -> None:
        """Change the default database: there is one."""
        if database.lower() not in (DATABASE, "information_schema"):
            raise SqlFault(1049, f"Unknown database '{database}'")
        await super().use(database)

    async def query(self, expression: exp.Expression, _sql: str, _attrs: dict[str, str]) -> Any:
        """Run a statement on the tables."""
        for table in expression.find_all(exp.Table):
            if table.db.lower() == DATABASE:
                table.set("db", None)
        if isinstance(expression, exp.Query):
            self._status.com_select += 1
            reading = await self._store.read(expression.sql(dialect="sqlite"))
            return _rows(reading), list(reading.columns)
        self.affected_rows = await self._store.write(_write(expression))
        return EMPTY

    async def schema(self) -> dict[str, dict[str, dict[str, str]]]:
        """Tables for SHOW TABLES and the information schema."""
        tables = self._store.columns.items()
        return {DATABASE: {table: dict.fromkeys(sorted(columns), "TEXT") for table, columns in tables}}

    async def _commit_middleware(self, q: Any) -> Any:
        if isinstance(q.expression, exp.Commit):
            self._status.com_commit += 1
        return await super()._commit_middleware(q)

    def _set_variable(self, setitem: exp.SetItem) -> None:
        left = setitem.this.left
        scope = left.text("kind") if isinstance(left, exp.SessionParameter) else setitem.text("kind")
        if scope.upper() == "GLOBAL":
            self._set_global(left.name.lower(), expression_to_value(setitem.this.right))
        else:
            super()._set_variable(setitem)

    def _set_global(self, name: str, value: Any) -> None:
        if self.username != ADMIN:
            raise SqlFault(
                1227,
                "Access denied; you need (at least one of) the SUPER or SYSTEM_VARIABLES_ADMIN privilege(s) "
                "for this operation",
            )
        variables = self.variables.global_variables
        _, _, dynamic = variables.get_schema(name)
        if not dynamic:
            raise SqlFault(1238, f"Variable '{name}' is a read only variable")
        if name == "max_connections":
            value = self._clamped(name, value)
        variables.set(name, value)

    def _clamped(self, name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise SqlFault(1232, f"Incorrect argument type to variable '{name}'")
        low, high = LIMITS
        clamped = min(max(value, low), high)
        if clamped != value:
            self.warnings = [("Warning", 1292, f"Truncated incorrect {name} value: '{value}'")]
        return clamped

    async def _show(self, expression: exp.Show) -> Any:
        kind = expression.name.upper()
        if kind == "STATUS":
            rows = self._status.rows(self._store.writes, self._store.commits)
            return _liked(expression, rows), ["Variable_name", "Value"]
        if kind == "VARIABLES":
            return _liked(expression, _texts(self.variables.list())), ["Variable_name", "Value"]
        if kind == "PROCESSLIST":
            return self._processes(), list(PROCESS_COLUMNS)
        if kind == "WARNINGS":
            self.warnings = self._told
            return self.warnings, ["Level", "Code", "Message"]
        return await super()._show(expression)


def _write(expression: exp.Expression) -> Write:
    if isinstance(expression, exp.TruncateTable):
        return Write(exp.delete(expression.expressions[0]).sql(dialect="sqlite"))
    if isinstance(expression, exp.Create):
        return Write(create_table(expression), changes_schema=True)
    if isinstance(expression, exp.Insert | exp.Delete | exp.Update):
        return Write(expression.sql(dialect="sqlite"))
    if isinstance(expression, exp.Drop):
        return Write(expression.sql(dialect="sqlite"), changes_schema=True)
    raise SqlFault(1235, f"This server does not know {expression.key.upper()} statements of this form")


async def _rows(reading: Reading) -> AsyncIterator[tuple[Any, ...]]:
    async for chunk in reading.chunks:
        for row in chunk:
            yield row


def _texts(rows: list[tuple[str, Any]]) -> list[tuple[str, str]]:
    words = {True: "ON", False: "OFF", None: ""}
    return [
        (name, words[value] if value is None or isinstance(value, bool) else str(value))
        for name, value in rows
    ]


def _liked(show: exp.Show, rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Rows whose name fits the LIKE pattern, or a name or pattern of the WHERE clause; in any case."""
    where = show.args.get("where")
    patterns = [show.text("like")] if where is None else [text.name for text in where.find_all(exp.Literal)]
    expression = "|".join(map(_regular, patterns))
    return [row for row in rows if not expression or re.fullmatch(expression, row[0], re.IGNORECASE)]


def _regular(pattern: str) -> str:
    """A LIKE pattern as a regular expression."""
    wild = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    return "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
