from __future__ import annotations

import json
import shlex

import pytest

from stressdash.errors import UsageError
from stressdash.load.plan import Plan
from stressdash.scenario import find_scenario, scenario_layer
from stressdash.session.choose import with_scenario
from stressdash.session.commandlines import as_curl, as_wrk
from stressdash.session.plan import build_plan, planned_seconds
from stressdash.settings import Settings, resolve


def plan_of(name: str, *layers: dict[str, tuple[str, object]]) -> Plan:
    scenario = find_scenario(name)
    settings = resolve(scenario_layer(scenario), *layers)
    return build_plan(
        settings,
        scenario,
        base_url="http://127.0.0.1:3000",
        run_id=7,
        connections=settings.connections,
        duration_s=settings.duration_s,
        rate=settings.rate,
    )


class TestPlans:
    def test_an_act_becomes_a_plan_against_the_service_of_the_stack(self) -> None:
        plan = plan_of("act1")
        assert (plan.url, plan.connections, plan.duration_s) == ("http://127.0.0.1:3000", 400, 15.0)
        assert (plan.timeout_s, plan.stop) == (2.0, "abort")
        assert plan.requests[0].path == "/twirp/stats.StatsService/Push"
        assert plan.has_identity

    def test_flags_override_the_scenario(self) -> None:
        plan = plan_of(
            "act1",
            {
                "connections": ("--connections", "3"),
                "duration_s": ("--duration", "2s"),
                "headers": ("--header", (("content-type", "text/plain"), ("X-Extra", "1"))),
                "body": ("--body", b"hello"),
            },
        )
        assert (plan.connections, plan.duration_s) == (3, 2.0)
        assert plan.requests[0].headers == (("content-type", "text/plain"), ("X-Extra", "1"))
        assert plan.requests[0].body == b"hello"

    @pytest.mark.parametrize(("body", "method"), [(None, "GET"), (b"x", "POST")])
    def test_a_bare_url_is_fetched_and_a_body_is_posted(self, body: bytes | None, method: str) -> None:
        settings = Settings(url="http://127.0.0.1:1/x?y=1", body=body)
        plan = build_plan(settings, None, base_url="", run_id=1, connections=2, duration_s=1.0, rate=None)
        assert (plan.url, plan.requests[0].method) == ("http://127.0.0.1:1/x?y=1", method)

    def test_a_head_request_cannot_carry_a_body(self) -> None:
        settings = Settings(url="http://127.0.0.1:1/", method="HEAD", body=b"x")
        with pytest.raises(UsageError, match="cannot carry"):
            build_plan(settings, None, base_url="", run_id=1, connections=1, duration_s=1.0, rate=None)


class TestShapes:
    def test_stages_are_of_connections_or_of_the_rate_where_there_is_one(self) -> None:
        stages = {"stages": ("--stages", "ramp 5..9 2s, hold 1s")}
        closed, opened = plan_of("act1", stages), plan_of("act1", stages, {"rate": ("--rate", "7")})
        assert (closed.shapes, closed.peak("connections"), closed.length_s) == ("connections", 9, 3)
        assert (opened.shapes, opened.peak("rate"), opened.rate) == ("rate", 9, 7)

    def test_a_shape_of_the_rate_is_not_one_of_the_closed_loop(self) -> None:
        settings = Settings(url="http://127.0.0.1:1/", rate=5.0, stages="hold 5 1s")
        plan = build_plan(settings, None, base_url="", run_id=1, connections=2, duration_s=1.0, rate=None)
        assert plan.stages == ()

    def test_the_length_of_a_run_is_that_of_its_shape(self) -> None:
        assert planned_seconds(Settings(stages="hold 5 1s, soak 3s")) == 4
        assert planned_seconds(Settings(duration_s=None)) is None


class TestOtherToolsLines:
    def test_curl_sends_the_first_request_once(self) -> None:
        plan = plan_of("act1")
        words = shlex.split(as_curl(plan))
        assert words[-1] == "http://127.0.0.1:3000/twirp/stats.StatsService/Push"
        body = json.loads(words[words.index("--data-binary") + 1])
        assert body == {"property": "news", "section": plan.run_tag, "id": 1}

    def test_a_hostile_body_stays_one_shell_word(self) -> None:
        plan = plan_of("act1", {"body": ("--body", b"'; rm -rf / #\n$(id)")})
        words = shlex.split(as_curl(plan))
        assert "'; rm -rf / #\n$(id)" in words

    def test_curl_connects_as_the_run_does(self) -> None:
        files = {"ca_file": ("--cacert", "my ca.pem"), "unix_socket": ("--unix-socket", "/run/s")}
        words = shlex.split(as_curl(plan_of("act1", files)))
        assert words[words.index("--cacert") + 1] == "my ca.pem"
        assert words[words.index("--unix-socket") + 1] == "/run/s"
        assert "--insecure" in shlex.split(as_curl(plan_of("act1", {"insecure": ("-k", True)})))

    def test_wrk_gets_its_script_beside_the_line(self) -> None:
        line, _, script = as_wrk(plan_of("act1")).partition("\n")
        assert shlex.split(line)[:4] == ["wrk", "-d15s", "-t4", "-c400"]
        assert 'wrk.method = "POST"' in script
        assert 'wrk.headers["Content-Type"] = "application/json"' in script


class TestChoosingAnotherScenario:
    def test_keeps_what_was_said_explicitly(self) -> None:
        first = resolve(
            scenario_layer(find_scenario("act1")),
            {"duration_s": ("--duration", "3s"), "knobs": ("--knob", {"max_open": "9"})},
        )
        second = with_scenario(first, find_scenario("act3"))
        assert (second.scenario, second.connections, second.duration_s) == ("act3", 100, 3.0)
        assert second.timeout_s == 30.0
        assert (second.knobs["max_open"], second.knobs["cancellation"]) == ("9", "shield")
        assert second.origin("connections") == "scenario act3"
