"""Who may reach the admin endpoint: this machine, or with a setting also the private network around it."""

from __future__ import annotations

import pytest

from service.errors import BadConfiguration
from service.peer import is_loopback, is_private
from service.settings import Settings

DSN = {"STATS_DSN": "mysql://stats:secret@127.0.0.1/stats"}


class TestPrivate:
    @pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "172.18.0.1", "10.1.2.3", "::ffff:192.168.0.9"])
    def test_takes_this_machine_and_private_networks(self, peer: str) -> None:
        assert is_private(peer)

    @pytest.mark.parametrize("peer", ["8.8.8.8", "2001:4860:4860::8888", "", None, "gateway"])
    def test_takes_nobody_else(self, peer: str | None) -> None:
        assert not is_private(peer)

    def test_is_more_than_loopback(self) -> None:
        assert not is_loopback("172.18.0.1")


class TestSetting:
    def test_is_loopback_unless_said_otherwise(self) -> None:
        assert not Settings.from_environment(DSN).admin_private
        assert Settings.from_environment({**DSN, "STATS_ADMIN_PEERS": "private"}).admin_private

    def test_takes_no_other_word(self) -> None:
        with pytest.raises(BadConfiguration, match="STATS_ADMIN_PEERS must be loopback or private"):
            Settings.from_environment({**DSN, "STATS_ADMIN_PEERS": "all"})
