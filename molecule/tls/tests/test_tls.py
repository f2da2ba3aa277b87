"""Certificates as clients and services meet them, after a reboot."""

from __future__ import annotations

import pytest
from cryptography import x509

FILES = {
    "ca.crt": ("root", "root", 0o644),
    "public-ca.crt": ("root", "root", 0o644),
    "host.crt": ("root", "root", 0o644),
    "host.key": ("root", "golive-tls", 0o640),
    "host.pem": ("root", "golive-tls", 0o640),
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", ["edge1", "app1"])
def test_only_who_must_reads_the_files(on, where, name):
    file = on(where).file(f"/etc/golive/tls/{name}")
    assert (file.user, file.group, file.mode) == FILES[name]


def test_users_see_the_certificate_of_the_host(host, handshake):
    assert host.file("/etc/golive/tls/public.pem").linked_to == "/etc/golive/tls/host.pem"
    pem, ca = "/etc/golive/tls/public.pem", "/etc/golive/tls/public-ca.crt"
    assert "accepted" in handshake(host, "football.test", pem=pem, ca=ca)


@pytest.mark.parametrize("name", ["football.test", "edge1", "localhost", "127.0.0.1"])
def test_a_strict_client_accepts_the_names(host, handshake, name):
    assert "accepted TLSv1.3" in handshake(host, name)


def test_a_strict_client_accepts_the_address(host, handshake, address):
    assert "accepted" in handshake(host, address("edge1"))


@pytest.mark.parametrize("name", ["other.test", "app1", "192.0.2.7"])
def test_a_client_refuses_other_names(host, handshake, name):
    assert "certificate verify failed" in handshake(host, name)


def test_only_the_edge_carries_the_public_name(on, handshake):
    assert "certificate verify failed" in handshake(on("app1"), "football.test")


def test_the_certificate_is_for_a_service_and_no_authority(host, certificate):
    extensions = certificate(host).extensions
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert not usage.key_cert_sign


def test_the_key_of_the_authority_never_comes_to_a_host(host, authority_key):
    lines = authority_key.splitlines()[1:3]
    found = host.run(f"grep -rlF -e {lines[0]} -e {lines[1]} / --exclude-dir=proc --exclude-dir=sys")
    assert found.stdout == ""
    own = host.file("/etc/golive/tls/host.key").content_string.splitlines()[1]
    assert "/etc/golive/tls/host.pem" in host.run(f"grep -rlF -e {own} /etc").stdout  # a search that finds


def test_no_host_shares_its_key(on):
    keys = {on(name).file("/etc/golive/tls/host.key").content_string for name in ("edge1", "app1")}
    assert len(keys) == 2


def test_what_the_next_converge_must_keep_is_noted(host):
    host.check_output("cp -p /etc/golive/tls/host.key /etc/golive/tls/ca.crt /root/")
