"""What a killed stack leaves behind, who owns the load, and what stands: all found by looking."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from stack_processes import standin, started, supervisor_pid, until

from stressdash.stack.folder import StateFolder, Whereabouts
from stressdash.stack.leftovers import OWNER_NOTE, data_left, leftovers
from stressdash.stack.link import Link
from stressdash.stack.messages import Verb
from stressdash.stack.owner import LoadLock, owner_of
from stressdash.stack.standing import standing

GONE = 2**22 + 1
"""Above every process id."""
HOLDER = """
import sys, time
from pathlib import Path
from stressdash.stack.folder import StateFolder
from stressdash.stack.owner import LoadLock
lock = LoadLock(StateFolder(Path(sys.argv[1])), "run", lambda: time.time_ns() // 1_000_000)
print(lock.take(), flush=True)
sys.stdin.read()
"""


class TestLeftovers:
    def test_of_a_clean_folder_are_none(self, tmp_path: Path) -> None:
        found = leftovers(StateFolder(tmp_path / "s"))
        assert [left.what for left in found] == [left.what for left in data_left()]

    def test_the_record_of_a_dead_supervisor_is_named_and_removed(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path)
        folder.make()
        folder.record(Whereabouts(GONE, str(tmp_path / "nobody.sock")))
        left = leftovers(folder)[0]
        assert left.what == f"the record of a supervisor that is gone (process {GONE})"
        left.clear()
        assert folder.whereabouts() is None

    def test_data_outside_is_left_over_once_its_state_folder_is_gone(self, tmp_path: Path) -> None:
        home, link = tmp_path / "stressdash-x", tmp_path / "state" / "server"
        home.mkdir()
        (home / OWNER_NOTE).write_text(str(link))
        link.parent.mkdir()
        link.symlink_to(home)
        assert data_left(tmp_path) == ()
        link.unlink()
        (left,) = data_left(tmp_path)
        assert left.what == f"the data of the removed state folder {link.parent} in {home}"
        left.clear()
        assert not home.exists()

    def test_data_without_a_note_is_nobodys_business(self, tmp_path: Path) -> None:
        (tmp_path / "stressdash-y").mkdir()
        assert data_left(tmp_path) == ()

    def test_data_that_a_link_pretends_to_be_is_not_followed(self, tmp_path: Path) -> None:
        (real := tmp_path / "real").mkdir()
        (real / OWNER_NOTE).write_text(str(tmp_path / "nothing"))
        (tmp_path / "stressdash-z").symlink_to(real)
        assert data_left(tmp_path) == ()


class TestStanding:
    async def test_a_stack_is_found_by_what_its_supervisor_says(self, folder: StateFolder) -> None:
        assert standing(folder) is None
        link, _ = await Link.open(folder, "embedded")
        try:
            await started(link, standin("apm"))
            found = await asyncio.to_thread(standing, folder)
            assert found is not None
            assert (found.backend, found.kept, found.pid) == ("embedded", False, supervisor_pid(folder))
            await link.ask(Verb.KEEP)
            found = await asyncio.to_thread(standing, folder)
            assert found is not None
            assert found.kept
        finally:
            await link.leave(Verb.END)

    async def test_looking_holds_nothing(self, folder: StateFolder) -> None:
        link, _ = await Link.open(folder, "embedded")
        looking = await Link.look(folder)
        assert looking is not None
        pid = supervisor_pid(folder)
        await link.leave(Verb.RELEASE)
        await until(lambda: folder.whereabouts() is None)
        await looking.close()
        assert pid


class TestLoadLock:
    def test_has_one_holder_at_a_time(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path)
        first, second = (LoadLock(folder, "run", lambda: 10**13) for _ in range(2))
        assert first.take()
        assert first.take(), "once more changes nothing"
        assert not second.take()
        owner = owner_of(folder)
        assert owner is not None
        assert (owner.pid, owner.what) == (os.getpid(), "run")
        first.release()
        assert owner_of(folder) is None
        assert second.take()
        second.release()

    def test_ends_with_its_process_however_it_ends(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path)
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"True\n"
            owner = owner_of(folder)
            assert owner is not None
            assert owner.pid == holder.pid
            lock = LoadLock(folder, "dashboard", lambda: 10**13)
            assert not lock.take()
            holder.kill()
        assert owner_of(folder) is None
        assert lock.take()
        lock.release()

    @pytest.mark.parametrize("text", ["", "no json", '{"pid": 4194305, "since_ms": 1, "what": "run"}'])
    def test_a_name_that_nobody_bears_is_no_owner(self, tmp_path: Path, text: str) -> None:
        folder = StateFolder(tmp_path)
        folder.load_lock.write_text(text)
        assert owner_of(folder) is None
