"""Each key is found on its line, whatever stands between."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from stressdash.scenario.lines import key_lines

TEXT = '''title = "a # [b]"
notes = """
[load]
x = 3
"""

[ load ]  # how hard
connections = 3
"quoted key" = [
  1,
  { y = 2 },
]
after.dotted = 4

[[request]]
path = "/1"
[[request]]
body = """one line"""
path = "/2"
[request.headers]
Accept = "x"
'''


class TestLines:
    def test_are_those_where_the_keys_stand(self) -> None:
        lines = key_lines(TEXT)
        assert lines[("title",)] == 1
        assert lines[("notes",)] == 2
        assert lines[("load",)] == 7
        assert lines[("load", "connections")] == 8
        assert lines[("load", "quoted key")] == 9
        assert lines[("load", "after", "dotted")] == 13
        assert lines[("request", 0, "path")] == 16
        assert lines[("request", 1)] == 17
        assert lines[("request", 1, "path")] == 19

    def test_of_text_within_strings_and_arrays_there_are_none(self) -> None:
        assert not {("x",), ("load", "x"), ("load", "y")} & set(key_lines(TEXT))

    @given(
        st.dictionaries(
            st.from_regex(r"[a-z]{1,6}", fullmatch=True),
            st.sampled_from(["1", '"s"', "'['", "[\n1,\n2]", '"""\nz = 1\n"""', "{ k = 1 }", "'''#'''"]),
            min_size=1,
        )
    )
    def test_every_key_of_a_table_is_found_where_it_was_written(self, entries: dict[str, str]) -> None:
        text, expected = "[t]\n", {}
        for key, value in entries.items():
            expected[key] = text.count("\n") + 1
            text += f"{key} = {value}\n"
        assert tomllib.loads(text)["t"].keys() == entries.keys()
        lines = key_lines(text)
        assert {key: lines[("t", key)] for key in entries} == expected
