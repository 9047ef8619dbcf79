"""Every knob: what may be typed, and what is read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import UsageError
from stressdash.samples import PoolStatus, ServiceStatus
from stressdash.stack.knobs import EVERY_KNOB, KnobSpec, Readings, find
from stressdash.stack.limits import Limits

POOL = PoolStatus(800, 5, 3, 2, 1, 0, 0, 0.0, 0, 0, 0)
SERVICE = ServiceStatus(
    pool=POOL,
    cancellation="shield",
    push_timeout_s=2.5,
    sampling=1.0,
    apm_enabled=False,
    conn_max_lifetime_s=60.0,
    workers=2,
)
VARIABLES = {"max_connections": "151", "innodb_flush_log_at_trx_commit": "2"}
KNOBS = EVERY_KNOB
READINGS = Readings(SERVICE, VARIABLES, {"service": Limits(1.5, 512), "database": Limits()})
NAMES = [spec.name for spec in KNOBS]


def knob(name: str) -> KnobSpec:
    return find(KNOBS, name)


class TestParse:
    @pytest.mark.parametrize(
        ("name", "typed", "canonical"),
        [
            ("max_open", " 1k ", "1000"),
            ("max_idle", "0", "0"),
            ("conn_max_lifetime", "1m30s", "90"),
            ("push_timeout", "500ms", "0.5"),
            ("push_timeout", "2.50", "2.5"),
            ("cancellation", "Shield", "shield"),
            ("sampling", "1", "1"),
            ("sampling", ".25", "0.25"),
            ("apm", "off", "off"),
            ("max_connections", "1,000", "1000"),
        ],
    )
    def test_gives_one_form_to_what_people_write(self, name: str, typed: str, canonical: str) -> None:
        assert knob(name).parse(typed) == canonical

    @pytest.mark.parametrize(
        ("name", "typed", "sentence"),
        [
            ("max_open", "-1", "max_open is a whole number from 0 to 100000, not '-1'"),
            ("max_open", "many", "max_open is a whole number from 0 to 100000, not 'many'"),
            ("max_connections", "0", "max_connections is a whole number from 1 to 100000, not '0'"),
            ("max_connections", "1e3", "max_connections is a whole number from 1 to 100000, not '1e3'"),
            ("push_timeout", "2h", "push_timeout is a duration from 0 to 3600 s, not '2h'"),
            ("sampling", "nan", "sampling is a number from 0 to 1, not 'nan'"),
            ("sampling", "1.01", "sampling is a number from 0 to 1, not '1.01'"),
            ("cancellation", "", "cancellation is one of inherit, shield, not ''"),
            ("apm", "true", "apm is one of on, off, not 'true'"),
        ],
    )
    def test_refuses_the_rest_and_names_the_range(self, name: str, typed: str, sentence: str) -> None:
        with pytest.raises(UsageError) as caught:
            knob(name).parse(typed)
        assert str(caught.value) == sentence

    @pytest.mark.parametrize("name", NAMES)
    @given(st.text(max_size=12))
    def test_gives_its_own_form_back_or_a_usage_error(self, name: str, typed: str) -> None:
        try:
            canonical = knob(name).parse(typed)
        except UsageError:
            return
        assert knob(name).parse(canonical) == canonical

    @pytest.mark.parametrize("name", NAMES)
    def test_takes_its_own_default(self, name: str) -> None:
        assert knob(name).parse(knob(name).shown.default) == knob(name).shown.default


class TestRead:
    def test_every_knob_is_read_back_from_its_component(self) -> None:
        actual = {spec.name: spec.read(READINGS, desired=None, error="").actual for spec in KNOBS}
        assert actual == {
            "max_open": "800",
            "max_idle": "5",
            "conn_max_lifetime": "60",
            "cancellation": "shield",
            "push_timeout": "2.5",
            "sampling": "1",
            "apm": "off",
            "workers": "2",
            "max_connections": "151",
            "innodb_flush_log_at_trx_commit": "2",
            "service_cpus": "1.5",
            "service_memory": "512",
            "database_cpus": "0",
            "database_memory": "0",
        }

    @pytest.mark.parametrize("name", NAMES)
    def test_what_cannot_be_asked_is_unknown(self, name: str) -> None:
        assert knob(name).read(Readings(), desired="1", error="no").actual is None
        empty = knob(name).read(Readings(ServiceStatus(), {}, {}), desired=None, error="")
        assert empty.actual is None


class TestFind:
    def test_suggests_the_near_one(self) -> None:
        with pytest.raises(UsageError, match="no knob 'max_conections'; did you mean 'max_connections'"):
            find(KNOBS, "max_conections")

    def test_lists_all_where_none_is_near(self) -> None:
        with pytest.raises(UsageError, match="the knobs are max_open, max_idle, "):
            find(KNOBS, "zzz")
