"""The JSON of a run is what its schema says, no more and no less, and comes back as it went out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import jsonschema
import pytest

from stressdash.errors import BadInput
from stressdash.report.build import RunFacts, build_report
from stressdash.report.run_json import RunReport, json_schema, load, to_json

VALIDATOR = jsonschema.Draft202012Validator(
    json_schema(), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
)
FREE = {"knobs", "plan", "statuses"}
"""Objects whose keys are names, not fields."""


def objects(value: Any, name: str = "") -> Iterator[dict[str, Any]]:
    """All objects with fixed fields inside a value, itself included."""
    if isinstance(value, dict) and name not in FREE:
        yield value
        for key, inner in value.items():
            yield from objects(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


@pytest.fixture
def plain(report: RunReport) -> dict[str, Any]:
    return json.loads(to_json(report))


class TestSchema:
    def test_is_itself_valid(self) -> None:
        VALIDATOR.check_schema(json_schema())

    def test_a_full_report_obeys_it(self, plain: dict[str, Any]) -> None:
        assert list(VALIDATOR.iter_errors(plain)) == []

    def test_a_report_of_nothing_obeys_it(self, folded: Any) -> None:
        nothing = {"explained": None, "apm": None, "audit": None, "knobs": (), "marks": (), "windows": ()}
        empty = type(folded.totals)()
        bare = build_report(
            RunFacts(**folded.arguments | nothing | {"totals": empty, "errors": (), "by_category": {}})
        )
        found = json.loads(to_json(bare))
        assert list(VALIDATOR.iter_errors(found)) == []
        assert found["requests_per_second"] is None
        assert found["audit"]["lost"] is None
        assert found["latency_us"]["p99"] is None

    def test_every_lacking_field_is_a_deviation(self, plain: dict[str, Any]) -> None:
        for number, original in enumerate(objects(plain)):
            for key in original:
                changed = deepcopy(plain)
                del list(objects(changed))[number][key]
                assert not VALIDATOR.is_valid(changed), key

    def test_every_unknown_field_is_a_deviation(self, plain: dict[str, Any]) -> None:
        for number, original in enumerate(objects(plain)):
            changed = deepcopy(plain)
            list(objects(changed))[number]["surprise"] = 1
            assert not VALIDATOR.is_valid(changed), sorted(original)

    def test_every_value_of_a_wrong_type_is_a_deviation(self, plain: dict[str, Any]) -> None:
        for number, original in enumerate(objects(plain)):
            for key, value in original.items():
                changed = deepcopy(plain)
                list(objects(changed))[number][key] = 7 if isinstance(value, dict) else {"a": 7}
                assert not VALIDATOR.is_valid(changed), key

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("schema",), "stressdash.run/2"),
            (("verdict", "status"), "fine"),
            (("latency_basis",), "guessed"),
            (("started",), "yesterday"),
            (("requests", "failed"), -1),
            (("failed_share",), 1.5),
            (("interference", "share"), 1.2),
            (("latency_us", "at_least"), ["p42"]),
            (("machine", "cores"), 0),
            (("statuses",), {"OK": 1}),
        ],
    )
    def test_values_out_of_their_range_are_deviations(
        self, plain: dict[str, Any], path: tuple[str, ...], value: object
    ) -> None:
        inner = plain
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value
        assert not VALIDATOR.is_valid(plain)


class TestRoundTrip:
    def test_a_report_comes_back_as_it_went_out(self, report: RunReport) -> None:
        assert load(to_json(report)) == report

    def test_times_are_told_in_utc(self, folded: Any) -> None:
        east = timezone(timedelta(hours=5))
        moved = build_report(
            RunFacts(**folded.arguments | {"started": datetime(2026, 1, 2, 3, 4, 5, tzinfo=east)})
        )
        assert moved.started == "2026-01-01T22:04:05.000Z"

    def test_another_version_is_refused_by_name(self, report: RunReport) -> None:
        with pytest.raises(BadInput, match=r"stressdash\.run/9"):
            load(to_json(replace(report, schema="stressdash.run/9")))

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "stressdash.run/1"}', "\x00"])
    def test_what_is_no_report_is_refused(self, text: str) -> None:
        with pytest.raises(BadInput):
            load(text)

    def test_untrusted_text_stays_data(self, report: RunReport) -> None:
        nasty = 'quote " and \x1b[31m and \u2028 and </script>'
        assert load(to_json(replace(report, scenario=nasty))).scenario == nasty
