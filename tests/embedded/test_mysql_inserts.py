from __future__ import annotations

import string

import pytest
import sqlglot
from asyncmy.converters import escape_item
from hypothesis import example, given
from hypothesis import strategies as st
from sqlglot import expressions as exp

from stressdash.embedded.mysql.inserts import Insert, recognise

texts = st.text(st.characters(exclude_categories=["Cs"]))
integers = st.integers(-(2**63), 2**64 - 1)
values = st.none() | texts | integers | st.binary()


def statement(rows: list[tuple[object, ...]]) -> bytes:
    """An insert as asyncmy sends it."""
    columns = ", ".join(f"c{number}" for number in range(len(rows[0])))
    groups = ", ".join(
        f"({', '.join(str(escape_item(value, 'utf8mb4')) for value in values)})" for values in rows
    )
    return " ".join(("INSERT INTO t", f"({columns})", "VALUES", groups)).encode("utf-8", "surrogateescape")


def as_stored(value: object) -> object:
    """Bytes arrive as the text that they spell, if they do: the statement does not tell them apart."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value
    return value


rows_of_one_width = st.integers(1, 8).flatmap(
    lambda width: st.lists(st.tuples(*[values] * width), min_size=1, max_size=4)
)


class TestAgreement:
    @given(rows_of_one_width)
    @example([("it's", 'a\\b"c', "\0\n\r\t\x1a\b", "%_\\%", "''", ") , (")])
    @example([(b"\xff'\\", b"", b"ok")])
    def test_every_value_that_asyncmy_escapes_is_read_back(self, rows: list[tuple[object, ...]]) -> None:
        insert = recognise(statement(rows))
        assert insert is not None
        assert insert.rows == [tuple(map(as_stored, row)) for row in rows]

    @given(st.text(string.printable, max_size=30).map(lambda text: text.replace("\\", "\\\\")), integers)
    def test_the_parser_would_have_read_the_same(self, text: str, number: int) -> None:
        quoted = text.replace("'", "''")
        sql = " ".join(("INSERT INTO t (a, b, c) VALUES", f"('{quoted}', {number}, NULL)"))
        insert = recognise(sql.encode())
        parsed = sqlglot.parse_one(sql, dialect="mysql").find(exp.Tuple)
        assert insert is not None
        assert parsed is not None
        assert insert.rows[0][0] == parsed.expressions[0].name
        assert insert.rows[0][1] == int(parsed.expressions[1].sql())

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_floats_are_read_back(self, number: float) -> None:
        insert = recognise(statement([(number,)]))
        assert insert is not None
        assert insert.rows == [(number,)]


class TestForm:
    @pytest.mark.parametrize(
        "sql",
        [
            "INSERT INTO t (a, b) VALUES (1, 'x')",
            "insert into t(a,b)values(1,'x')",
            "  INSERT\n\tINTO  `t` ( `a` , b )\nVALUES ( 1 , 'x' ) ; ",
        ],
    )
    def test_case_quotes_and_blanks_do_not_matter(self, sql: str) -> None:
        assert recognise(sql.encode()) == Insert("t", ("a", "b"), [(1, "x")])

    @pytest.mark.parametrize(
        "sql",
        [
            "",
            "SELECT 1",
            "INSERT INTO t VALUES (1)",
            "INSERT IGNORE INTO t (a) VALUES (1)",
            "INSERT INTO t (a) VALUES (NOW())",
            "INSERT INTO t (a) VALUES (1 + 1)",
            "INSERT INTO t (a) VALUES (0x10)",
            "INSERT INTO t (a) VALUES (12ab)",
            "INSERT INTO t (a) VALUES ('a' 'b')",
            'INSERT INTO t (a) VALUES ("a")',
            "INSERT INTO t (a) VALUES (_binary'a')",
            "INSERT INTO t (a) VALUES (DEFAULT)",
            "INSERT INTO t (a) VALUES (NULLIF)",
            "INSERT INTO t (a) VALUES ('open)",
            "INSERT INTO t (a) VALUES ('open\\')",
            "INSERT INTO t (a, b) VALUES (1)",
            "INSERT INTO t (a) VALUES (1, 2)",
            "INSERT INTO t (a) VALUES (1), (2",
            "INSERT INTO t (a) VALUES (1),",
            "INSERT INTO t (a) VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
            "INSERT INTO t (a) VALUES (1); DROP TABLE t",
            "INSERT INTO t (a) VALUES (1) -- more",
            "INSERT INTO t (a) /* c */ VALUES (1)",
            "INSERT INTO d.t (a) VALUES (1)",
            "INSERT INTO t (a b) VALUES (1)",
            "INSERT INTO t () VALUES ()",
            "INSERT INTO t (`a) VALUES (1)",
            "REPLACE INTO t (a) VALUES (1)",
            "INSERT INTO t (a) VALUES (999999999999999999999)",
        ],
    )
    def test_anything_else_is_left_to_the_parser(self, sql: str) -> None:
        assert recognise(sql.encode()) is None

    @given(st.binary())
    def test_junk_is_never_recognised(self, junk: bytes) -> None:
        assert recognise(junk) is None

    @given(rows_of_one_width, st.data())
    def test_a_statement_cut_short_is_not_recognised(
        self, rows: list[tuple[object, ...]], data: st.DataObject
    ) -> None:
        whole = statement(rows[:1])
        assert recognise(whole[: data.draw(st.integers(0, len(whole) - 1))]) is None

    def test_a_long_string_full_of_escapes_takes_one_pass(self) -> None:
        insert = recognise(statement([("\\'" * 100_000,)]))
        assert insert is not None
        assert insert.rows == [("\\'" * 100_000,)]
        assert recognise(b"INSERT INTO t (a) VALUES ('" + b"\\'" * 100_000) is None
