"""The audit is a difference of sets, and says what naive sets would say."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stressdash.samples import Outcome
from stressdash.store.audit import Audit, audit, net_audit

ledgers = st.lists(st.sampled_from(list(Outcome)), max_size=60).map(
    lambda ends: bytes([Outcome.UNSENT, *ends])
)


class TestAudit:
    @given(ledgers, st.lists(st.integers(0, 80), max_size=80))
    def test_agrees_with_naive_sets(self, codes: bytes, stored: list[int]) -> None:
        numbers = {end: {n for n, code in enumerate(codes) if code == end} for end in Outcome}
        rows = set(stored)
        assert audit(codes, iter(stored)) == Audit(
            acknowledged=len(numbers[Outcome.ACKNOWLEDGED]),
            stored=len(stored),
            lost=len(numbers[Outcome.ACKNOWLEDGED] - rows),
            orphaned=len(rows - numbers[Outcome.ACKNOWLEDGED]),
            dropped=len((numbers[Outcome.IN_FLIGHT] | numbers[Outcome.DROPPED]) - rows),
            rejected=len(numbers[Outcome.REJECTED] - rows),
            duplicates=sum(count - 1 for count in Counter(stored).values()),
        )

    @given(ledgers, st.lists(st.integers(0, 80), max_size=80))
    def test_books_of_rows_balance(self, codes: bytes, stored: list[int]) -> None:
        found = audit(codes, stored)
        assert found.lost is not None
        assert found.orphaned is not None
        assert found.duplicates is not None
        assert found.stored == found.acknowledged - found.lost + found.orphaned + found.duplicates
        assert found.net == found.stored - found.acknowledged

    def test_tells_the_fates_apart(self) -> None:
        codes = bytes(
            [
                0,
                Outcome.ACKNOWLEDGED,
                Outcome.ACKNOWLEDGED,
                Outcome.REJECTED,
                Outcome.DROPPED,
                Outcome.IN_FLIGHT,
            ]
        )
        assert audit(codes, [1, 1, 4]) == Audit(
            acknowledged=2, stored=3, lost=1, orphaned=1, dropped=1, rejected=1, duplicates=1
        )

    def test_a_row_that_nobody_sent_is_an_orphan(self) -> None:
        found = audit(bytes([0, Outcome.ACKNOWLEDGED]), [1, 77, 77, -3])
        assert (found.lost, found.orphaned, found.duplicates) == (0, 2, 1)

    def test_an_empty_run_has_empty_books(self) -> None:
        assert audit(b"", []) == Audit(0, 0, 0, 0, 0, 0, 0)


class TestNetAudit:
    def test_knows_only_the_net_without_an_identity(self) -> None:
        found = net_audit(acknowledged=90, rows_before=10, rows_after=105)
        assert (found.stored, found.net) == (95, 5)
        assert (found.lost, found.orphaned, found.dropped, found.rejected, found.duplicates) == (None,) * 5
