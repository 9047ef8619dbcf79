"""The state folder: its secrets, and the way to its supervisor."""

from __future__ import annotations

import errno
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stressdash.errors import StackError
from stressdash.stack.folder import StateFolder, Whereabouts, usable


@pytest.fixture
def made(tmp_path: Path) -> StateFolder:
    folder = StateFolder(tmp_path / "s")
    folder.make()
    return folder


class TestSecrets:
    def test_stay_the_same_in_one_folder(self, made: StateFolder) -> None:
        assert made.secrets() == StateFolder(made.path).secrets()

    def test_differ_between_folders(self, made: StateFolder, tmp_path: Path) -> None:
        other = StateFolder(tmp_path / "t")
        other.make()
        assert made.secrets() != other.secrets()

    def test_are_made_once_however_many_ask_at_the_same_time(self, made: StateFolder) -> None:
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: made.secrets().database, range(40)))
        assert len(set(found)) == 1

    def test_are_for_the_owner_only(self, made: StateFolder) -> None:
        made.secrets()
        assert stat.S_IMODE((made.path / "secrets.json").stat().st_mode) == 0o600

    def test_are_shown_by_no_repr(self, made: StateFolder) -> None:
        assert made.secrets().database not in repr(made.secrets())

    def test_that_are_damaged_are_one_sentence(self, made: StateFolder) -> None:
        (made.path / "secrets.json").write_text("{")
        with pytest.raises(StackError, match="is damaged; remove the state folder"):
            made.secrets()


class TestMake:
    def test_a_folder_that_is_full_is_one_sentence(self) -> None:
        with (
            pytest.raises(StackError, match="/s cannot be used: No space left on device; name another one"),
            usable(Path("/s")),
        ):
            raise OSError(errno.ENOSPC, "No space left on device")

    def test_a_folder_without_rights_is_one_sentence(self) -> None:
        with pytest.raises(StackError, match="cannot be used: "):
            StateFolder(Path("/proc/s")).make()


class TestWhereabouts:
    def test_come_back_as_they_were_recorded(self, made: StateFolder) -> None:
        made.record(Whereabouts(12, "/a/socket"))
        assert made.whereabouts() == Whereabouts(12, "/a/socket")

    def test_that_cannot_be_read_are_none(self, made: StateFolder) -> None:
        assert made.whereabouts() is None
        (made.path / "supervisor.json").write_text("junk")
        assert made.whereabouts() is None

    def test_the_socket_lies_in_the_folder_where_its_path_is_short(self) -> None:
        assert StateFolder(Path("/s")).socket_path() == Path("/s/supervisor.sock")

    def test_else_in_a_short_private_folder_that_goes_with_it(self, tmp_path: Path) -> None:
        folder = StateFolder(tmp_path / ("x" * 100))
        folder.make()
        path = folder.socket_path()
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        folder.record(Whereabouts(1, str(path)))
        folder.forget()
        assert not path.parent.exists()


class TestLock:
    def test_has_one_holder(self, made: StateFolder) -> None:
        import os

        first = made.lock()
        assert first is not None
        assert made.lock() is None
        os.close(first)
        second = made.lock()
        assert second is not None
        os.close(second)
