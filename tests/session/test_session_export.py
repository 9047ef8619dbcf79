from __future__ import annotations

from pathlib import Path

import pytest

from stressdash.errors import BadInput
from stressdash.session.export import check_writable, write_file


class TestWriting:
    def test_a_file_is_replaced_in_one_step_and_nothing_stays_beside_it(self, tmp_path: Path) -> None:
        file = tmp_path / "run.json"
        file.write_bytes(b"old")
        write_file(file, b"new")
        assert file.read_bytes() == b"new"
        assert list(tmp_path.iterdir()) == [file]

    def test_a_failed_write_leaves_what_was_there(self, tmp_path: Path) -> None:
        folder = tmp_path / "run.json"
        folder.mkdir()
        (folder / "kept").touch()
        with pytest.raises(BadInput, match="cannot write"):
            write_file(folder, b"new")
        assert list(tmp_path.iterdir()) == [folder]

    def test_a_missing_folder_is_refused_before_the_work(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="there is no folder"):
            check_writable(tmp_path / "none" / "run.json")

    def test_a_folder_is_no_file(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput, match="it is a folder"):
            check_writable(tmp_path)
