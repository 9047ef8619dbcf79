"""Which text is the URL of a server that speaks HTTP."""

from __future__ import annotations

import pytest

from stressdash.urls import http_parts


class TestHttpParts:
    @pytest.mark.parametrize("url", ["http://x", "https://[::1]:9200/a?b", "http://user:secret@x:1/"])
    def test_are_those_of_a_url(self, url: str) -> None:
        parts = http_parts(url)
        assert parts is not None
        assert parts.geturl() == url

    @pytest.mark.parametrize(
        "text",
        ["", "x", "x:9200", "ftp://x", "http://", "http://[", "http://x:0", "http://x:99999", "http://x:y"],
    )
    def test_are_none_of_another_text(self, text: str) -> None:
        assert http_parts(text) is None
