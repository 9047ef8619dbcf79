"""Capacity: refused beforehand, with the sum."""

from __future__ import annotations

import resource
import socket

import pytest
from load_harness import make_plan

from stressdash.errors import UsageError
from stressdash.load import capacity
from stressdash.load.target import Address
from stressdash.load.transport import Transport


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


HERE = Address(socket.AF_INET, "127.0.0.1", 80)
THERE = Address(socket.AF_INET, "10.0.0.1", 80)
UNIX = Address(socket.AF_UNIX, "/run/s", 0)


class TestDoubts:
    @pytest.fixture(autouse=True)
    def tables(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tables = {
            "local_ports": lambda: 30_000,
            "resting_ports": lambda: 29_000,
            "backlog_limit": lambda: 128,
            "port_rest_s": lambda loopback: 1 if loopback else 60,
        }
        for name, told in tables.items():
            monkeypatch.setattr(capacity, name, told)

    def test_there_are_none_about_a_plain_plan(self) -> None:
        assert capacity.doubts_of(make_plan("http://127.0.0.1/"), [HERE]) == []

    def test_insecure_is_said_where_it_matters(self) -> None:
        careless = Transport(insecure=True)
        (doubt,) = capacity.doubts_of(make_plan("https://127.0.0.1/", transport=careless), [HERE])
        assert "not verified (--insecure)" in doubt
        assert capacity.doubts_of(make_plan("http://127.0.0.1/", transport=careless), [HERE]) == []

    def test_answers_served_together_are_said(self) -> None:
        plan = make_plan("http://127.0.0.1/", coalesce_s=0.001)
        (doubt,) = capacity.doubts_of(plan, [HERE])
        assert "every 1 ms (--coalesce): latencies may be told up to that much too long" in doubt

    def test_a_connection_for_each_request_uses_up_ports_that_rest(self) -> None:
        plan = make_plan("http://10.0.0.1/", transport=Transport(keepalive=False))
        (doubt,) = capacity.doubts_of(plan, [THERE])
        assert "30,000 ports for 60 s last for 500 requests/s" in doubt
        assert capacity.doubts_of(plan, [HERE]) == []

    def test_a_rate_that_ports_can_keep_up_with_is_none(self) -> None:
        slow = make_plan("http://10.0.0.1/", transport=Transport(keepalive=False), rate=400.0)
        assert capacity.doubts_of(slow, [THERE]) == []

    def test_ports_that_still_rest_are_told(self) -> None:
        (doubt,) = capacity.doubts_of(make_plan("http://10.0.0.1/", connections=2_000), [THERE])
        assert "29,000 of 30,000 local ports still rest" in doubt

    def test_a_short_listen_queue_of_this_machine_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(capacity, "backlog_limit", lambda: 16)
        plan = make_plan("http://127.0.0.1/", connections=50)
        assert any("net.core.somaxconn" in doubt for doubt in capacity.doubts_of(plan, [UNIX]))
        assert capacity.doubts_of(plan, [THERE]) == []

    def test_a_unix_socket_takes_no_ports(self, limits: None) -> None:
        capacity.check_capacity(6_000, 2, 0)
