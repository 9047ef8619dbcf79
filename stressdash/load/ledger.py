"""What became of every request number of a run: one byte each, written by the workers, read by the parent.

Each worker owns one anonymous file that it maps; the parent maps the same file. So nothing is sent, nothing
is lost when a worker dies, and only pages that were written take memory: a byte per request. Worker w of W
writes number w + 1 + i * W at offset i.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from stressdash.samples import Outcome

__all__ = ["CAPACITY", "Ledger", "map_page_file", "new_page_file"]

CAPACITY: Final = 1 << 28
"""Numbers that one worker can book: over 2,000 a second for a day."""
STRETCH: Final = 1 << 20


def new_page_file() -> int:
    """Descriptor of an anonymous, sparse file with room for `CAPACITY` codes."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("stressdash-ledger")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, CAPACITY)
    return descriptor


def map_page_file(descriptor: int) -> mmap.mmap:
    """The file as memory, shared with whoever else maps it."""
    return mmap.mmap(descriptor, CAPACITY)


class Ledger:
    """Read side: outcomes of all workers of a run."""

    def __init__(self, pages: Sequence[mmap.mmap]) -> None:
        """A ledger over the maps of the workers, in their order."""
        self._pages = pages
        self._used = [_used(page) for page in pages]

    @property
    def complete(self) -> bool:
        """False when a worker issued more numbers than it could book."""
        return all(used < CAPACITY for used in self._used)

    def count(self, outcome: Outcome) -> int:
        """How many request numbers ended so."""
        return sum(stretch.count(outcome) for _, _, stretch in self._stretches())

    @property
    def counts(self) -> dict[Outcome, int]:
        """Count per outcome, without `UNSENT`."""
        return {outcome: self.count(outcome) for outcome in Outcome if outcome is not Outcome.UNSENT}

    def numbers(self, outcome: Outcome) -> Iterable[int]:
        """Request numbers that ended so, worker by worker, each in rising order."""
        for worker, start, stretch in self._stretches():
            at = stretch.find(outcome)
            while at >= 0:
                yield worker + 1 + (start + at) * len(self._pages)
                at = stretch.find(outcome, at + 1)

    def codes(self) -> bytes:
        """One code per request number, from number 0, which no request has."""
        workers = len(self._pages)
        codes = bytearray(workers * max(self._used, default=0) + 1)
        for worker, (page, used) in enumerate(zip(self._pages, self._used, strict=True)):
            codes[worker + 1 : worker + 1 + used * workers : workers] = page[:used]
        return bytes(codes)

    def outcome(self, number: int) -> Outcome:
        """What became of one request number."""
        offset, worker = divmod(number - 1, len(self._pages))
        if number < 1 or offset >= self._used[worker]:
            return Outcome.UNSENT
        return Outcome(self._pages[worker][offset])

    def close(self) -> None:
        """Give the memory back."""
        for page in self._pages:
            page.close()

    def _stretches(self) -> Iterator[tuple[int, int, bytes]]:
        """(worker, offset, codes) of all that was written."""
        for worker, (page, used) in enumerate(zip(self._pages, self._used, strict=True)):
            for start in range(0, used, STRETCH):
                yield worker, start, page[start : min(start + STRETCH, used)]


def _used(page: mmap.mmap) -> int:
    """How many codes were written; numbers are issued without gaps."""
    for start in range(0, CAPACITY, STRETCH):
        end = page.find(b"\0", start, start + STRETCH)
        if end >= 0:
            return end
    return CAPACITY
