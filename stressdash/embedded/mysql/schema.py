"""MySQL column definitions as SQLite columns that refuse what MySQL would refuse.

SQLite stores anything anywhere; the checks made here keep strict MySQL's rules for lengths, ranges and
character sets. A check's name (`length:property`) tells `faults` which MySQL error it stands for.
"""

from __future__ import annotations

from sqlglot import expressions as exp

from stressdash.embedded.mysql.faults import SqlFault

__all__ = ["create_table"]

KIND = exp.DataType.Type
RANGES = {
    KIND.TINYINT: (-(2**7), 2**7 - 1),
    KIND.UTINYINT: (0, 2**8 - 1),
    KIND.SMALLINT: (-(2**15), 2**15 - 1),
    KIND.USMALLINT: (0, 2**16 - 1),
    KIND.MEDIUMINT: (-(2**23), 2**23 - 1),
    KIND.UMEDIUMINT: (0, 2**24 - 1),
    KIND.INT: (-(2**31), 2**31 - 1),
    KIND.UINT: (0, 2**32 - 1),
    KIND.BIGINT: (-(2**63), 2**63 - 1),
    KIND.UBIGINT: (0, 2**63 - 1),
    KIND.BOOLEAN: (-(2**7), 2**7 - 1),
}
TEXTS = {KIND.CHAR, KIND.VARCHAR, KIND.TEXT, KIND.TINYTEXT, KIND.MEDIUMTEXT, KIND.LONGTEXT}
TIMES = {KIND.DATETIME, KIND.TIMESTAMP}
OTHERS = {
    KIND.FLOAT: "REAL",
    KIND.DOUBLE: "REAL",
    KIND.BLOB: "BLOB",
    KIND.LONGBLOB: "BLOB",
    KIND.VARBINARY: "BLOB",
    KIND.BINARY: "BLOB",
}


def create_table(create: exp.Create) -> str:
    """SQLite's CREATE TABLE for MySQL's.

    Raises:
        SqlFault: 1235 for column types and clauses that this server does not know.
    """
    schema = create.this
    if not isinstance(schema, exp.Schema):
        raise SqlFault(1235, "This server knows only CREATE TABLE with a list of columns")
    columns = [part for part in schema.expressions if isinstance(part, exp.ColumnDef)]
    keys = [part for part in schema.expressions if isinstance(part, exp.PrimaryKey)]
    key = [column.name for column in columns if column.find(exp.PrimaryKeyColumnConstraint)]
    key = key or [part.name for clause in keys for part in clause.expressions]
    rows = [_column(column, sole_key=key == [column.name]) for column in columns]
    rows += [f"PRIMARY KEY ({', '.join(map(_quoted, key))})"] if len(key) > 1 else []
    exists = "IF NOT EXISTS " if create.args.get("exists") else ""
    return f"CREATE TABLE {exists}{_quoted(schema.this.name)} ({', '.join(rows)})"


def _column(column: exp.ColumnDef, *, sole_key: bool) -> str:
    name, kind = column.name, column.kind
    if kind is None:
        raise SqlFault(1064, f"Column '{name}' has no type")
    required = column.find(exp.NotNullColumnConstraint)
    null = " NOT NULL" if required is not None and not required.args.get("allow_null") else ""
    default = column.find(exp.DefaultColumnConstraint)
    null += f" DEFAULT ({default.this.sql(dialect='sqlite')})" if default is not None else ""
    if kind.this in RANGES:
        low, high = RANGES[kind.this]
        declared = "INTEGER PRIMARY KEY" if sole_key else "INTEGER"
        return f"{_quoted(name)} {declared}{null} {_check('range', name, f'{{}} BETWEEN {low} AND {high}')}"
    null = f" PRIMARY KEY{null}" if sole_key else null
    if kind.this in TEXTS:
        checks = [_check("text", name, "typeof({}) <> 'blob'")]
        if kind.expressions:
            checks.append(_check("length", name, f"length({{}}) <= {int(kind.expressions[0].name)}"))
        return f"{_quoted(name)} TEXT{null} {' '.join(checks)}"
    if kind.this in TIMES:
        moment = "{0} IS NULL OR ({0} GLOB '[0-9][0-9][0-9][0-9]-*' AND datetime({0}) IS NOT NULL)"
        return f"{_quoted(name)} DATETIME{null} {_check('time', name, moment)}"
    if kind.this in OTHERS:
        return f"{_quoted(name)} {OTHERS[kind.this]}{null}"
    raise SqlFault(1235, f"This server does not know the type of column '{name}'")


def _check(rule: str, column: str, condition: str) -> str:
    return f"CONSTRAINT {_quoted(f'{rule}:{column}')} CHECK ({condition.format(_quoted(column))})"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
