"""Fields of templates: each is what it says, the same in every run of the seed, and spread over its range."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import BadInput
from stressdash.load.field import Source, parse_field
from stressdash.load.rows import Rows, read_rows
from stressdash.load.template import Template

USERS = Rows("users", ("id", "name"), (("1", '"ann"'), ("2", '"b o\\"b"'), ("3", "null")))


def values(text: str, count: int = 5, seed: int = 0, place: str = "body", **changes: object) -> list[str]:
    rows = {"users": changes.get("rows", USERS)}
    bound = Template.parse(text.encode()).bind(Source(9, seed, rows), place)  # type: ignore[arg-type]
    return [bound.render(number).decode() for number in range(1, count + 1)]


class TestNumbers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("{{request}}", "1 2 3 4 5"),
            ("{{counter}}", "0 1 2 3 4"),
            ("{{counter 100}}", "100 101 102 103 104"),
            ("{{counter 10 -5}}", "10 5 0 -5 -10"),
            ("{{ counter  7..9 }}", "7 8 9 7 8"),
            ("{{random 4..4}}", "4 4 4 4 4"),
            ("{{run}}", "9 9 9 9 9"),
        ],
    )
    def test_follow_from_the_number_of_the_request(self, text: str, expected: str) -> None:
        assert values(text) == expected.split()

    def test_random_ones_fill_their_range_evenly(self) -> None:
        found = Counter(values("{{random -2..7}}", 5_000))
        assert set(found) == {str(number) for number in range(-2, 8)}
        assert min(found.values()) > 400

    @given(st.integers(0, 2**63), st.integers(1, 10**12))
    def test_any_seed_and_number_stay_within(self, seed: int, number: int) -> None:
        bound = Template.parse(b"{{random 1..6}}").bind(Source(1, seed))
        assert 1 <= int(bound.render(number)) <= 6


class TestTexts:
    def test_strings_have_their_length_and_no_favourite_letter(self) -> None:
        found = values("{{string 20}}", 500)
        assert all(re.fullmatch("[A-Za-z0-9]{20}", text) for text in found)
        letters = Counter("".join(found))
        assert len(letters) == 62
        assert max(letters.values()) < 2 * min(letters.values())

    def test_hex_is_hexadecimal(self) -> None:
        assert all(re.fullmatch("[0-9a-f]{33}", text) for text in values("{{hex 33}}"))

    def test_uuids_are_valid_and_never_the_same(self) -> None:
        found = values("{{uuid}}", 2_000)
        assert len(set(found)) == 2_000
        assert {uuid.UUID(text).version for text in found} == {4}
        assert {uuid.UUID(text).variant for text in found} == {uuid.RFC_4122}

    def test_choices_are_all_taken(self) -> None:
        assert set(values("{{choice red | dark blue|}}", 60)) == {"red", "dark blue", ""}


class TestRepeating:
    FIELDS = "{{random 1..1000000}} {{uuid}} {{string 9}} {{choice a|b|c|d}}"

    def test_the_same_seed_makes_the_same_values(self) -> None:
        assert values(self.FIELDS, 50, seed=3) == values(self.FIELDS, 50, seed=3)

    def test_another_seed_makes_others(self) -> None:
        assert values(self.FIELDS, seed=3) != values(self.FIELDS, seed=4)

    def test_each_place_has_chances_of_its_own(self) -> None:
        first, other = values("{{uuid}} {{uuid}}", 1)[0].split()
        assert first != other
        assert values("{{uuid}}", place="path") != values("{{uuid}}", place="body")


class TestColumns:
    def test_rows_come_one_after_the_other_and_again(self) -> None:
        assert values("{{users.id}}={{users.name}}") == ["1=ann", '2=b o"b', "3=", "1=ann", '2=b o"b']

    def test_columns_of_a_random_row_are_of_the_same_row(self) -> None:
        rows = Rows("users", USERS.columns, USERS.cells, "random")
        found = Counter(values("{{users.id}}={{users.name}}", 90, rows=rows))
        assert set(found) == {"1=ann", '2=b o"b', "3="}

    def test_json_quotes_them(self) -> None:
        assert values("{{json users.name}}", 3) == ['"ann"', '"b o\\"b"', "null"]

    def test_a_path_has_them_encoded(self) -> None:
        assert values("/{{users.name}}", 2, place="path") == ["/ann", "/b%20o%22b"]

    def test_a_header_takes_no_line_break(self) -> None:
        rows = Rows("users", ("name",), (('"a\\r\\nX: y"',),))
        with pytest.raises(BadInput, match="line break"):
            values("{{users.name}}", place="header", rows=rows)

    @pytest.mark.parametrize(
        ("text", "match"),
        [("{{people.id}}", "no rows have the name"), ("{{users.age}}", "they have id, name")],
    )
    def test_unknown_ones_are_told_with_those_there_are(self, text: str, match: str) -> None:
        with pytest.raises(BadInput, match=match):
            values(text)


class TestRefusals:
    @pytest.mark.parametrize(
        "text",
        [
            *("", "random", "random 1-5", "random 5..1", "string", "string 0", "string 99999", "choice"),
            *("choice a", "uuid 4", "hex x", "request 1", "counter a", "users.", ".id"),
        ],
    )
    def test_name_what_is_no_field(self, text: str) -> None:
        with pytest.raises(BadInput, match=r"field"):
            parse_field(text)


class TestFiles:
    def write(self, folder: Path, name: str, text: str) -> Path:
        (folder / name).write_text(text)
        return folder / name

    def test_csv_has_its_columns_in_the_first_line(self, tmp_path: Path) -> None:
        path = self.write(tmp_path, "u.csv", 'id,name\n1,ann\n\n2,"b, ""c"""\n')
        assert read_rows("u", path) == Rows("u", ("id", "name"), (('"1"', '"ann"'), ('"2"', '"b, \\"c\\""')))

    def test_json_lines_keep_their_types(self, tmp_path: Path) -> None:
        path = self.write(
            tmp_path, "u.jsonl", '{"id":1,"on":true,"n":null,"s":"x"}\n{"s":"y","n":2.5,"on":false,"id":2}\n'
        )
        assert read_rows("u", path, "random").cells == (
            ("1", "true", "null", '"x"'),
            ("2", "false", "2.5", '"y"'),
        )

    @pytest.mark.parametrize(
        ("name", "text", "match"),
        [
            ("u.csv", "", "it is empty"),
            ("u.csv", "id,name\n", "no row in it"),
            ("u.csv", "id,name\n1,a\n2\n", "line 3: 1 cells where the first line names 2"),
            ("u.csv", 'id\n"a\n', "line 2: no valid CSV"),
            ("u.csv", "id,id\n1,2\n", "line 1: a column is named twice"),
            ("u.csv", "id,\n1,2\n", "line 1: '' cannot name a column"),
            ("u.jsonl", '{"a":1}\n{"b":1}\n', "line 2: it has b where the first has a"),
            ("u.jsonl", '{"a":1}\n{"a":\n', "line 2: no valid JSON"),
            ("u.jsonl", "[1]\n", "line 1: a row is a JSON object"),
            ("u.jsonl", '{"a":[1]}\n', "line 1: 'a' is a list or an object"),
            ("u.txt", "a", "ends in .csv"),
        ],
    )
    def test_what_cannot_be_used_is_told_with_its_line(
        self, tmp_path: Path, name: str, text: str, match: str
    ) -> None:
        with pytest.raises(BadInput, match=re.escape(match)):
            read_rows("u", self.write(tmp_path, name, text))

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="No such file"):
            read_rows("u", tmp_path / "none.csv")

    def test_bytes_that_are_no_text_are_told(self, tmp_path: Path) -> None:
        (tmp_path / "u.csv").write_bytes(b"id\n\xff\n")
        with pytest.raises(BadInput, match="not UTF-8"):
            read_rows("u", tmp_path / "u.csv")
