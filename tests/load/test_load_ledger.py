"""The ledger: a byte per request number, shared between processes."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator

import pytest

from stressdash.load.ledger import Ledger, map_page_file, new_page_file
from stressdash.samples import Outcome


@pytest.fixture
def pages() -> Iterator[list[mmap.mmap]]:
    files = [new_page_file() for _ in range(2)]
    maps = [map_page_file(file) for file in files]
    yield maps
    for file in files:
        os.close(file)


class TestLedger:
    def test_numbers_of_two_workers_interleave(self, pages: list[mmap.mmap]) -> None:
        pages[0][0:3] = bytes([Outcome.ACKNOWLEDGED, Outcome.REJECTED, Outcome.ACKNOWLEDGED])
        pages[1][0:1] = bytes([Outcome.DROPPED])
        ledger = Ledger(pages)
        assert list(ledger.numbers(Outcome.ACKNOWLEDGED)) == [1, 5]
        assert list(ledger.numbers(Outcome.REJECTED)) == [3]
        assert list(ledger.numbers(Outcome.DROPPED)) == [2]
        assert [ledger.outcome(number).name for number in (1, 2, 3, 4)] == [
            "ACKNOWLEDGED", "DROPPED", "REJECTED", "UNSENT"]  # fmt: skip
        ledger.close()

    def test_counts_over_more_than_one_stretch(self, pages: list[mmap.mmap]) -> None:
        count = (1 << 20) + 5
        pages[0][0:count] = bytes([Outcome.ACKNOWLEDGED]) * count
        ledger = Ledger(pages)
        assert ledger.counts[Outcome.ACKNOWLEDGED] == count
        assert list(ledger.numbers(Outcome.ACKNOWLEDGED))[-1] == 1 + 2 * (count - 1)
        assert ledger.complete
        ledger.close()

    def test_an_empty_one_has_nothing(self, pages: list[mmap.mmap]) -> None:
        ledger = Ledger(pages)
        assert set(ledger.counts.values()) == {0}
        assert ledger.outcome(0) is Outcome.UNSENT
        ledger.close()
