"""The supervisor as a process, with stand-ins for components: life, leases and ends of every kind."""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest
from stack_processes import (
    alive,
    processes_of,
    standin,
    started,
    status,
    supervisor_pid,
    until,
    until_state,
)

from stressdash.errors import StackError
from stressdash.samples import ComponentState
from stressdash.stack.folder import StateFolder, Whereabouts
from stressdash.stack.link import Link, LinkLost
from stressdash.stack.messages import Verb
from stressdash.stack.program import Program
from stressdash.text import escape

Connect = Callable[[], Awaitable[Link]]
CLIENT = """
import asyncio, sys
from pathlib import Path
from stressdash.stack.folder import StateFolder
from stressdash.stack.link import Link
async def main():
    link, _ = await Link.open(StateFolder(Path(sys.argv[1])), "embedded")
    print("connected", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def client_process(folder: StateFolder) -> asyncio.subprocess.Process:
    """A process that holds a lease until it is killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, str(folder.path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"connected\n"
    return process


def socket_of(where: Whereabouts) -> Path:
    return Path(where.socket)


async def killed(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.communicate()


class TestLife:
    async def test_a_component_is_ready_once_it_says_its_address(self, connect: Connect) -> None:
        now = await started(await connect(), standin("apm"))
        assert now.state is ComponentState.RUNNING
        assert now.pid is not None
        assert now.port
        socket.create_connection((now.host, now.port), 5).close()

    async def test_starting_what_runs_changes_nothing(self, connect: Connect) -> None:
        link = await connect()
        first = await started(link, standin("apm"))
        again = await started(link, standin("apm"))
        assert again.pid == first.pid

    async def test_a_stopped_component_is_gone_and_has_no_error(self, connect: Connect) -> None:
        link = await connect()
        pid = (await started(link, standin("apm"))).pid
        await link.ask(Verb.STOP, "apm")
        now = await status(link, "apm")
        assert (now.state, now.exit_code, now.detail) == (ComponentState.STOPPED, 0, "")
        assert not alive(pid)

    async def test_it_keeps_its_port_when_it_starts_again(self, connect: Connect) -> None:
        link = await connect()
        first = await started(link, standin("apm"))
        await link.ask(Verb.STOP, "apm")
        await link.ask(Verb.START, "apm")
        again = await status(link, "apm")
        assert (again.port, again.restarts) == (first.port, 1)
        assert again.pid != first.pid

    async def test_a_port_taken_meanwhile_is_a_clear_failure_and_no_harm(self, connect: Connect) -> None:
        link = await connect()
        port = (await started(link, standin("apm"))).port
        await link.ask(Verb.STOP, "apm")
        with socket.socket() as squatter:
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            squatter.bind(("127.0.0.1", port))
            squatter.listen()
            await link.ask(Verb.START, "apm")
            now = await status(link, "apm")
        assert now.state is ComponentState.FAILED
        assert f"cannot listen on port {port}: Address already in use" in now.detail
        await link.ask(Verb.START, "apm")
        assert (await status(link, "apm")).state is ComponentState.RUNNING

    async def test_a_stubborn_component_is_killed_when_its_time_to_stop_is_over(
        self, connect: Connect
    ) -> None:
        link = await connect()
        await started(link, standin("apm", "--stubborn", stop_within_s=0.2))
        await link.ask(Verb.STOP, "apm")
        now = await status(link, "apm")
        assert (now.state, now.exit_code) == (ComponentState.STOPPED, -signal.SIGKILL)

    async def test_a_component_that_is_never_ready_is_killed_and_named(self, connect: Connect) -> None:
        now = await started(await connect(), standin("apm", "--mute", ready_within_s=0.5))
        assert now.state is ComponentState.FAILED
        assert now.detail.startswith("the apm was not ready after 0.5 s")

    async def test_asking_for_an_unknown_component_names_the_known_ones(self, connect: Connect) -> None:
        link = await connect()
        await started(link, standin("apm"))
        with pytest.raises(StackError, match="no component 'amp'; the components are: apm"):
            await link.ask(Verb.START, "amp")


class TestPause:
    @pytest.fixture(params=["own", "foreign"])
    def paused(self, request: pytest.FixtureRequest) -> Callable[..., Program]:
        """Makes a program of ours, or a foreign one with its warden."""
        foreign = request.param == "foreign"
        return functools.partial(standin, "apm", *(["--foreign"] if foreign else []), warded=foreign)

    async def test_stands_still_and_goes_on_as_the_same_process(
        self, connect: Connect, paused: Callable[..., Program]
    ) -> None:
        link = await connect()
        pid = (await started(link, paused())).pid
        assert pid is not None
        await link.ask(Verb.PAUSE, "apm")
        now = await status(link, "apm")
        assert (now.state, now.pid) == (ComponentState.PAUSED, pid)
        assert now.detail.startswith("paused")
        await until(lambda: stands_still(pid))
        await link.ask(Verb.PAUSE, "apm")
        await link.ask(Verb.UNPAUSE, "apm")
        now = await status(link, "apm")
        assert (now.state, now.pid, now.detail) == (ComponentState.RUNNING, pid, "")
        assert not stands_still(pid)

    async def test_ends_with_a_start(self, connect: Connect, paused: Callable[..., Program]) -> None:
        link = await connect()
        pid = (await started(link, paused())).pid
        await link.ask(Verb.PAUSE, "apm")
        await link.ask(Verb.START, "apm")
        assert (await status(link, "apm")).pid == pid

    async def test_hinders_no_orderly_stop(
        self, connect: Connect, tmp_path: Path, paused: Callable[..., Program]
    ) -> None:
        link = await connect()
        await started(link, paused("--diary", str(tmp_path / "diary")))
        await link.ask(Verb.PAUSE, "apm")
        await link.ask(Verb.STOP, "apm")
        now = await status(link, "apm")
        assert (now.state, now.exit_code) == (ComponentState.STOPPED, 0)
        assert (tmp_path / "diary").read_text() == "apm signal\n"

    async def test_hinders_no_kill(self, connect: Connect, paused: Callable[..., Program]) -> None:
        link = await connect()
        await started(link, paused())
        await link.ask(Verb.PAUSE, "apm")
        await link.ask(Verb.KILL, "apm")
        now = await status(link, "apm")
        assert (now.state, now.exit_code) == (ComponentState.FAILED, -signal.SIGKILL)

    async def test_outlives_no_supervisor(self, folder: StateFolder, paused: Callable[..., Program]) -> None:
        link, _ = await Link.open(folder, "embedded")
        await started(link, paused())
        await link.ask(Verb.PAUSE, "apm")
        os.kill(supervisor_pid(folder), signal.SIGKILL)
        await until(lambda: not processes_of(folder.path))
        await link.close()

    async def test_is_for_what_runs(self, connect: Connect, paused: Callable[..., Program]) -> None:
        link = await connect()
        await started(link, paused())
        with pytest.raises(StackError, match="the apm is not paused"):
            await link.ask(Verb.UNPAUSE, "apm")
        await link.ask(Verb.STOP, "apm")
        with pytest.raises(StackError, match="the apm does not run"):
            await link.ask(Verb.PAUSE, "apm")


def stands_still(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


class TestCrash:
    async def test_the_last_words_of_a_failed_start_are_told(self, connect: Connect) -> None:
        now = await started(await connect(), standin("apm", "--fail", "no more beans"))
        assert (now.state, now.exit_code) == (ComponentState.FAILED, 3)
        assert now.detail == "the apm ended with exit code 3 while it started: no more beans"

    async def test_a_program_that_does_not_exist_is_a_failed_start(self, connect: Connect) -> None:
        now = await started(await connect(), Program("apm", ("/no/such",)))
        assert now.state is ComponentState.FAILED
        assert now.detail == "the apm cannot be started: /no/such: No such file or directory"

    async def test_a_death_is_seen_with_its_signal_and_not_repaired_silently(self, connect: Connect) -> None:
        link = await connect()
        pid = (await started(link, standin("apm"))).pid
        os.kill(pid, signal.SIGKILL)
        now = await until_state(link, "apm", ComponentState.FAILED)
        assert (now.exit_code, now.detail) == (-signal.SIGKILL, "the apm was ended by SIGKILL")

    async def test_the_log_of_before_a_crash_can_be_read_after_the_restart(self, connect: Connect) -> None:
        link = await connect()
        await started(link, standin("apm", "--lines", "3"))
        await link.ask(Verb.KILL, "apm")
        await link.ask(Verb.START, "apm")
        lines = (await link.ask(Verb.LOGS, "apm")).lines
        assert [line.text for line in lines].count("line 2") == 2
        assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
        later = (await link.ask(Verb.LOGS, "apm", after=lines[-2].sequence)).lines
        assert later == lines[-1:]

    async def test_others_are_not_touched(self, connect: Connect) -> None:
        link = await connect()
        other = await started(link, standin("database"))
        await started(link, standin("apm"))
        await link.ask(Verb.KILL, "apm")
        assert (await status(link, "database")).pid == other.pid


class TestLeases:
    async def test_components_end_in_order_when_the_last_client_is_killed(
        self, folder: StateFolder, connect: Connect, tmp_path: Path
    ) -> None:
        client = await client_process(folder)
        link, _ = await Link.open(folder, "embedded")
        diary = tmp_path / "diary"
        for name in ("database", "apm", "service"):
            await started(link, standin(name, "--diary", str(diary)))
        await link.close()
        assert len(processes_of(folder.path)) == 5
        await killed(client)
        await until(lambda: not processes_of(folder.path))
        assert diary.read_text() == "service stdin\napm stdin\ndatabase stdin\n"

    async def test_stubborn_components_do_not_outlive_the_last_client_either(
        self, folder: StateFolder
    ) -> None:
        link, _ = await Link.open(folder, "embedded")
        for name in ("database", "apm", "service"):
            await started(link, standin(name, "--stubborn", stop_within_s=60, end_within_s=0.3))
        await link.leave(Verb.RELEASE)
        await until(lambda: not processes_of(folder.path))

    async def test_a_component_that_is_being_stopped_slowly_is_hurried(self, folder: StateFolder) -> None:
        link, _ = await Link.open(folder, "embedded")
        await started(link, standin("apm", "--stubborn", stop_within_s=60, end_within_s=0.1))
        stopping = asyncio.create_task(link.ask(Verb.STOP, "apm"))
        await until_state(link, "apm", ComponentState.STOPPING)
        await link.leave(Verb.RELEASE)
        await until(lambda: not processes_of(folder.path))
        await asyncio.gather(stopping, return_exceptions=True)

    async def test_a_second_client_keeps_the_stack_alive(self, folder: StateFolder, connect: Connect) -> None:
        first, adopted_first = await Link.open(folder, "embedded")
        pid = (await started(first, standin("apm"))).pid
        second = await connect()
        await first.leave(Verb.RELEASE)
        now = await status(second, "apm")
        assert not adopted_first
        assert (now.state, now.pid) == (ComponentState.RUNNING, pid)

    async def test_kept_components_run_on_and_are_adopted(self, folder: StateFolder) -> None:
        link, _ = await Link.open(folder, "embedded")
        pid = (await started(link, standin("apm"))).pid
        await link.ask(Verb.KEEP)
        await link.close()
        again, adopted = await Link.open(folder, "embedded")
        now = await status(again, "apm")
        assert adopted
        assert (now.state, now.pid) == (ComponentState.RUNNING, pid)
        await again.leave(Verb.RELEASE)
        assert alive(pid)
        last, _ = await Link.open(folder, "embedded")
        await last.leave(Verb.END)
        assert not alive(pid)

    async def test_a_kept_supervisor_with_nothing_left_ends(self, folder: StateFolder) -> None:
        link, _ = await Link.open(folder, "embedded")
        pid = (await started(link, standin("apm"))).pid
        await link.ask(Verb.KEEP)
        await link.close()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not processes_of(folder.path))

    async def test_another_backend_is_refused_while_this_one_lives(
        self, folder: StateFolder, connect: Connect
    ) -> None:
        await started(await connect(), standin("apm"))
        with pytest.raises(StackError, match="holds a stack of the backend embedded, not of process"):
            await Link.open(folder, "process")


class TestSupervisorsEnd:
    async def test_children_end_when_it_is_killed(self, folder: StateFolder) -> None:
        link, _ = await Link.open(folder, "embedded")
        for name in ("database", "service"):
            await started(link, standin(name))
        os.kill(supervisor_pid(folder), signal.SIGKILL)
        await until(lambda: not processes_of(folder.path))
        with pytest.raises(LinkLost):
            await link.ask(Verb.STATUS)
        await link.close()

    async def test_what_a_killed_one_left_behind_hinders_no_new_one(
        self, folder: StateFolder, connect: Connect
    ) -> None:
        link, _ = await Link.open(folder, "embedded")
        before = supervisor_pid(folder)
        os.kill(before, signal.SIGKILL)
        await link.close()
        assert folder.whereabouts() is not None
        assert (await started(await connect(), standin("apm"))).state is ComponentState.RUNNING
        assert supervisor_pid(folder) != before

    async def test_it_leaves_neither_socket_nor_record_after_an_orderly_end(
        self, folder: StateFolder
    ) -> None:
        link, _ = await Link.open(folder, "embedded")
        where = folder.whereabouts()
        await link.leave(Verb.RELEASE)
        assert where is not None
        assert not socket_of(where).exists()
        assert folder.whereabouts() is None

    async def test_sigterm_ends_everything_in_order(self, folder: StateFolder, tmp_path: Path) -> None:
        link, _ = await Link.open(folder, "embedded")
        diary = tmp_path / "diary"
        for name in ("database", "service"):
            await started(link, standin(name, "--diary", str(diary)))
        os.kill(supervisor_pid(folder), signal.SIGTERM)
        await until(lambda: not processes_of(folder.path))
        assert diary.read_text() == "service stdin\ndatabase stdin\n"
        await link.close()

    async def test_a_kept_stack_ends_when_its_folder_is_deleted(self, folder: StateFolder) -> None:
        link, _ = await Link.open(folder, "embedded")
        component = (await started(link, standin("apm"))).pid
        supervisor = supervisor_pid(folder)
        await link.leave(Verb.KEEP)
        shutil.rmtree(folder.path)
        assert component is not None
        await until(lambda: not alive(component) and not alive(supervisor))


class TestStart:
    async def test_clients_that_race_get_one_supervisor(self, folder: StateFolder) -> None:
        opened = await asyncio.gather(*(Link.open(folder, "embedded") for _ in range(4)))
        assert len(processes_of(folder.path)) == 1
        for link, _ in opened:
            await link.leave(Verb.END)

    async def test_only_its_owner_can_reach_it(self, folder: StateFolder, connect: Connect) -> None:
        await connect()
        where = folder.whereabouts()
        assert where is not None
        modes = [stat.S_IMODE(p.stat().st_mode) for p in (socket_of(where), folder.path, folder.logs)]
        assert modes == [0o600, 0o700, 0o700]

    async def test_a_state_folder_with_a_long_path_works(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / ("deep" * 30))
        link, _ = await Link.open(folder, "embedded")
        where = folder.whereabouts()
        assert (await started(link, standin("apm"))).state is ComponentState.RUNNING
        await link.leave(Verb.RELEASE)
        assert where is not None
        assert not socket_of(where).parent.exists()

    async def test_a_folder_that_cannot_be_used_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StackError, match="cannot be used: Not a directory; name another") as caught:
            await Link.open(StateFolder(tmp_path / "file" / "s"), "embedded")
        assert caught.value.exit_code == 3

    async def test_a_record_of_somebody_elses_socket_is_replaced(
        self, folder: StateFolder, connect: Connect
    ) -> None:
        folder.make()
        folder.record(Whereabouts(1, "/no/such/socket"))
        assert (await started(await connect(), standin("apm"))).state is ComponentState.RUNNING


class TestSecrets:
    async def test_no_secret_is_in_any_argument_list(self, folder: StateFolder, connect: Connect) -> None:
        now = await started(await connect(), standin("apm"))
        assert now.pid is not None
        seen = [argument for process in processes_of(folder.path) for argument in process.cmdline()]
        assert not [argument for argument in seen if "hush" in argument]
        assert "hush" not in repr(standin("apm"))


class TestFlood:
    async def test_of_junk_is_kept_in_part_counted_in_full_and_keeps_nobody_from_asking(
        self, folder: StateFolder, connect: Connect
    ) -> None:
        link = await connect()
        await started(link, standin("service", "--flood", "200000"))
        async with asyncio.timeout(60):
            while True:
                lines = (await link.ask(Verb.LOGS, "service")).lines
                assert (await status(link, "service")).state is ComponentState.RUNNING
                if lines and lines[-1].sequence >= 200_000:
                    break
        assert len(lines) == 2_000
        assert lines[0].sequence == lines[-1].sequence - 1_999
        assert {escape(line.text) for line in lines} == {"\\x1b[31m\\x00\ufffd\ufffd2J \\u202e junk"}
