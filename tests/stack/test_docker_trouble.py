"""What can go wrong with a real daemon: each is told with its remedy, and mended without a new start."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import tempfile
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio
from docker.models.containers import Container
from docker_machine import NOT_THERE, clear, client, container_of, require_docker

from stressdash.errors import ComponentFailed, KnobRejected, StackError
from stressdash.paths import config_dir
from stressdash.samples import Component, ComponentState
from stressdash.stack.docker_project import WITHOUT_APM
from stressdash.stack.docker_stack import DockerStack
from stressdash.stack.folder import StateFolder

pytestmark = pytest.mark.xdist_group("docker")

PATIENCE_S = 60.0
MIB = 2**20
DATABASE = ("database",)
"""Alone it is up soonest."""


class Relay:
    """Stands between a stack and the daemon's socket, and can be stopped and started like a daemon."""

    def __init__(self, path: Path, behind: str) -> None:
        self.path = path
        self._behind = behind
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.bind(str(self.path))
        server.listen(64)
        self._ends.append(server)
        self._run(self._accept, server)

    def stop(self) -> None:
        self.path.unlink(missing_ok=True)
        while running := [thread for thread in self._threads if thread.is_alive()]:
            for end in list(self._ends):  # one more may have come in meanwhile
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            running[0].join(0.05)
        for end in self._ends:
            end.close()
        self._ends, self._threads = [], []

    def _run(self, work: Callable[..., None], *ends: socket.socket) -> None:
        thread = threading.Thread(target=work, args=ends, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.socket(socket.AF_UNIX)
                self._ends += [near, far]
                far.connect(self._behind)
                self._run(self._pass, near, far)
                self._run(self._pass, far, near)

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


@pytest.fixture
def state(state_root: Path) -> Path:
    require_docker()
    return Path(tempfile.mkdtemp(dir=state_root, prefix=""))


@pytest.fixture
def relay(state: Path) -> Iterator[Relay]:
    """Named by DOCKER_HOST, and stopped."""
    behind = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").removeprefix("unix://")
    made = Relay(state / "d.sock", behind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"unix://{made.path}")
        yield made
        made.stop()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # the SDK leaves it the socket of a connection that was refused


@pytest.fixture
async def made(state: Path) -> AsyncIterator[DockerStack]:
    """A stack of the database alone that is not up yet."""
    stack = DockerStack(StateFolder(state), DATABASE)
    yield stack
    await stack.close()
    await asyncio.to_thread(clear, stack.project)


@pytest.fixture(scope="module")
def home(state_root: Path) -> Path:
    """State folder of the stack that this module's tests share: to bring one up takes longest."""
    require_docker()
    return Path(tempfile.mkdtemp(dir=state_root, prefix=""))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(home: Path) -> AsyncIterator[DockerStack]:
    """Service and database, up; each test leaves them running."""
    made = DockerStack(StateFolder(home), WITHOUT_APM)
    try:
        await made.up(lambda _: None)
        yield made
    finally:
        await made.close()
        await asyncio.to_thread(clear, made.project)


async def until(stack: DockerStack, name: str, state: ComponentState) -> Component:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            now = {one.name: one for one in await stack.components()}[name]
            if now.state is state:
                return now
            await asyncio.sleep(0.05)


class TestBeforeItIsUp:
    async def test_a_stopped_daemon_is_told_and_found_once_it_runs(
        self, made: DockerStack, relay: Relay
    ) -> None:
        with pytest.raises(
            StackError, match=r"daemon does not run .*systemctl start docker.*--stack process"
        ):
            await made.up(lambda _: None)
        relay.start()
        assert not await made.attach(), "it answers, and there is nothing yet"

    async def test_an_image_that_cannot_be_pulled_is_named_with_its_variable(
        self, made: DockerStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DB_IMAGE", NOT_THERE)
        with pytest.raises(
            StackError,
            match=r"image localhost:1/not-there cannot be pulled, name another by DB_IMAGE.*refused",
        ):
            await made.up(lambda _: None)

    async def test_a_port_that_is_taken_is_told(
        self, made: DockerStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            monkeypatch.setenv("DB_PORT", str(other.getsockname()[1]))
            with pytest.raises(StackError, match="a port is taken: choose another by its variable"):
                await made.up(lambda _: None)

    async def test_a_malformed_override_is_told_in_the_words_of_compose(self, made: DockerStack) -> None:
        config_dir().mkdir(parents=True)
        override = config_dir() / "docker-compose.override.yml"
        override.write_text("services: {db: {imagee: x}}\n")
        with pytest.raises(StackError, match=r"compose config failed: .*imagee"):
            await made.up(lambda _: None)

    async def test_a_container_that_ends_at_once_is_told_with_its_last_words(
        self, made: DockerStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MAX_CONNECTIONS", "151 --no-such-option")
        with pytest.raises(
            ComponentFailed, match=r"the database is failed .*exit code \d+; its last words: .+"
        ):
            await made.up(lambda _: None)


@pytest.mark.asyncio(loop_scope="module")
class TestWhileItIsUp:
    async def test_a_container_that_was_removed_is_told_and_made_anew_by_a_start(
        self, stack: DockerStack
    ) -> None:
        with client() as docker:
            container_of(docker, stack.project, "stats").remove(force=True)
        gone = await until(stack, "service", ComponentState.FAILED)
        assert gone.detail == "it has no container: start it to make one"
        assert await stack.logs("service") == ()
        await stack.action("service", "start")
        assert (await until(stack, "service", ComponentState.RUNNING)).endpoints["address"]

    async def test_a_paused_container_is_not_well_until_it_is_started(self, stack: DockerStack) -> None:
        await stack.action("database", "pause")
        assert (await until(stack, "database", ComponentState.PAUSED)).detail.startswith("paused")
        await stack.action("database", "start")
        await until(stack, "database", ComponentState.RUNNING)

    async def test_a_paused_container_goes_on_with_the_next_up(self, stack: DockerStack, home: Path) -> None:
        await stack.action("database", "pause")
        other, told = DockerStack(StateFolder(home), WITHOUT_APM), []
        try:
            await other.up(told.append)
        finally:
            await other.close()
        assert "the database was paused: it goes on" in told
        await until(stack, "database", ComponentState.RUNNING)

    @pytest.mark.parametrize("action", ["stop", "kill"])
    async def test_a_paused_container_can_be_ended(self, stack: DockerStack, action: str) -> None:
        await stack.action("database", "pause")
        await stack.action("database", action)
        ended = ComponentState.STOPPED if action == "stop" else ComponentState.FAILED
        await until(stack, "database", ended)
        await stack.action("database", "start")
        await until(stack, "database", ComponentState.RUNNING)

    async def test_an_unhealthy_container_says_why(self, stack: DockerStack) -> None:
        await stack.action("database", "stop")
        ill = await until(stack, "service", ComponentState.UNHEALTHY)
        assert "health check fails" in ill.detail or "cannot be reached" in ill.detail
        await stack.action("database", "start")
        await until(stack, "service", ComponentState.RUNNING)

    async def test_use_of_network_and_disk_is_told(self, stack: DockerStack) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                database = await until(stack, "database", ComponentState.RUNNING)
                told = (database.received_bytes, database.sent_bytes, database.written_bytes)
                if None not in told and database.received_bytes:
                    break
                await asyncio.sleep(0.05)

    async def test_a_daemon_that_goes_away_is_told_and_found_again(
        self, stack: DockerStack, home: Path, relay: Relay
    ) -> None:
        relay.start()
        other = DockerStack(StateFolder(home), WITHOUT_APM)
        try:
            assert await other.attach()
            await until(other, "database", ComponentState.RUNNING)
            relay.stop()
            lost = await until(other, "database", ComponentState.UNHEALTHY)
            assert "the Docker daemon does not run" in lost.detail
            relay.start()
            await until(other, "database", ComponentState.RUNNING)
        finally:
            await other.close()


@pytest.mark.asyncio(loop_scope="module")
class TestLimits:
    async def test_are_what_daemon_and_kernel_hold_until_they_are_lifted(self, stack: DockerStack) -> None:
        for name, value in (("database_memory", "512"), ("database_cpus", "0.5")):
            knob = await stack.set_knob(name, value)
            assert (knob.desired, knob.actual, knob.error) == (value, value, "")
        with client() as docker:
            database = container_of(docker, stack.project, "db")
            told = database.attrs["HostConfig"]
            assert (told["Memory"], told["MemorySwap"]) == (512 * MIB, 512 * MIB)
            assert told["CpuQuota"] / told["CpuPeriod"] == 0.5
            assert held(database) == (512 * MIB, 0.5)
            await stack.action("database", "restart")
            assert held(database) == (512 * MIB, 0.5), "also by the next process"
            for name in ("database_memory", "database_cpus"):
                assert (await stack.set_knob(name, "0")).actual == "0"
            memory, cores = held(database)
            assert memory > 512 * MIB
            assert cores == 0

    async def test_that_docker_refuses_are_told_in_its_words(self, stack: DockerStack) -> None:
        with pytest.raises(KnobRejected, match=r"Docker refused: .*[Mm]inimum memory limit"):
            await stack.set_knob("database_memory", "1")
        knobs = {knob.name: knob for knob in await stack.knobs()}
        assert "inimum memory limit" in knobs["database_memory"].error


def held(container: Container) -> tuple[int, float]:
    """Memory in bytes and cores (0: all) that the kernel grants a container, by either of its versions."""
    versions = "cd /sys/fs/cgroup; cat memory.max cpu.max 2>/dev/null || {one}".format(
        one="cat memory/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.cfs_period_us"
    )
    code, out = container.exec_run(["sh", "-c", versions])
    assert code == 0, out
    memory, quota, period = out.decode().split()
    cores = 0.0 if quota in ("max", "-1") else int(quota) / int(period)
    return (2**63 if memory == "max" else int(memory)), cores


@pytest.mark.asyncio(loop_scope="module")
class TestLogs:
    async def test_binary_and_terminal_junk_arrive_as_text(self, stack: DockerStack) -> None:
        junk = r"printf '\033[2J\033]0;owned\007 \377\376\000 \342\200\256evil\n' >/proc/1/fd/1"
        with client() as docker:
            code, _ = container_of(docker, stack.project, "db").exec_run(["sh", "-c", junk], user="mysql")
        assert code == 0
        async with asyncio.timeout(PATIENCE_S):
            while not any(  # noqa: ASYNC110  Docker's log has no event
                "evil" in line.text for line in await stack.logs("database")
            ):
                await asyncio.sleep(0.05)

    async def test_a_flood_is_cut_and_said_to_be(self, stack: DockerStack) -> None:
        await stack.logs("database")
        flood = "seq 100000 | sed 's/^/flood /' >/proc/1/fd/1"
        with client() as docker:
            code, _ = container_of(docker, stack.project, "db").exec_run(["sh", "-c", flood], user="mysql")
        assert code == 0
        async with asyncio.timeout(PATIENCE_S):
            while (  # noqa: ASYNC110  Docker's log has no event
                lines := await stack.logs("database")
            )[-1].text != "flood 100000":
                await asyncio.sleep(0.05)
        assert len(lines) == 2_000
