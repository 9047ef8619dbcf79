"""The benchmarks can be trusted: their server counts and stamps, and their arithmetic holds."""

from __future__ import annotations

import importlib
import json
import os
import urllib.request
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import apm_events
from benchmarks.__main__ import FIGURES
from benchmarks.figure import Figure
from benchmarks.harness import Unavailable, compiled, interleaved, serve, started, wait_until
from benchmarks.soak import _broken, _slope_mb_per_min


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile the server here, not into the user's cache."""
    patch = pytest.MonkeyPatch()
    patch.setattr("benchmarks.harness.CACHE", tmp_path_factory.mktemp("cache"))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def compiler(own_cache: None, needs: Callable[[str], str]) -> None:
    """A C compiler that works, with taskset beside it."""
    needs("cc")
    needs("taskset")
    try:
        compiled()
    except Unavailable as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


def post(url: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, b"{}")) as answer:
        return answer.read()


@pytest.mark.usefixtures("compiler")
class TestServer:
    def test_counts_each_answer(self) -> None:
        with serve() as server:
            bodies = {post(server.url) for _ in range(5)}
            assert server.answers == 5
        assert {len(body) for body in bodies} == {50}

    def test_stamps_what_each_answer_took(self, tmp_path: Path) -> None:
        truth = tmp_path / "truth"
        with serve("fixed:3000", truth) as server:
            for _ in range(5):
                post(server.url)
        stamps = array("I", truth.read_bytes())
        assert len(stamps) == 5
        assert min(stamps) >= 3000

    def test_a_second_delay_is_drawn_by_its_share(self, tmp_path: Path) -> None:
        truth = tmp_path / "truth"
        with serve("bimodal:0:2000:0.5", truth) as server:
            for _ in range(60):
                post(server.url)
        slow = sum(stamp >= 2000 for stamp in array("I", truth.read_bytes()))
        assert 10 <= slow <= 60


class TestHarness:
    def test_runs_are_interleaved(self) -> None:
        order: list[str] = []
        found = interleaved({name: lambda name=name: order.append(name) for name in "ab"}, rounds=3)
        assert order == list("ababab")
        assert {name: len(runs) for name, runs in found.items()} == {"a": 3, "b": 3}

    def test_what_runs_seldom_runs_in_every_third_round(self) -> None:
        found = interleaved({"a": lambda: 1, "b": lambda: 2}, rounds=7, seldom={"b"})
        assert {name: len(runs) for name, runs in found.items()} == {"a": 7, "b": 3}

    def test_what_is_unavailable_is_dropped_and_the_rest_goes_on(self) -> None:
        def absent() -> None:
            raise Unavailable("not here")

        assert interleaved({"absent": absent, "present": lambda: 1}, rounds=2) == {"present": [1, 1]}

    def test_waiting_has_a_limit(self) -> None:
        with pytest.raises(Unavailable, match=r"within 0\.01 s"):
            wait_until(lambda: False, 0.01)

    def test_a_started_program_is_gone_afterwards(self) -> None:
        with started(["sleep", "60"]) as process:
            assert process.poll() is None
        assert process.poll() is not None


class TestFigures:
    @pytest.mark.parametrize("name", FIGURES)
    def test_each_listed_figure_can_be_measured(self, name: str) -> None:
        assert callable(importlib.import_module(f"benchmarks.{name}").measure)

    def test_a_figure_becomes_a_table_with_its_machine(self) -> None:
        figure = Figure("T", "How.", ("a", "b"), (("x", "1"), ("y", "22")), ("note",), "one machine")
        lines = figure.markdown().splitlines()
        assert lines[4:8] == ["| a | b |", "| --- | ---: |", "| x | 1 |", "| y | 22 |"]
        assert lines[-1] == "Measured on one machine."
        assert "x   1" in figure.plain()


class TestEventsOfApm:
    """What fills the stores is what agents send, and what the intake would make of it."""

    AT_US = 1_795_464_734_774_000

    @pytest.mark.parametrize("number", [20, 21], ids=["failed", "good"])
    def test_documents_are_those_that_the_intake_forwards(self, number: int) -> None:
        events = apm_events.Texts(apm_events.sent).call(number, self.AT_US).splitlines()
        forwarded = b"".join(apm_events.stored(json.loads(event)) for event in events)
        filled_in = apm_events.Texts(apm_events.stored).call(number, self.AT_US)
        assert list(map(json.loads, filled_in.splitlines())) == list(map(json.loads, forwarded.splitlines()))

    def test_one_call_in_twenty_fails_and_its_trace_is_known(self) -> None:
        texts = apm_events.Texts(apm_events.sent)
        failed = [number for number in range(100) if b'"error"' in texts.call(number, self.AT_US)]
        assert len(failed) == 100 / apm_events.FAILING
        traces = apm_events.failed_traces(lambda at_us: at_us // 10_000)(1000)
        assert traces == [apm_events.trace_id(number) for number in failed]

    def test_each_failed_call_tells_of_one_of_ten_groups(self) -> None:
        texts = apm_events.Texts(apm_events.stored)
        documents = [json.loads(texts.call(20 * turn, self.AT_US).splitlines()[-1]) for turn in range(20)]
        assert len({document["error"]["grouping_key"] for document in documents}) == 10
        assert len({document["error"]["grouping_name"] for document in documents}) == 2

    def test_calls_of_the_past_are_spread_over_the_time_that_they_took(self) -> None:
        clock = iter(range(1_000_000, 1_400_000, 100_000))
        past = apm_events.Past(lambda: next(clock))
        batches = list(past.batches(30, 10))
        assert [(first, times[0], times[-1], len(times)) for first, times in batches] == [
            (0, 1_000_000, 1_090_000, 10),
            (10, 1_100_000, 1_190_000, 10),
            (20, 1_200_000, 1_290_000, 10),
        ]
        assert [past.calls_at(at_us) for at_us in (1_050_000, 1_150_000, 1_300_000)] == [0, 10, 30]
        assert (past.began_ms, past.ended_ms) == (999, 1301)


REQUESTS = {"scheduled": 10, "completed": 9, "failed": 0, "in_flight_at_stop": 1}
REPORT = {"requests": REQUESTS, "audit": {"lost": 0}}


class TestSoak:
    def test_a_slope_is_per_minute_and_leaves_the_start_out(self) -> None:
        samples = [(float(at), 100.0 if at < 20 else at / 60) for at in range(100)]
        assert _slope_mb_per_min(samples) == pytest.approx(1.0)

    def test_a_clean_run_breaks_nothing(self) -> None:
        assert not _broken(REPORT, {"dashboard": 0.5}, [])

    @pytest.mark.parametrize(
        ("report", "slope", "left"),
        [
            ({"requests": REQUESTS | {"scheduled": 11}}, 0.0, []),
            ({"audit": {"lost": 1}}, 0.0, []),
            ({}, 1.5, []),
            ({}, 0.0, ["python -m service"]),
        ],
    )
    def test_each_limit_is_watched(self, report: dict, slope: float, left: list[str]) -> None:
        assert len(_broken(REPORT | report, {"dashboard": slope}, left)) == 1
