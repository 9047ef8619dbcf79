"""Own times, counted in the event loop and collected by a thread of the agent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from service.agent import SelfTimes

COLLECTED_S = 0.2
"""What a thread gets that should wait; one that does not is done sooner."""


class TestSelfTimes:
    def test_add_up_by_transaction_and_kind_until_they_are_collected(self) -> None:
        times = SelfTimes(None)
        for _ in range(2):
            times.add("Push", [("app", "", 0.001), ("db", "mysql", 0.002)])
        (app, query) = times.collect()
        assert (app["transaction"]["name"], app["span"]) == ("Push", {"type": "app", "subtype": ""})
        assert query["samples"]["span.self_time.count"] == {"value": 2}
        assert query["samples"]["span.self_time.sum.us"] == {"value": 4_000}
        assert list(times.collect()) == []

    def test_of_a_call_that_is_counted_while_they_are_collected_are_not_lost(self) -> None:
        times = SelfTimes(None)
        collected: list[dict[str, Any]] = []
        thread = threading.Thread(target=lambda: collected.extend(times.collect()))

        def counted() -> Iterator[tuple[str, str, float]]:
            yield "app", "", 0.001
            thread.start()
            thread.join(COLLECTED_S)
            yield "db", "mysql", 0.002

        times.add("Push", counted())
        thread.join()
        collected.extend(times.collect())
        assert [each["span"]["type"] for each in collected] == ["app", "db"]
