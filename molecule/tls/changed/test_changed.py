"""The second set: a certificate that is renewed in time with more names, and certificates from somebody else."""

from __future__ import annotations

import pytest

FILES = {
    "public-ca.crt": ("root", "root", 0o644),
    "public.crt": ("root", "root", 0o644),
    "public.key": ("root", "golive-tls", 0o640),
    "public.pem": ("root", "golive-tls", 0o640),
}


def test_the_certificate_was_renewed(on, certificate, days):
    assert days(certificate(on("edge1"))) >= 498


@pytest.mark.parametrize("name", ["api.football.test", "192.0.2.7", "football.test"])
def test_a_strict_client_accepts_the_new_names(host, handshake, name):
    assert "accepted" in handshake(host, name)


def test_key_and_authority_are_the_same(host):
    for name in ("host.key", "ca.crt"):
        assert host.file(f"/root/{name}").content == host.file(f"/etc/golive/tls/{name}").content


@pytest.mark.parametrize("name", ["app1", "localhost", "127.0.0.1"])
def test_a_strict_client_accepts_what_was_provided(on, handshake, name):
    assert "accepted TLSv1.3" in handshake(on("app1"), name)


@pytest.mark.parametrize("name", ["host.crt", "host.key", "host.pem"])
def test_a_provided_one_comes_out_as_any_other(on, name):
    provided, own = (on(where).file(f"/etc/golive/tls/{name}") for where in ("app1", "edge1"))
    assert (provided.user, provided.group, provided.mode) == (own.user, own.group, own.mode)


@pytest.mark.parametrize("name", FILES)
def test_only_who_must_reads_what_users_see(host, name):
    file = host.file(f"/etc/golive/tls/{name}")
    assert not file.is_symlink
    assert (file.user, file.group, file.mode) == FILES[name]


def test_users_see_another_certificate_than_the_services(host, handshake):
    tls = "/etc/golive/tls"
    assert "accepted" in handshake(host, "football.test", pem=f"{tls}/public.pem", ca=f"{tls}/public-ca.crt")
    assert "certificate verify failed" in handshake(host, "football.test", pem=f"{tls}/public.pem")
    assert "certificate verify failed" in handshake(host, "edge1", pem=f"{tls}/public.pem", ca=f"{tls}/public-ca.crt")


def test_a_host_without_users_only_knows_whom_they_trust(on):
    assert on("app1").file("/etc/golive/tls/public-ca.crt").content == on("app1").file("/etc/golive/tls/ca.crt").content
    assert not on("app1").file("/etc/golive/tls/public.pem").exists
