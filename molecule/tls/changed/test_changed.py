"""What the second set of variables changes: a certificate that is renewed in time, with more names."""

from __future__ import annotations

import pytest


def test_the_certificate_was_renewed(on, certificate, days):
    assert days(certificate(on("edge1"))) >= 498
    assert days(certificate(on("app1"))) >= 498


@pytest.mark.parametrize("name", ["api.football.test", "192.0.2.7", "football.test"])
def test_a_strict_client_accepts_the_new_names(host, handshake, name):
    assert "accepted" in handshake(host, name)


def test_key_and_authority_are_the_same(host):
    for name in ("host.key", "ca.crt"):
        assert host.file(f"/root/{name}").content == host.file(f"/etc/golive/tls/{name}").content
