"""Capacity: refused beforehand, with the sum."""

from __future__ import annotations

import resource

import pytest

from stressdash.errors import UsageError
from stressdash.load import capacity


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(capacity, "local_ports", lambda: 5000)


class TestCapacity:
    def test_what_fits_passes(self, limits: None) -> None:
        capacity.check_capacity(4032, 1, 1)
        capacity.check_capacity(5000, 2, 1)

    def test_descriptors_are_counted_per_worker(self, limits: None) -> None:
        with pytest.raises(UsageError, match=r"4033 \+ 64 open files.*hard limit is 4096.*at most 4032"):
            capacity.check_capacity(4033, 1, 1)

    def test_local_ports_are_counted_per_address(self, limits: None) -> None:
        with pytest.raises(UsageError, match=r"there are 1 x 5000.*at most 5000"):
            capacity.check_capacity(5001, 2, 1)
        capacity.check_capacity(8000, 2, 2)

    def test_one_worker_until_there_are_too_many_connections_for_it(self) -> None:
        assert capacity.workers_needed(1, 0) == capacity.workers_needed(5000, 20_000) == 1
        assert capacity.workers_needed(5001, 0) <= 2
