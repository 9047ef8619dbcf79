"""Requests of a run out of flags and scenario, and their copies for other tools."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stressdash.commands.run import parser
from stressdash.errors import BadInput, UsageError
from stressdash.flags import settings_of
from stressdash.load.plan import Plan
from stressdash.session.commandlines import as_curl, as_wrk
from stressdash.session.plan import build_plan

URL = "http://127.0.0.1:8080/base"


def plan_of(*words: str, **changes: Any) -> Plan:
    settings, scenario = settings_of(parser().parse_all(words))
    arguments: dict[str, Any] = {
        "base_url": URL,
        "run_id": 41,
        "connections": 2,
        "duration_s": 1.0,
        "rate": None,
    }
    return build_plan(settings, scenario, **arguments | changes)


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    """A scenario with everything that requests can have."""
    (tmp_path / "users.csv").write_text("id,name\n1,ann\n2,bob\n")
    (tmp_path / "token").write_text("t0ps3cret\n")
    file = tmp_path / "shop.toml"
    file.write_text(f"""
title = "Shop"
[target]
url = "{URL}"
[rows.users]
file = "users.csv"
order = "random"
[[request]]
name = "read"
method = "GET"
path = "/users/{{{{users.id}}}}"
weight = 3
expect = ["status=200"]
secret_headers = {{ Authorization = "Bearer file:{tmp_path / "token"}" }}
[[request]]
name = "write"
path = "/users"
body = '{{"name":{{{{json users.name}}}}}}'
""")
    return str(file)


class TestMix:
    def test_makes_several_requests(self, tmp_path: Path) -> None:
        (tmp_path / "body").write_bytes(b"from file")
        plan = plan_of(
            *(URL, "--mix", "read:3 get /items?n={{request}}", "--mix", "write POST /items {a b}"),
            *("--mix", f"file PUT /f @{tmp_path / 'body'}", "-H", "X-A: 1", "--expect", "status=2xx"),
        )
        assert [(one.name, one.weight, one.method, one.path, one.body) for one in plan.requests] == [
            ("read", 3, "GET", "/items?n={{request}}", b""),
            ("write", 1, "POST", "/items", b"{a b}"),
            ("file", 1, "PUT", "/f", b"from file"),
        ]
        assert {one.headers for one in plan.requests} == {(("X-A", "1"),)}
        assert {one.expect for one in plan.requests} == {("status=2xx",)}

    @pytest.mark.parametrize("text", ["read", "read GET", "read GET items", "read: GET /", "read:0 GET /"])
    def test_another_form_is_refused_with_the_flag(self, text: str) -> None:
        with pytest.raises(BadInput, match=r"--mix: .*(NAME|weight)"):
            plan_of(URL, "--mix", text)


class TestScenario:
    def test_says_all_of_it(self, scenario: str) -> None:
        plan = plan_of(scenario)
        read, write = plan.requests
        assert (read.weight, read.expect, read.secrets[0].words) == (3, ("status=200",), "Bearer")
        assert plan.rows[0].order == "random"
        assert b"json users.name" in write.body

    def test_flags_take_the_place_of_its_headers_and_rows(
        self, scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OTHER_TOKEN", "abc")
        (tmp_path / "u.jsonl").write_text('{"id": 7, "name": "eve"}\n')
        plan = plan_of(
            *(scenario, "--secret-header", "authorization=env:OTHER_TOKEN"),
            *("--rows", f"users={tmp_path / 'u.jsonl'}", "--expect", "body~x"),
        )
        assert [header.source for header in plan.requests[0].secrets] == ["env:OTHER_TOKEN"]
        assert plan.rows[0].cells == (("7", '"eve"'),)
        assert plan.requests[0].expect == ("status=200", "body~x")

    @pytest.mark.parametrize(
        ("before", "after", "match"),
        [
            ('order = "random"', 'order = "any"', "line 7"),
            ('order = "random"', 'oder = "random"', "line 7.*did you mean 'order'"),
            ("status=200", "status=2000", "line 13.*expectation"),
            ("Bearer file:", "Bearer ", "line 14.*never the value"),
        ],
    )
    def test_slips_are_told_with_their_line(self, scenario: str, before: str, after: str, match: str) -> None:
        file = Path(scenario)
        file.write_text(file.read_text().replace(before, after))
        with pytest.raises(BadInput, match=match):
            plan_of(scenario)

    def test_a_column_that_rows_do_not_have_is_told(self, scenario: str) -> None:
        file = Path(scenario)
        file.write_text(file.read_text().replace("users.id", "users.key"))
        with pytest.raises(BadInput, match="no column 'key'; they have id, name"):
            plan_of(scenario)


class TestScripts:
    def test_take_the_place_of_a_scenarios_requests(self, tmp_path: Path) -> None:
        (tmp_path / "x.lua").write_text("-- nothing")
        plan = plan_of("act1", "--script", str(tmp_path / "x.lua"), "-H", "X-A: 1", "--", "one", "two")
        assert plan.script is not None
        assert (plan.script.text, plan.script.arguments) == (b"-- nothing", ("one", "two"))
        assert [(one.method, one.body, one.headers) for one in plan.requests] == [
            ("GET", b"", (("X-A", "1"),))
        ]
        assert not plan.has_identity
        assert f"-s {tmp_path / 'x.lua'}" in as_wrk(plan)
        assert as_wrk(plan).endswith(" -- one two")

    def test_of_a_scenario_lie_beside_it(self, scenario: str, tmp_path: Path) -> None:
        (tmp_path / "y.lua").write_text("-- beside")
        file = Path(scenario)
        file.write_text(f'script = "y.lua"\nscript_args = ["a"]\n{file.read_text()}')
        plan = plan_of(scenario)
        assert plan.script is not None
        assert (plan.script.text, plan.script.arguments) == (b"-- beside", ("a",))

    def test_make_all_requests_themselves(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="both say what to send"):
            plan_of(URL, "--script", "x.lua", "--mix", "a GET /")

    def test_that_cannot_be_read_are_told(self) -> None:
        with pytest.raises(BadInput, match=r"the script 'none\.lua': No such file"):
            plan_of(URL, "--script", "none.lua")


class TestSecrets:
    def test_the_plan_and_its_copies_hold_none(self, scenario: str) -> None:
        plan = plan_of(scenario)
        for text in (repr(plan), as_curl(plan), as_wrk(plan)):
            assert "t0ps3cret" not in text

    def test_the_curl_line_reads_it_where_it_is(
        self, scenario: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = as_curl(plan_of(scenario)).replace("curl", "printf '%s\\n'", 1)
        shown = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
        assert "Authorization: Bearer t0ps3cret" in shown.splitlines()

        monkeypatch.setenv("MY_TOKEN", 'a"$b')
        line = as_curl(plan_of(URL, "--secret-header", 'X-Key=odd "$HOME" env:MY_TOKEN'))
        line = line.replace("curl", "printf '%s\\n'", 1)
        shown = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True).stdout
        assert 'X-Key: odd "$HOME" a"$b' in shown.splitlines()

    def test_the_wrk_script_reads_it_where_it_is(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MY_TOKEN", "x")
        text = as_wrk(plan_of(URL, "--secret-header", "Authorization=Bearer env:MY_TOKEN"))
        assert 'wrk.headers["Authorization"] = "Bearer " .. os.getenv("MY_TOKEN")' in text

    @pytest.mark.parametrize("name", ["Authorization", "cookie", "X-Api-Key"])
    def test_a_plain_header_of_a_telling_name_is_blotted_out(self, name: str) -> None:
        plan = plan_of(URL, "-H", f"{name}: hush", "-H", "X-Plain: {{request}}")
        for text in (as_curl(plan), as_wrk(plan)):
            assert "hush" not in text
            assert "***" in text
        assert "X-Plain: 1" in shlex.split(as_curl(plan))

    def test_one_that_cannot_be_read_is_told_with_its_flag(self) -> None:
        with pytest.raises(BadInput, match=r"--secret-header: .*UNSET_TOKEN, which is not set"):
            plan_of(URL, "--secret-header", "A=env:UNSET_TOKEN")


class TestForeignFlags:
    @pytest.mark.parametrize(
        ("words", "match"),
        [
            (["-u", "me:secret"], "--secret-header"),
            (["-ume:secret"], "--secret-header"),
            (["--data", "a=1"], "--body"),
            (["--data-raw=a"], "--body"),
            (["-d", '{"a":1}'], "curl's -d is --body"),
            (["--request", "POST"], "-X METHOD"),
            (["-s"], "-s/--script needs a value"),
            (["-s", "http://127.0.0.1/"], "--quiet"),
            (["-L"], "redirects"),
            (["-F", "a=@b"], "forms"),
            (["-A", "me"], "User-Agent"),
            (["-I"], "-X HEAD"),
            (["--http2"], "only HTTP/1.1"),
            (["--", "a"], "--script FILE"),
        ],
    )
    def test_are_refused_with_the_right_name(self, words: list[str], match: str) -> None:
        with pytest.raises(UsageError, match=match) as caught:
            plan_of(URL, *words)
        assert "secret" not in str(caught.value).replace("--secret-header", "")

    def test_those_of_wrk_mean_what_they_mean_there(self, tmp_path: Path) -> None:
        (tmp_path / "x.lua").write_text("")
        words = f"-t2 -c10 -d3s -T4s --latency -H X:1 -s {tmp_path / 'x.lua'} {URL} -- a b"
        settings, scenario = settings_of(parser().parse_all(words.split()))
        assert (settings.workers, settings.connections, settings.duration_s) == (2, 10, 3.0)
        assert (settings.timeout_s, settings.headers) == (4.0, (("X", "1"),))
        assert settings.script_args == ("a", "b")
        assert scenario is None
