"""What every stack does, whatever its components run on: life, crash, logs, knobs."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from docker_machine import clear, require_docker

from stressdash.errors import StackError, UsageError
from stressdash.paths import state_dir
from stressdash.samples import Component, ComponentState, LogLine
from stressdash.stack import open_stack
from stressdash.stack.backend import Stack
from stressdash.stack.database import Database
from stressdash.stack.docker_project import WITHOUT_APM
from stressdash.stack.docker_stack import DockerStack
from stressdash.stack.folder import StateFolder

BACKENDS = ("embedded", "process", pytest.param("docker", marks=pytest.mark.xdist_group("docker")))
KNOBS = {
    "max_open": ("80", "80"),
    "max_idle": ("40", "40"),
    "conn_max_lifetime": ("1m", "60"),
    "cancellation": ("shield", "shield"),
    "push_timeout": ("1500ms", "1.5"),
    "sampling": ("0.5", "0.5"),
    "apm": ("OFF", "off"),
    "max_connections": ("300", "300"),
}
"""Name to what is typed and what is read back."""
PATIENCE_S = 90.0
PUSH = b'{"property":"news","section":7,"id":1}'

pytestmark = pytest.mark.xdist_group("stacks")


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, needs: Callable[[str], str]) -> str:
    name = str(request.param)
    if name == "process":
        needs("mariadbd")
    return name


@pytest.fixture
def state_path(backend: str, request: pytest.FixtureRequest) -> Path:
    """A folder of the test's own, or the one of the containers that all of them share."""
    return request.getfixturevalue("containers") if backend == "docker" else state_dir()


@pytest.fixture
async def stack(backend: str, state_path: Path) -> AsyncIterator[Stack]:
    """A stack that is up with every knob untouched; gone after the test, or as it was."""
    made = docker_stack(state_path) if backend == "docker" else open_stack(backend, state=state_path)
    try:
        await made.up(lambda _: None)
        yield made
        if backend == "docker":
            await put_right(made)
    finally:
        await made.close()
        shutil.rmtree((state_path / "server").resolve(), ignore_errors=True)


@pytest.fixture(scope="module")
def containers(state_root: Path) -> Iterator[Path]:
    """State folder of containers that are up: to make them takes longer than any test."""
    require_docker()
    home = Path(tempfile.mkdtemp(dir=state_root, prefix=""))
    made = docker_stack(home)

    async def up() -> None:
        try:
            await made.up(lambda _: None)
        finally:
            await made.close(keep=True)

    try:
        with ThreadPoolExecutor(1) as thread:  # the tests' own thread has a loop already
            thread.submit(asyncio.run, up()).result()
        yield home
    finally:
        clear(made.project)


def docker_stack(state: Path) -> DockerStack:
    """Service and database in containers, of images that were made on this machine: none is pulled."""
    return DockerStack(StateFolder(state), WITHOUT_APM)


async def put_right(stack: Stack) -> None:
    """Let everything run again, with every knob as it was before anybody turned it."""
    for name in ("database", "service"):
        if (await component(stack, name)).state is not ComponentState.RUNNING:
            await stack.action(name, "start")
    turned = [knob for knob in await stack.knobs() if knob.desired is not None]
    for knob in turned:
        await stack.set_knob(knob.name, "off" if knob.name == "apm" else knob.default)
    if any(knob.applies == "restart" for knob in turned):
        await stack.action("service", "restart")


async def component(stack: Stack, name: str) -> Component:
    return {one.name: one for one in await stack.components()}[name]


async def until_state(stack: Stack, name: str, *states: ComponentState) -> Component:
    async with asyncio.timeout(PATIENCE_S):
        while (now := await component(stack, name)).state not in states:  # noqa: ASYNC110  looked at from outside
            await asyncio.sleep(0.05)
    return now


async def push(stack: Stack) -> int:
    """Status of one Push."""

    def call() -> int:
        url = f"{stack.addresses().target_url}/twirp/stats.StatsService/Push"
        request = urllib.request.Request(url, PUSH, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return int(error.code)

    return await asyncio.to_thread(call)


async def stored(stack: Stack) -> int:
    dsn = stack.addresses().database_dsn
    assert dsn is not None
    database = Database(dsn)
    try:
        return await database.count(7)
    finally:
        await database.close()


class TestUp:
    async def test_everything_runs_and_a_request_is_stored(self, stack: Stack) -> None:
        components = await stack.components()
        assert {one.name for one in components} >= {"service", "database"}
        assert {one.state for one in components} == {ComponentState.RUNNING}
        before = await stored(stack)
        assert await push(stack) == 200
        assert await stored(stack) == before + 1

    async def test_components_tell_what_they_use(self, stack: Stack) -> None:
        for one in await stack.components():
            assert one.cpu_seconds is not None
            assert one.rss_bytes is not None
            assert one.rss_bytes > 1_000_000
            assert one.uptime_s is not None
            assert one.endpoints

    async def test_addresses_show_no_secret(self, stack: Stack) -> None:
        addresses = stack.addresses()
        assert addresses.database_dsn is not None
        password = urlsplit(addresses.database_dsn).password
        assert password
        shown = f"{addresses!r} {await stack.components()!r}"
        for secret in filter(None, (password, addresses.apm_token)):
            assert secret not in shown

    async def test_a_second_up_changes_nothing(self, stack: Stack) -> None:
        before = [(one.name, one.pid, one.endpoints) for one in await stack.components()]
        await stack.up(lambda _: None)
        assert [(one.name, one.pid, one.endpoints) for one in await stack.components()] == before

    async def test_that_takes_the_stack_as_it_is_does_not_wait_for_what_stands_still(
        self, stack: Stack, backend: str, state_path: Path
    ) -> None:
        await stack.action("database", "pause")
        other = docker_stack(state_path) if backend == "docker" else open_stack(backend, state=state_path)
        try:
            await other.up(lambda _: None, as_it_is=True)
            assert other.addresses() == stack.addresses()
            assert (await component(other, "database")).state is ComponentState.PAUSED
        finally:
            await other.close()
        await stack.action("database", "unpause")

    async def test_service_and_database_tell_their_status(self, stack: Stack) -> None:
        service, database = await stack.service_status(), await stack.database_status()
        assert service is not None
        assert service.pool is not None
        assert database is not None
        assert database.max_connections is not None
        assert database.threads_connected is not None


class TestCrash:
    async def test_of_the_database_is_seen_explained_and_repaired_by_a_start(self, stack: Stack) -> None:
        assert await push(stack) == 200
        before = await stored(stack)
        await stack.action("database", "kill")
        now = await component(stack, "database")
        assert now.state is ComponentState.FAILED
        assert now.exit_code in (-9, 137)
        assert now.detail
        assert await push(stack) >= 500
        await stack.action("database", "start")
        await until_state(stack, "database", ComponentState.RUNNING)
        await stack.action("service", "restart")
        assert await stored(stack) == before, "an acknowledged row survives"
        assert await push(stack) == 200

    async def test_of_the_service_keeps_its_address_and_its_log(self, stack: Stack) -> None:
        url = stack.addresses().target_url
        log = await stack.logs("service")
        await stack.action("service", "kill")
        assert (await component(stack, "service")).state is ComponentState.FAILED
        await stack.action("service", "start")
        assert stack.addresses().target_url == url
        assert await push(stack) == 200
        now = await component(stack, "service")
        assert (now.state, now.restarts) == (ComponentState.RUNNING, 1)
        assert set(log) <= set(await stack.logs("service"))


class TestActions:
    async def test_stop_and_start(self, stack: Stack) -> None:
        await stack.action("service", "stop")
        assert (await component(stack, "service")).state is ComponentState.STOPPED
        await stack.action("service", "start")
        assert await push(stack) == 200

    async def test_a_pause_ends_where_it_began(self, stack: Stack) -> None:
        before = await component(stack, "database")
        await stack.action("database", "pause")
        still = await component(stack, "database")
        assert (still.state, still.pid) == (ComponentState.PAUSED, before.pid)
        assert still.detail.startswith("paused")
        await stack.action("database", "unpause")
        now = await until_state(stack, "database", ComponentState.RUNNING)
        assert now.pid == before.pid
        assert await push(stack) == 200
        with pytest.raises(StackError, match="not paused"):
            await stack.action("database", "unpause")

    async def test_an_unknown_component_or_action_is_a_usage_error(self, stack: Stack) -> None:
        with pytest.raises(UsageError, match="no component 'databse'; the components are"):
            await stack.action("databse", "stop")
        with pytest.raises(UsageError, match="no action 'explode'; the actions are"):
            await stack.action("database", "explode")
        with pytest.raises(UsageError, match="no component"):
            await stack.logs("databse")


class TestLogs:
    async def test_are_numbered_and_can_be_continued(self, stack: Stack) -> None:
        lines: tuple[LogLine, ...] = await stack.logs("database")
        assert lines
        assert [line.sequence for line in lines] == sorted({line.sequence for line in lines})
        assert await stack.logs("database", after=lines[-1].sequence) == ()


class TestKnobs:
    async def test_turned_are_read_back_and_survive_a_restart(self, stack: Stack) -> None:
        for name, (typed, actual) in KNOBS.items():
            knob = await stack.set_knob(name, typed)
            assert (knob.desired, knob.actual, knob.error) == (actual, actual, "")
        await stack.action("database", "restart")
        await stack.action("service", "restart")
        again = {knob.name: (knob.desired, knob.actual) for knob in await stack.knobs()}
        assert {name: again[name] for name in KNOBS} == {
            name: (actual, actual) for name, (_, actual) in KNOBS.items()
        }

    async def test_untouched_have_their_default_and_no_wish(self, stack: Stack) -> None:
        for knob in await stack.knobs():
            assert knob.desired is None
            assert knob.actual == knob.default or knob.name == "apm", "which is off where there is no intake"

    async def test_turned_while_the_component_is_down_takes_effect_at_its_start(self, stack: Stack) -> None:
        await stack.action("service", "stop")
        knob = await stack.set_knob("max_open", "33")
        assert (knob.desired, knob.actual) == ("33", None)
        await stack.action("service", "start")
        assert {one.name: one.actual for one in await stack.knobs()}["max_open"] == "33"

    async def test_that_apply_by_a_restart_are_taken_by_the_next(self, stack: Stack) -> None:
        url = stack.addresses().target_url
        knob = await stack.set_knob("workers", "2")
        assert (knob.applies, knob.desired, knob.actual) == ("restart", "2", "1")
        await stack.action("service", "restart")
        knobs = {knob.name: knob for knob in await stack.knobs()}
        assert (knobs["workers"].desired, knobs["workers"].actual) == ("2", "2")
        assert stack.addresses().target_url == url
        assert await push(stack) == 200

    async def test_out_of_range_are_refused_before_they_are_sent(self, stack: Stack) -> None:
        with pytest.raises(UsageError, match="sampling is a number from 0 to 1"):
            await stack.set_knob("sampling", "2")
        assert {one.name: one.desired for one in await stack.knobs()}["sampling"] is None
