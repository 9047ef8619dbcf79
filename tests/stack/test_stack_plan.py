"""What the supervisor does next, by a simulation that obeys every action."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stressdash.samples import ComponentState
from stressdash.stack.plan import DOWN, Action, Deed, Part, next_deadline, plan

ABSENT, STARTING, RUNNING = ComponentState.ABSENT, ComponentState.STARTING, ComponentState.RUNNING
STOPPING, STOPPED, FAILED = ComponentState.STOPPING, ComponentState.STOPPED, ComponentState.FAILED
STATES = (ABSENT, STARTING, RUNNING, STOPPING, STOPPED, FAILED)


def parts(*states: ComponentState, wanted: bool) -> list[Part]:
    """Parts named a, b, c ... in the order of their start."""
    return [Part(name, wanted, state) for name, state in zip("abc", states, strict=False)]


class TestStarts:
    def test_what_is_wanted_and_down_starts_in_order(self) -> None:
        assert plan(parts(ABSENT, STOPPED, wanted=True), 0) == (
            Action(Deed.START, "a"),
            Action(Deed.START, "b"),
        )

    def test_what_failed_stays_down(self) -> None:
        assert plan(parts(FAILED, wanted=True), 0) == ()

    def test_what_runs_or_is_about_to_is_left_alone(self) -> None:
        assert plan(parts(RUNNING, STARTING, STOPPING, wanted=True), 0) == ()


class TestStops:
    def test_the_last_that_started_stops_first(self) -> None:
        assert plan(parts(RUNNING, RUNNING, RUNNING, wanted=False), 0) == (Action(Deed.STOP, "c"),)

    def test_the_next_waits_until_it_is_down(self) -> None:
        assert plan(parts(RUNNING, RUNNING, STOPPING, wanted=False), 0) == ()
        assert plan(parts(RUNNING, RUNNING, STOPPED, wanted=False), 0) == (Action(Deed.STOP, "b"),)

    def test_one_that_is_wanted_behind_it_does_not_hold_it_up(self) -> None:
        database, service = Part("database", False, RUNNING), Part("service", True, RUNNING)
        assert plan([database, service], 0) == (Action(Deed.STOP, "database"),)

    def test_a_start_in_progress_can_be_stopped(self) -> None:
        assert plan(parts(STARTING, wanted=False), 0) == (Action(Deed.STOP, "a"),)


class TestDeadlines:
    def test_a_start_or_stop_that_takes_too_long_is_killed(self) -> None:
        late = [Part("a", True, STARTING, 5.0), Part("b", False, STOPPING, 5.0)]
        assert plan(late, 4.9) == ()
        assert plan(late, 5.0) == (Action(Deed.KILL, "b"), Action(Deed.KILL, "a"))

    def test_the_next_one_is_the_earliest(self) -> None:
        assert next_deadline([Part("a", True, STARTING, 5.0), Part("b", True, STARTING, 4.0)]) == 4.0

    def test_without_any_there_is_none(self) -> None:
        assert next_deadline(parts(RUNNING, wanted=True)) is None


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from(STATES)), min_size=1, max_size=5),
    st.data(),
)
def test_from_any_state_obeying_the_plan_ends_where_it_is_wanted(
    beginning: list[tuple[bool, ComponentState]], data: st.DataObject
) -> None:
    """Each action is done at once; each part in motion arrives at some time; nothing else happens."""
    now = {str(i): Part(str(i), wanted, state) for i, (wanted, state) in enumerate(beginning)}
    after = {Deed.START: STARTING, Deed.STOP: STOPPING}
    for _ in range(40):
        actions = plan(list(now.values()), 0)
        for action in actions:
            now[action.name] = replace(now[action.name], state=after[action.deed])
        assert plan(list(now.values()), 0) == (), "doing what is due leaves nothing due"
        moving = [part for part in now.values() if part.state in (STARTING, STOPPING)]
        if not moving:
            break
        part = data.draw(st.sampled_from(moving))
        now[part.name] = replace(part, state=RUNNING if part.state is STARTING else STOPPED)
    for part in now.values():
        if part.state is not FAILED:
            assert (part.state is RUNNING) == part.wanted
            assert (part.state in DOWN) == (not part.wanted)
