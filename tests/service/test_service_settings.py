"""The environment and the knobs: what is taken, what is refused and in which words."""

from __future__ import annotations

import pytest

from service.errors import BadConfiguration
from service.pool import Limits
from service.settings import Dsn, Knobs, Settings

DSN = {"STATS_DSN": "mysql://stats:secret@db:3307/stats"}


class TestTheEnvironment:
    def test_needs_nothing_but_a_dsn(self) -> None:
        settings = Settings.from_environment(DSN)
        assert (settings.host, settings.port, settings.admin_token) == ("127.0.0.1", 3000, None)
        assert settings.knobs == Knobs(Limits(0, 2, 0), "inherit", 0, 0.1, apm=False)

    def test_turns_apm_on_when_it_names_a_server(self) -> None:
        given = {**DSN, "ELASTIC_APM_SERVER_URL": "http://127.0.0.1:8200"}
        assert Settings.from_environment(given).knobs.apm
        assert not Settings.from_environment({**given, "STATS_APM": "off"}).knobs.apm

    def test_counts_what_is_empty_as_not_set(self) -> None:
        assert Settings.from_environment({**DSN, "STATS_ADMIN_TOKEN": "", "STATS_PORT": ""}).port == 3000

    @pytest.mark.parametrize(
        ("name", "text", "words"),
        [
            ("STATS_DSN", "", "STATS_DSN is not set"),
            ("STATS_DSN", "postgres://u:secret@h/d", "must have the form mysql://"),
            ("STATS_DSN", "mysql://u:secret@h:port/d", "must have the form mysql://"),
            ("STATS_DSN", "mysql://u:secret@h", "must have the form mysql://"),
            ("STATS_PORT", "70000", "STATS_PORT must be a port number"),
            ("STATS_PORT", "x", "STATS_PORT must be a port number"),
            pytest.param("STATS_PORT", "9" * 5_000, "STATS_PORT must be a port number", id="endless port"),
            ("STATS_WORKERS", "0", "STATS_WORKERS must be a number from 1 to 64"),
            pytest.param("STATS_WORKERS", "9" * 5_000, "must be a number from 1 to 64", id="endless workers"),
            ("STATS_MAX_OPEN", "-1", "max_open must be a whole number from 0 on, not '-1'"),
            ("STATS_MAX_IDLE", "two", "max_idle must be a whole number from 0 on"),
            ("STATS_CONN_MAX_LIFETIME", "nan", "conn_max_lifetime must be a number of seconds"),
            ("STATS_CANCELLATION", "maybe", "cancellation must be inherit or shield"),
            ("STATS_PUSH_TIMEOUT", "-2", "push_timeout must be a number of seconds"),
            ("STATS_SAMPLING", "1.1", "sampling must be a number from 0 to 1"),
            ("STATS_APM", "yes", "apm must be on or off"),
            ("STATS_APM", "on", "ELASTIC_APM_SERVER_URL is not set"),
        ],
    )
    def test_is_refused_in_one_sentence_without_secrets(self, name: str, text: str, words: str) -> None:
        with pytest.raises(BadConfiguration) as raised:
            Settings.from_environment({**DSN, name: text})
        message = str(raised.value)
        assert words in message
        assert "secret" not in message
        assert "\n" not in message

    def test_shows_no_secret_in_its_repr(self) -> None:
        settings = Settings.from_environment(
            {**DSN, "STATS_ADMIN_TOKEN": "t0ken", "ELASTIC_APM_SECRET_TOKEN": "t0ken"}
        )
        assert "secret@" not in repr(settings)
        assert "t0ken" not in repr(settings)


class TestADsn:
    def test_may_quote_what_urls_cannot_hold(self) -> None:
        dsn = Dsn.parse("mysql://us%3Aer:p%40ss%2Fword@[::1]:3306/stats")
        assert (dsn.user, dsn.password, dsn.host, dsn.database) == ("us:er", "p@ss/word", "::1", "stats")

    def test_may_name_a_unix_socket(self) -> None:
        assert Dsn.parse("mysql://stats@/stats?unix_socket=/run/my.sock").unix_socket == "/run/my.sock"


class TestKnobs:
    def test_turn_together_or_not_at_all(self) -> None:
        knobs = Knobs()
        with pytest.raises(BadConfiguration):
            knobs.changed({"max_open": "5", "sampling": "2"})
        turned = knobs.changed({"max_open": "5", "cancellation": "shield", "push_timeout": "1.5"})
        assert (turned.limits.max_open, turned.cancellation, turned.push_timeout_s) == (5, "shield", 1.5)
        assert turned.limits.max_idle == knobs.limits.max_idle

    def test_that_do_not_exist_are_named_with_those_that_do(self) -> None:
        with pytest.raises(BadConfiguration, match=r"no knob 'max_opne'.*max_open, max_idle"):
            Knobs().changed({"max_opne": "5"})
