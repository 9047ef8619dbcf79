"""Runs on disk as their screen uses them: shown, written as pages, taken in, compared with charts."""

# ruff: noqa: ASYNC240  nothing else waits for this event loop

from __future__ import annotations

from pathlib import Path

import pytest
from store_factory import even_windows, record

from stressdash.errors import BadInput, UsageError
from stressdash.metrics.compare import Judgement
from stressdash.report.comparison import TOO_FEW
from stressdash.session.shelf import Shelf


def record_in_turns(state: Path, pairs: int) -> None:
    """Runs of 1 ms and of 2 ms, A B A B, each some seconds after the one before."""
    for number in range(2 * pairs):
        record(
            state,
            even_windows(5, latency_us=1_000 * (1 + number % 2) + number),
            run_id=f"{number:016x}",
            started_ms=1_700_000_000_000 + 10_000 * number,
        )


@pytest.fixture
def shelf(two_runs: Path) -> Shelf:
    return Shelf(two_runs)


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


class TestComparing:
    async def test_two_runs_decides_nothing(self, shelf: Shelf) -> None:
        second, first = await shelf.entries()
        compare = await shelf.compare([first], [second])
        assert compare.compared.names == ("run 1", "run 2")
        assert compare.compared.exit_code == TOO_FEW

    async def test_draws_both_sides_over_one_another(self, shelf: Shelf) -> None:
        second, first = await shelf.entries()
        lines = await shelf.charts(await shelf.compare([first], [second]), 80)
        assert any("a run 1   b run 2" in line for line in lines)
        assert max(map(len, lines)) <= 80

    async def test_interleaved_runs_takes_them_as_pairs(self, tmp_path: Path) -> None:
        record_in_turns(tmp_path, 6)
        shelf = Shelf(tmp_path)
        entries = (await shelf.entries())[::-1]
        compared = (await shelf.compare(entries[::2], entries[1::2])).compared
        assert compared.comparison.paired
        assert compared.names == ("runs 1, 3, 5, 7, 9, 11", "runs 2, 4, 6, 8, 10, 12")
        [p50] = [one for one in compared.comparison.changes if one.metric.key == "p50"]
        assert (p50.judgement, round(p50.change or 0, 1)) == (Judgement.WORSE, 1.0)

    async def test_runs_one_after_another_takes_them_as_two_groups(self, tmp_path: Path) -> None:
        record_in_turns(tmp_path, 4)
        shelf = Shelf(tmp_path)
        entries = (await shelf.entries())[::-1]
        compared = (await shelf.compare(entries[:4], entries[4:])).compared
        assert not compared.comparison.paired
        assert compared.comparison.enough

    @pytest.mark.parametrize(("suffix", "begins"), [("html", "<!DOCTYPE html>"), ("json", "{")])
    async def test_is_written_for_others(
        self, shelf: Shelf, tmp_path: Path, suffix: str, begins: str
    ) -> None:
        second, first = await shelf.entries()
        path = await shelf.write_compare(await shelf.compare([first], [second]), suffix)
        assert path == str(tmp_path / "exports" / f"compare-aaaa0000-bbbb0000.{suffix}")
        assert Path(path).read_text().startswith(begins)
