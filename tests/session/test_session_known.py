from __future__ import annotations

import pytest

from stressdash.samples import Knob
from stressdash.session.known import governing, known_error


class TestKnownErrors:
    @pytest.mark.parametrize(
        ("texts", "knob"),
        [
            (("Error 1040: Too many connections",), "max_open"),
            (("OperationalError: (1040, 'Too many connections')",), "max_open"),
            (("twirp error internal: context canceled",), "cancellation"),
            (("context deadline exceeded",), "push_timeout"),
            (("POST /push", "timeout response"), "max_open"),
        ],
    )
    def test_name_the_knob_that_governs_them_first(self, texts: tuple[str, ...], knob: str) -> None:
        known = known_error(*texts)
        assert known is not None
        assert known.knobs[0] == knob
        assert known.explanation

    @pytest.mark.parametrize(
        ("code", "words"),
        [
            ("tls UNKNOWN_ISSUER", "--cacert"),
            ("tls HOSTNAME_MISMATCH", "another name"),
            ("tls WRONG_VERSION_NUMBER", "http://"),
            ("tls TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "HTTP/2 only"),
            ("protocol http2", "HTTP/2 only"),
            ("tls TLSV13_ALERT_CERTIFICATE_REQUIRED", "--cert"),
            ("tls EOF", "OpenSSL"),
            ("dns EAI_NONAME", "--resolve-every"),
            ("connect EADDRNOTAVAIL", "ip_local_port_range"),
            ("connect EMFILE", "ulimit"),
            ("timeout tls", "--connect-timeout"),
            ("connect ECONNREFUSED", "Nothing accepts"),
        ],
    )
    def test_of_connections_say_what_to_do(self, code: str, words: str) -> None:
        known = known_error("", code)
        assert known is not None
        assert words in known.explanation

    def test_an_error_that_nobody_knows_is_not_explained(self) -> None:
        assert known_error("kaboom", "http 500") is None
        assert governing(None, ()) == ()

    def test_knobs_come_with_their_present_values_and_missing_ones_are_left_out(self) -> None:
        knob = Knob("max_open", "pool limit", "service", "int", "live", None, "800", "0")
        known = known_error("Error 1040")
        assert governing(known, (knob,)) == (knob,)
