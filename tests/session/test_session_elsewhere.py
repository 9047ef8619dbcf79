from __future__ import annotations

import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from stressdash.errors import UsageError
from stressdash.samples import Scope
from stressdash.samples.apm_page import APM_TABS
from stressdash.session.elsewhere import Place, console_search, kibana_link

BASE = "http://127.0.0.1:5601/"
GROUP = Place(1_764_000_000_000, 1_764_000_060_000, Scope("stats"), "3f2a")


class TestConsole:
    @pytest.mark.parametrize("place", [GROUP, *(replace(GROUP, group=None, tab=tab) for tab in APM_TABS)])
    def test_a_search_is_a_line_with_the_index_and_a_body(self, place: Place) -> None:
        line, body = console_search(place).split("\n", 1)
        assert line.startswith("GET ")
        assert "/_search?ignore_unavailable=true&allow_no_indices=true" in line
        assert json.loads(body)["query"]

    def test_it_looks_for_the_group_in_the_time_of_the_run(self) -> None:
        _, body = console_search(GROUP).split("\n", 1)
        assert '"error.grouping_key": "3f2a"' in body
        assert '"gte": 1764000000000' in body

    def test_the_name_of_a_transaction_narrows_it_down(self) -> None:
        place = replace(GROUP, group=None, tab="latency", name="GET /{id}")
        assert '"transaction.name": "GET /{id}"' in console_search(place)


class TestKibana:
    def test_an_error_group_has_a_page_of_its_own(self) -> None:
        link = urlsplit(kibana_link(GROUP, BASE))
        assert link.path == "/app/apm/services/stats/errors/3f2a"
        assert parse_qs(link.query) == {
            "rangeFrom": ["2025-11-24T16:00:00.000Z"],
            "rangeTo": ["2025-11-24T16:01:00.000Z"],
            "environment": ["ENVIRONMENT_ALL"],
        }

    def test_a_transaction_is_named_in_the_query(self) -> None:
        link = kibana_link(replace(GROUP, group=None, tab="latency", name="a/B&c"), BASE)
        assert "/services/stats/transactions/view?" in link
        assert parse_qs(urlsplit(link).query)["transactionName"] == ["a/B&c"]

    def test_hostile_names_cannot_leave_their_place_in_the_path(self) -> None:
        link = kibana_link(replace(GROUP, scope=Scope("../x?y#z")), BASE)
        assert urlsplit(link).path == "/app/apm/services/..%2Fx%3Fy%23z/errors/3f2a"

    def test_without_a_service_only_the_list_of_services_has_a_page(self) -> None:
        nobody = replace(GROUP, group=None, scope=Scope())
        assert urlsplit(kibana_link(replace(nobody, tab="services"), BASE)).path == "/app/apm/services"
        with pytest.raises(UsageError, match="give --apm-service"):
            kibana_link(replace(nobody, tab="dependencies"), BASE)
