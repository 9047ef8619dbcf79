"""The join of client faults with APM, held request by request against what each request was.

The plan sends five kinds of requests in turn, so a request's number tells what it lacked, and what the
service must say of it; one kind is whole, and fails only where the database has no connection left. What the
client saw, what the agent reported under the request's own trace id, and what the number says must agree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from stressdash.load.trace import parse_trace_id, trace_id_of
from stressdash.samples import Fault, Outcome
from stressdash.scenario import Load, Scenario, ScenarioRequest
from stressdash.session import Session, make_session
from stressdash.settings import Settings

PATH = "/twirp/stats.StatsService/Push"
TOO_MANY = "Error 1040: Too many connections"
BODIES = {
    TOO_MANY: '{"property":"news","section":{{run}},"id":{{request}}}',
    "missing property": '{"section":{{run}},"id":{{request}}}',
    "invalid property": '{"property":"olds","section":{{run}},"id":{{request}}}',
    "missing id": '{"property":"news","section":{{run}}}',
    "missing section": '{"property":"news","id":{{request}}}',
}
KINDS = tuple(BODIES)
AT_LEAST = 1_000

pytestmark = pytest.mark.serial


@pytest.fixture
async def session(state: Path) -> AsyncIterator[Session]:
    """A session on the embedded stack, with few database connections and none kept idle."""
    scenario = Scenario(
        title="five ways to fail",
        name="failures",
        load=Load(),
        request=tuple(
            ScenarioRequest(message, path=PATH, headers={"Content-Type": "application/json"}, body=body)
            for message, body in BODIES.items()
        ),
    )
    settings = Settings(
        stack="embedded",
        state=state,
        scenario=scenario.name,
        connections=60,
        duration_s=None,
        max_requests=3_000,
        workers=2,
        knobs={"max_connections": "6", "max_idle": "0", "sampling": "0.1"},
    )
    made = make_session(settings, scenario)
    await made.open()
    yield made
    await made.close()


def meant(number: int, workers: int) -> str:
    """What the service must say of the request with this number: each worker sends the kinds in turn."""
    return KINDS[number // workers % len(KINDS)]


class TestJoin:
    async def test_the_group_of_each_of_a_thousand_failed_requests_is_what_its_client_saw(
        self, session: Session
    ) -> None:
        await session.start_load()
        report = await session.finished()
        assert report is not None
        run, source = session.run, session.source
        assert run is not None
        assert source is not None
        ledger = run.fleet.ledger
        assert ledger is not None
        run_id, workers = run.plan.run_id, report.generator.workers
        seen = client_view(run.faults.top())

        # what the client saw is what its number says
        assert set(seen) <= set(ledger.numbers(Outcome.REJECTED))
        assert {number: meant(number, workers) for number in seen} == seen

        # and what APM holds under the request's own trace id: its groups, and the service's own error
        assert session.apm is not None
        names = {
            group.key: set(group.names)
            for group in await source.error_groups(session.apm.from_ms, session.clock.wall_ms())
        }
        ids = {number: trace_id_of(run_id, (number - 1) % workers, number) for number in seen}
        groups_of = await source.groups_of(list(ids.values()))
        checked = Random(run_id).sample(sorted(seen), AT_LEAST)
        for number in checked:
            trace_id = ids[number]
            (key,) = groups_of[trace_id]
            sample = await source.sample_of_trace(trace_id)
            assert sample is not None
            assert (sample.trace_id, sample.group, sample.message) == (trace_id, key, seen[number])
        assert [number for number in seen if seen[number] not in names[groups_of[ids[number]][0]]] == []

        # so the report names for each fault a group that holds its message, and explains all of them
        assert {fault.message for fault in report.faults} == set(KINDS)
        assert all(fault.message in names[fault.apm_group or ""] for fault in report.faults)
        assert report.faults_explained is not None
        assert report.faults_explained.share == pytest.approx(1.0, abs=0.01)


def client_view(faults: tuple[Fault, ...]) -> dict[int, str]:
    """Message by request number, of all trace ids that the engine kept."""
    return {
        identity.number: fault.message
        for fault in faults
        for trace_id in fault.trace_ids
        if (identity := parse_trace_id(trace_id)) is not None
    }
