"""The target guard: loopback and private addresses go, others are refused."""

from __future__ import annotations

import socket

import pytest

from stressdash.errors import BadInput, TargetRefused
from stressdash.load.target import Address, Target, guard, parse_url, resolve


def address(host: str) -> Address:
    return Address(socket.AF_INET6 if ":" in host else socket.AF_INET, host, 80)


class TestUrls:
    @pytest.mark.parametrize(
        ("url", "target"),
        [
            ("http://localhost", Target("http", "localhost", 80, "/")),
            ("http://127.0.0.1:8080/a/b?c=d", Target("http", "127.0.0.1", 8080, "/a/b?c=d")),
            ("http://[::1]:81/x y", Target("http", "::1", 81, "/x%20y")),
            ("http://bücher.example/", Target("http", "xn--bcher-kva.example", 80, "/")),
            ("http://h/?q=ü", Target("http", "h", 80, "/?q=%C3%BC")),
            ("https://h/x", Target("https", "h", 443, "/x")),
            ("https://[::1]:80/", Target("https", "::1", 80, "/")),
        ],
    )
    def test_parts(self, url: str, target: Target) -> None:
        assert parse_url(url) == target

    def test_the_host_header_has_the_port_unless_it_is_the_schemes_own(self) -> None:
        assert parse_url("http://[::1]:81/").authority == "[::1]:81"
        assert parse_url("https://host:80/").authority == "host:80"
        assert parse_url("https://host:443/").authority == "host"
        assert parse_url("http://host/").authority == "host"

    @pytest.mark.parametrize(
        "url",
        ["", "localhost:80", "ftp://h/", "http://", "http:///x", "http://h:0/", "http://h:99999/", "http://[::1/",
         "http://" + "a" * 70 + ".example/", "http://ü" + "a" * 70 + "/"],
    )  # fmt: skip
    def test_bad_ones_are_refused_in_one_sentence(self, url: str) -> None:
        if url == "http://" + "a" * 70 + ".example/":
            assert parse_url(url).port == 80  # the resolver says no
            return
        with pytest.raises(BadInput):
            parse_url(url)

    @pytest.mark.parametrize(
        "url", ["http://user:hunter2@127.0.0.1/", "ftp://user:hunter2@h/", "http://u:hunter2@h:x/"]
    )
    def test_credentials_are_refused_and_never_repeated(self, url: str) -> None:
        with pytest.raises(BadInput) as caught:
            parse_url(url)
        assert "hunter2" not in str(caught.value)


class TestGuard:
    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "127.8.9.10", "::1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
         "fd00::1",         "fe80::1%eth0", "::ffff:127.0.0.1"],
    )  # fmt: skip
    def test_loopback_and_private_addresses_go(self, host: str) -> None:
        guard(Target("http", "name", 80, "/"), [address(host)], ())

    @pytest.mark.parametrize(
        "host",
        ["8.8.8.8", "172.32.0.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "0.0.0.0", "224.0.0.1",
         "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::808:808", "::"],
    )  # fmt: skip
    def test_any_other_is_refused_and_the_way_out_is_named(self, host: str) -> None:
        with pytest.raises(TargetRefused, match="--allow-target name"):
            guard(Target("http", "name", 80, "/"), [address(host)], ())

    def test_one_public_address_among_private_ones_is_enough(self) -> None:
        with pytest.raises(TargetRefused):
            guard(Target("http", "name", 80, "/"), [address("10.0.0.1"), address("8.8.8.8")], ())

    def test_a_host_named_by_the_user_goes(self) -> None:
        guard(Target("http", "Example.org", 80, "/"), [address("8.8.8.8")], ("example.ORG",))

    def test_its_subdomains_and_parents_do_not(self) -> None:
        for allowed in ("org", "www.example.org", "8.8.8.8", "*"):
            with pytest.raises(TargetRefused):
                guard(Target("http", "example.org", 80, "/"), [address("8.8.8.8")], (allowed,))


class TestResolve:
    async def test_addresses_come_once_each(self) -> None:
        found = await resolve(Target("http", "127.0.0.1", 81, "/"))
        assert found == (Address(socket.AF_INET, "127.0.0.1", 81),)

    async def test_odd_ways_to_write_an_address_cannot_slip_by(self) -> None:
        target = parse_url("http://134744072/")  # 8.8.8.8 as one number
        with pytest.raises(TargetRefused):
            guard(target, await resolve(target), ())
