"""Plans: checked when made, identical after crossing to a worker."""

from __future__ import annotations

from typing import Any

import pytest

from stressdash.errors import BadInput, UsageError
from stressdash.load.plan import Plan, Request
from stressdash.wire import from_packed, to_packed

REQUEST = Request("push", headers=(("a", "b"),), body=b"\x00{{request}}{{run}}")


class TestPlan:
    def test_it_crosses_to_a_worker_unchanged(self) -> None:
        plan = Plan(url="http://127.0.0.1/", requests=(REQUEST,), run_id=2**64 - 1)
        assert from_packed(to_packed(plan), Plan) == plan

    def test_each_plan_is_a_run_of_its_own(self) -> None:
        plans = [Plan(url="http://127.0.0.1/", requests=(REQUEST,)) for _ in range(2)]
        assert plans[0].run_id != plans[1].run_id

    @pytest.mark.parametrize("run_id", [0, 1, 2**31 - 2, 2**31 - 1, 2**64 - 1])
    def test_the_run_tag_is_a_positive_int_of_31_bits(self, run_id: int) -> None:
        assert 1 <= Plan(url="", requests=(REQUEST,), run_id=run_id).run_tag <= 2**31 - 1

    def test_identity_needs_run_and_request_in_one_body(self) -> None:
        split = (Request("a", body=b"{{run}}"), Request("b", body=b"{{request}}"))
        assert Plan(url="", requests=(REQUEST,)).has_identity
        assert not Plan(url="", requests=split).has_identity

    @pytest.mark.parametrize(
        "changes",
        [
            {"requests": ()},
            {"connections": 0},
            {"connections": 100_001},
            {"timeout_s": 0},
            {"timeout_s": 3601},
            {"connect_timeout_s": -1},
            {"duration_s": 0},
            {"max_requests": 0},
            {"workers": 0},
            {"stop": "now"},
            {"run_id": 2**64},
        ],
        ids=str,
    )
    def test_figures_out_of_range_are_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(UsageError):
            Plan(**({"url": "http://127.0.0.1/", "requests": (REQUEST,)} | changes))


class TestRequest:
    @pytest.mark.parametrize(
        "changes",
        [
            {"method": "GET /"},
            {"weight": 0},
            {"path": "no-slash"},
            {"path": "/with space"},
            {"headers": (("a b", "c"),)},
            {"headers": (("a", "b\r\nInjected: c"),)},
            {"headers": (("Content-Length", "3"),)},
            {"body": b"{{what}}"},
            {"headers": (("a", "{{what}}"),)},
        ],
        ids=str,
    )
    def test_what_cannot_be_put_on_the_wire_is_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(BadInput):
            Request("push", **changes)
