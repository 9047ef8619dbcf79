"""Thresholds read as in k6, complain in one sentence, and never pass for lack of evidence."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from window_factory import counts, window

from stressdash.errors import BadInput
from stressdash.metrics.measures import Reading, apm_measures, client_measures
from stressdash.metrics.thresholds import Outcome, evaluate, parse_threshold
from stressdash.metrics.window import RunTotals
from stressdash.samples import ApmSeries, RequestCounts

SERIES = ApmSeries(1_000, (), None, None, 0.1, 150.0, 140.0, 300.0, None, 2_000.0, 20.0)


class TestParse:
    @pytest.mark.parametrize(
        ("text", "metric", "aggregation", "limit"),
        [
            ("p(99)<200", "latency", "p", 200_000),
            ("p(99.9) <= 1.5s", "latency", "p", 1_500_000),
            ("avg<300us", "latency", "avg", 300),
            ("rate<0.01", "failed", "rate", 0.01),
            ("failed:rate < 1%", "failed", "rate", 0.01),
            ("count>1000", "requests", "count", 1_000),
            ("http_req_duration:med<5", "latency", "med", 5_000),
            ("http_reqs: rate>=100", "requests", "rate", 100),
            ("apm.latency:p(95)<300ms", "apm.latency", "p", 300_000),
            ("latency:count>20", "latency", "count", 20),
            ("goodput:rate>.5", "goodput", "rate", 0.5),
            ("failed<0.1%", "failed", "rate", 0.001),
            ("goodput >= 900", "goodput", "rate", 900),
            ("http_req_failed<0.01", "failed", "rate", 0.01),
        ],
    )
    def test_reads(self, text: str, metric: str, aggregation: str, limit: float) -> None:
        found = parse_threshold(text)
        assert (found.metric, found.aggregation, found.limit) == (metric, aggregation, pytest.approx(limit))

    def test_a_request_can_be_named(self) -> None:
        found = parse_threshold("http_req_duration{name:push stats}: p(50)<10", abort_on_fail=True, delay_s=5)
        assert (found.name, found.q, found.abort_on_fail, found.delay_s) == ("push stats", 0.5, True, 5)

    @pytest.mark.parametrize(
        ("text", "name", "metric"),
        [
            ("read:p(99)<200", "read", "latency"),
            ("GET /a b:rate<1%", "GET /a b", "failed"),
            ("write:count>9", "write", "requests"),
        ],
    )
    def test_the_name_alone_is_short_for_it(self, text: str, name: str, metric: str) -> None:
        found = parse_threshold(text)
        assert (found.name, found.metric) == (name, metric)

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            ("", "not of the form"),
            ("p(99)", "not of the form"),
            ("p(99)<", "not of the form"),
            ("p(99)=<2", "not of the form"),
            ("p(101)<2", "between 0 and 100"),
            ("p99<2", "latency has p"),
            ("latncy:p(9)<2", "did you mean 'latency'"),
            ("zzz{name:a}:p(9)<2", "there are latency"),
            ("latency:rate<2", "latency has p"),
            ("avg<2 parsecs", "us, ms, s or m"),
            ("requests:rate>5%", "plain number"),
            ("avg<5%", "not '%'"),
        ],
    )
    def test_complains_with_what_would_be_right(self, text: str, complaint: str) -> None:
        with pytest.raises(BadInput) as caught:
            parse_threshold(text)
        assert complaint in str(caught.value)

    @given(st.text(max_size=30))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        with contextlib.suppress(BadInput):
            assert parse_threshold(text).limit >= 0


class TestHeld:
    @pytest.mark.parametrize(
        ("text", "value", "held"),
        [
            ("avg<1us", 0.5, True),
            ("avg<1us", 1.0, False),
            ("avg<=1us", 1.0, True),
            ("avg>1us", 1.0, False),
            ("avg>=1us", 1.0, True),
            ("avg==1us", 1.0, True),
            ("avg!=1us", 1.0, False),
        ],
    )
    def test_compares(self, text: str, value: float, held: bool) -> None:
        assert Outcome(parse_threshold(text), Reading(value)).held is held

    def test_an_unknown_figure_holds_nothing(self) -> None:
        assert not Outcome(parse_threshold("avg<1"), Reading(None)).held
        assert not Outcome(parse_threshold("avg>1"), Reading(None)).held

    def test_a_lower_bound_can_show_more_but_never_less(self) -> None:
        bound = Reading(100.0, at_least=True)
        assert not Outcome(parse_threshold("avg<200us"), bound).held
        assert Outcome(parse_threshold("avg>50us"), bound).held
        assert not Outcome(parse_threshold("avg!=50us"), bound).held

    def test_a_lower_bound_holds_an_upper_limit_that_it_cannot_pass(self) -> None:
        bound = Reading(100.0, at_least=True, at_most=150.0)
        assert Outcome(parse_threshold("med<200us"), bound).held
        assert not Outcome(parse_threshold("med<120us"), bound).held

    @pytest.mark.parametrize(
        ("text", "reading", "broken"),
        [
            ("avg<200us", Reading(100.0), False),
            ("avg<200us", Reading(300.0), True),
            ("avg<200us", Reading(None), False),
            ("avg<200us", Reading(100.0, at_least=True), False),
            ("avg<200us", Reading(300.0, at_least=True), True),
            ("avg>200us", Reading(100.0, at_least=True), False),
        ],
    )
    def test_is_broken_only_when_that_is_certain(self, text: str, reading: Reading, broken: bool) -> None:
        assert Outcome(parse_threshold(text), reading).broken is broken


class TestSentence:
    @pytest.mark.parametrize(
        ("text", "reading", "sentence"),
        [
            ("p(99)<200", Reading(231_000.0), "threshold p(99)<200: 231ms"),
            ("max<200", Reading(231_000.0, at_least=True), "threshold max<200: >=231ms"),
            ("rate<0.01", Reading(0.25), "threshold rate<0.01: 0.25"),
            (
                "avg<1",
                Reading(None, why="nothing was measured"),
                "threshold avg<1: not known, nothing was measured",
            ),
        ],
    )
    def test_tells_what_came_of_it(self, text: str, reading: Reading, sentence: str) -> None:
        assert Outcome(parse_threshold(text), reading).sentence == sentence


class TestEvaluate:
    @pytest.mark.parametrize(
        ("text", "held"),
        [
            ("p(50)<200us", True),
            ("p(50)<50us", False),
            ("rate<0.3", True),
            ("failed:count<20", False),
            ("requests:rate>999", True),
            ("goodput:rate>999", False),
            ("corrected:avg<1s", False),
            ("apm.latency:p(95)<0.5", True),
            ("apm.failed:rate<1%", False),
            ("apm.requests:rate>100", True),
            ("latency{name:push}:p(50)<1s", False),
        ],
    )
    def test_holds_figures_of_client_and_service(self, text: str, held: bool) -> None:
        totals = RunTotals()
        totals.add(window(latency=[100] * 100, responses=100, completed=80, failed=20))
        measures = client_measures(totals) | apm_measures(SERIES, 10.0)
        assert evaluate(parse_threshold(text), measures).held is held

    def test_holds_figures_of_one_request(self) -> None:
        totals = RunTotals()
        read = RequestCounts(100, 0, 100, counts([100] * 100), {}, {}, {})
        write = RequestCounts(0, 100, 100, counts([9_000] * 100), {}, {}, {})
        totals.add(
            window(responses=200, completed=100, failed=100, by_request={"read": read, "write": write})
        )
        measures = client_measures(totals, {"read", "write"})
        found = [
            evaluate(parse_threshold(text), measures).held
            for text in ("read:p(50)<1", "write:p(50)<1", "read:rate<1%", "write:rate<1%", "read:count==100")
        ]
        assert found == [True, False, True, False, True]

    def test_the_only_request_has_the_figures_of_all(self) -> None:
        totals = RunTotals()
        totals.add(window(latency=[100] * 100, responses=100, completed=100))
        assert evaluate(parse_threshold("push:p(50)<1"), client_measures(totals, {"push"})).held
