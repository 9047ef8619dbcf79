"""Runs on disk as their screen uses them: shown, written as pages, taken in, compared with charts."""

# ruff: noqa: ASYNC240  nothing else waits for this event loop

from __future__ import annotations

from pathlib import Path

import pytest
from window_factory import GRID_NS, window

from stressdash.errors import BadInput, UsageError
from stressdash.session.shelf import Shelf
from stressdash.store.claim import Claim
from stressdash.store.head import RunHead
from stressdash.store.recorder import Ending, Recorder
from stressdash.store.runs import RunFolder

ORIGIN_NS = 10**12
STEPS = 20


def record(state: Path, run_id: str, latency_us: int) -> None:
    """Two seconds of 100 answers each tenth."""
    head = RunHead(
        run_id,
        "act1",
        "http://x/",
        "embedded",
        1_700_000_000_000,
        ORIGIN_NS,
        "0.1.0",
        5,
        2.0,
        open_loop=False,
    )
    recorder = Recorder(Claim.take(RunFolder(state).path), head)
    for step in range(STEPS):
        recorder.add_window(
            window(
                start_ns=ORIGIN_NS + step * GRID_NS,
                scheduled=100,
                sent=100,
                completed=100,
                responses=100,
                latency=[latency_us] * 100,
            )
        )
    recorder.close(Ending(None, "killed"))


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Two runs, the second of twice the latency."""
    record(tmp_path, "aaaa0000aaaa0000", 1_000)
    record(tmp_path, "bbbb0000bbbb0000", 2_000)
    return Shelf(tmp_path)


class TestShelf:
    async def test_shows_what_a_run_has_shown(self, shelf: Shelf) -> None:
        _, first = await shelf.entries()
        lines = await shelf.summary(first, 72)
        assert lines[0].startswith("run 1  aaaa0000aaaa0000")
        assert "Verdict   INTERRUPTED" in lines
        assert max(map(len, lines)) <= 72

    async def test_writes_a_run_as_a_page(self, shelf: Shelf, tmp_path: Path) -> None:
        _, first = await shelf.entries()
        path = await shelf.page(first)
        assert path == str(tmp_path / "exports" / "run-00001-aaaa0000.html")
        assert Path(path).read_text().startswith("<!DOCTYPE html>")

    async def test_takes_in_what_another_one_exported(self, shelf: Shelf, tmp_path: Path) -> None:
        _, first = await shelf.entries()
        other = Shelf(tmp_path / "other")
        taken = await other.take_in(await shelf.export(first))
        assert taken.run_id == first.run_id
        assert await other.entries() == (taken,)

    async def test_takes_in_no_run_twice(self, shelf: Shelf) -> None:
        _, first = await shelf.entries()
        with pytest.raises(UsageError, match="is here already, as run 1"):
            await shelf.take_in(await shelf.export(first))

    @pytest.mark.parametrize("file", ["none.run", "~nobody-of-this-name/x.run", ""])
    async def test_tells_of_a_file_that_is_not_there(self, shelf: Shelf, file: str) -> None:
        with pytest.raises(BadInput, match="there is no file"):
            await shelf.take_in(file)

    async def test_compares_two_runs_with_their_charts_over_one_another(self, shelf: Shelf) -> None:
        second, first = await shelf.entries()
        lines = await shelf.compare(first, second, 80)
        assert any(line.startswith("latency p50") and "+100.0%" in line for line in lines)
        assert any("a run 1   b run 2" in line for line in lines)
        charts = lines[next(at for at, line in enumerate(lines) if "a run 1   b run 2" in line) :]
        assert max(map(len, charts)) <= 80
