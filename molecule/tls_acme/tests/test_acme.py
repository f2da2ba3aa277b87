"""A certificate from an ACME server by HTTP-01: as users meet it after a reboot, and when it is renewed or is not."""

from __future__ import annotations

import json
import re

import pytest

UNITS = ["golive-certificate", "haproxy"]
FILES = {
    "public.crt": ("root", "root", 0o644),
    "public.key": ("root", "golive-tls", 0o640),
    "public.pem": ("root", "golive-tls", 0o640),
    "public-ca.crt": ("root", "root", 0o644),
    "host.crt": ("root", "root", 0o644),
    "host.key": ("root", "golive-tls", 0o640),
    "host.pem": ("root", "golive-tls", 0o640),
}
STATE = "/var/lib/golive-acme"
SUMS = "find /etc/golive/tls -type f -exec sha256sum '{}' +"
_POST = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], sys.argv[2].encode())"


@pytest.fixture
def dns(on, address):
    """Let the ACME server find the name at another host, and the next test at the edge again."""

    def point(name: str) -> None:
        url, body = "http://localhost:8055/set-default-ipv4", json.dumps({"ip": address(name)})
        on("acme1").check_output("python3 -c %s %s %s", _POST, url, body)

    yield point
    point("edge1")


@pytest.mark.parametrize("name", FILES)
def test_only_who_must_reads_the_files(host, name):
    file = host.file(f"/etc/golive/tls/{name}")
    assert (file.user, file.group, file.mode) == FILES[name]


@pytest.mark.parametrize("name", ["football.test", "www.football.test"])
def test_users_meet_the_certificate_of_the_acme_server(certificate, handshake, name):
    assert int(handshake(name), 16) == certificate("public.crt").serial_number
    assert "Pebble" in certificate("public.crt").issuer.rfc4514_string()


def test_users_do_not_meet_the_own_authority(certificate, handshake):
    assert "certificate verify failed" in handshake("football.test", ca="ca.crt")
    assert "football golive CA" in certificate("host.crt").issuer.rfc4514_string()


def test_the_account_is_kept_for_root_alone(host):
    keys = host.check_output(f"find {STATE}/accounts -name private_key.json").splitlines()
    assert len(keys) == 1
    assert (host.file(keys[0]).user, host.file(keys[0]).mode & 0o077) == ("root", 0)
    assert host.file(STATE).mode == 0o700


def test_the_timer_waits(host):
    timer = host.service("golive-certificate.timer")
    assert timer.is_enabled
    assert timer.is_running
    assert "golive-certificate.service" in host.check_output("systemctl list-timers golive-certificate.timer")


def test_the_service_is_hardened(host):
    said = host.run("systemd-analyze security --no-pager golive-certificate.service").stdout
    exposure = re.search(r"Overall exposure level for golive-certificate.service: ([0-9.]+)", said)
    assert exposure, said
    assert float(exposure[1]) < 3.0, said


def test_one_that_is_not_due_is_not_asked_for(certificate, renew):
    before = certificate("public.crt").serial_number
    assert renew() == ""
    assert certificate("public.crt").serial_number == before


@pytest.mark.usefixtures("another")
def test_a_new_one_is_served_without_a_reload_and_without_a_loss(host, certificate, handshake, renew, under_requests):
    before = certificate("public.crt").serial_number
    with under_requests() as requests:
        assert renew() == ""
    after = certificate("public.crt").serial_number
    assert [int(serial, 16) for serial in requests.serials] == [before, after]
    assert (requests.lost, requests.answered > 50) == (0, True)
    assert int(handshake("football.test"), 16) == after
    assert host.file("/etc/golive/tls/public.pem").mode == 0o640
    # A reload reads the file, and must not bring the old one back.
    host.check_output("systemctl reload haproxy")
    assert int(handshake("football.test"), 16) == after


@pytest.mark.usefixtures("another")
def test_a_key_that_does_not_match_is_never_served(host, handshake, renew):
    before, files = handshake("football.test"), host.check_output(SUMS)
    # As if the client wrote a certificate and the key of another.
    host.check_output(
        "mkdir -p /run/systemd/system/golive-certificate.service.d /usr/local/lib/broken && "
        "printf '[Service]\\nEnvironment=PATH=/usr/local/lib/broken:/usr/bin\\n' "
        ">/run/systemd/system/golive-certificate.service.d/broken.conf && "
        "printf '#!/bin/sh\\n/usr/bin/certbot \"$@\" && cat /etc/golive/tls/host.key >%s/live/golive/privkey.pem\\n' "
        f"{STATE} >/usr/local/lib/broken/certbot && chmod 755 /usr/local/lib/broken/certbot && systemctl daemon-reload"
    )
    try:
        said = renew()
    finally:
        host.check_output(
            "rm -r /run/systemd/system/golive-certificate.service.d /usr/local/lib/broken && systemctl daemon-reload"
        )
    assert said == (
        "the certificate from https://acme1:14000/dir is not put into service: "
        "the key does not belong to the certificate"
    )
    assert host.run("systemctl is-failed golive-certificate.service").rc == 0
    assert handshake("football.test") == before
    assert host.check_output(SUMS) == files
    # The next run sees that what it has is of no use, and asks again.
    assert renew() == ""
    assert handshake("football.test") != before


@pytest.mark.usefixtures("another")
def test_a_name_that_leads_elsewhere_leaves_the_old_one(host, address, dns, handshake, renew):
    before = handshake("football.test")
    dns("acme1")
    said = renew()
    assert said.startswith("https://acme1:14000/dir issued no certificate for football.test, www.football.test: ")
    assert f"dial tcp {address('acme1')}:80: connect: connection refused" in said
    assert host.run("systemctl is-failed golive-certificate.service").rc == 0
    assert handshake("football.test") == before


@pytest.fixture
def no_nonces(on, host):
    """Another directory, whose server refuses every nonce, as servers do at times."""
    on("acme1").check_output(
        "sed 's/:14000/:14002/; s/:15000/:15002/' /etc/pebble-long.json >/run/pebble-never.json && "
        "systemd-run --quiet --unit pebble-never --setenv PEBBLE_WFE_NONCEREJECT=100 "
        "/usr/bin/pebble -config /run/pebble-never.json -dnsserver 127.0.0.1:8053 && "
        "timeout 30 sh -c 'until ss -Hltn sport = :14002 | grep -q .; do sleep 0.2; done'"
    )
    host.check_output(
        "mkdir -p /run/systemd/system/golive-certificate.service.d && "
        "sed 's/:14000/:14002/' /etc/golive/tls/acme/settings.json >/run/never.json && "
        "printf '[Service]\\nEnvironment=GOLIVE_ACME_SETTINGS=/run/never.json\\n' "
        ">/run/systemd/system/golive-certificate.service.d/never.conf && systemctl daemon-reload"
    )
    yield
    host.check_output("rm -r /run/systemd/system/golive-certificate.service.d && systemctl daemon-reload")
    on("acme1").check_output("systemctl stop pebble-never")


@pytest.mark.usefixtures("another", "no_nonces")
def test_a_refused_nonce_means_another_try(host, handshake, renew):
    before = handshake("football.test")
    said = renew()
    assert said.startswith("https://acme1:14002/dir issued no certificate for football.test, www.football.test: ")
    assert "anti-replay nonce" in said
    told = host.check_output("journalctl --identifier golive-certificate --lines 6 --output cat")
    assert told.count("the server refused a nonce twice, asking again") == 4
    assert handshake("football.test") == before


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
