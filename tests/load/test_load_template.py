"""Templates: fields bound to a run, everything else left as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stressdash.errors import BadInput
from stressdash.load.field import Source
from stressdash.load.template import Template


class TestFields:
    def test_request_number_and_run_tag(self) -> None:
        template = Template.parse(b'{"section":{{run}},"id":{{ request }}}')
        assert template.bind(Source(77)).render(5) == b'{"section":77,"id":5}'
        assert template.names == {"run", "request"}

    def test_percent_signs_are_literal(self) -> None:
        assert Template.parse(b"100% %d {{request}}").bind(Source(1)).render(9) == b"100% %d 9"

    def test_four_braces_are_two(self) -> None:
        assert Template.parse(b"{{{{request}}").bind(Source(1)).render(1) == b"{{request}}"

    @pytest.mark.parametrize("text", [b"{{nothing}}", b"{{}}", b"{{request"])
    def test_unknown_and_unclosed_fields_are_refused(self, text: bytes) -> None:
        with pytest.raises(BadInput, match="template"):
            Template.parse(text)

    @given(st.binary().filter(lambda text: b"{{" not in text))
    def test_text_without_fields_comes_back_as_it_was(self, text: bytes) -> None:
        assert Template.parse(text).bind(Source(1)).render(1) == text
