"""Timers: one live entry per connection, the latest set."""

from __future__ import annotations

from stressdash.load.connection import NEVER_NS, Connection
from stressdash.load.timers import Timers


class TestTimers:
    def test_what_is_due_comes_in_order_of_time(self) -> None:
        timers = Timers()
        connections = [Connection(number) for number in range(3)]
        for connection, at_ns in zip(connections, (30, 10, 20), strict=True):
            timers.set(connection, at_ns)
        assert [connection.number for connection in timers.due(25)] == [1, 2]
        assert timers.next_ns == 30

    def test_a_later_setting_replaces_an_earlier_one(self) -> None:
        timers = Timers()
        connection = Connection(0)
        timers.set(connection, 10)
        timers.set(connection, 50)
        assert list(timers.due(10)) == []
        assert list(timers.due(50)) == [connection]

    def test_a_cleared_alarm_never_rings(self) -> None:
        timers = Timers()
        connection = Connection(0)
        timers.set(connection, 10)
        connection.alarm_ns = NEVER_NS
        assert list(timers.due(100)) == []
        assert timers.next_ns == NEVER_NS

    def test_one_that_rang_can_be_set_again_while_ringing(self) -> None:
        timers = Timers()
        connection = Connection(0)
        timers.set(connection, 10)
        for rung in timers.due(10):
            timers.set(rung, 15)
        assert timers.next_ns == 15
