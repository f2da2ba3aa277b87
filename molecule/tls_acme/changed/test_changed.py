"""What the second set changes: another directory, whose certificates live for 45 s, and DNS-01."""

from __future__ import annotations

import datetime

UNITS = ["golive-certificate", "haproxy"]
SOON = "/run/systemd/system/golive-certificate.timer.d"


def test_another_directory_means_another_certificate(host, certificate):
    found = certificate("public.crt")
    assert found.not_valid_after_utc - found.not_valid_before_utc <= datetime.timedelta(seconds=45)
    assert host.file("/var/lib/golive-acme/directory").content_string == "https://acme1:14001/dir"


def test_each_directory_has_its_account(host):
    assert len(host.check_output("find /var/lib/golive-acme/accounts -name private_key.json").splitlines()) == 2


def test_the_hook_and_its_token_are_for_root_alone(host):
    modes = {name: host.file(f"/etc/golive/tls/acme/{name}").mode for name in ("dns-hook", "dns-settings")}
    assert modes == {"dns-hook": 0o700, "dns-settings": 0o600}


def test_the_timer_renews_a_short_lived_one_in_time(host, certificate, handshake, under_requests, until):
    before = certificate("public.crt").serial_number
    host.check_output(
        f"mkdir -p {SOON} && "
        "printf '[Timer]\\nOnCalendar=\\nRandomizedDelaySec=0\\nAccuracySec=100ms\\n"
        "OnActiveSec=1\\nOnUnitInactiveSec=2\\n' "
        f">{SOON}/soon.conf && systemctl daemon-reload && systemctl restart golive-certificate.timer"
    )

    def renewed() -> bool:
        # The files come first, then HAProxy, then the run ends.
        running = "systemctl show -P ActiveState golive-certificate.service"
        return certificate("public.crt").serial_number != before and host.check_output(running) == "inactive"

    try:
        with under_requests() as requests:
            assert until(renewed, 60)
    finally:
        host.check_output(
            f"rm -r {SOON} && systemctl daemon-reload && systemctl restart golive-certificate.timer && "
            "while systemctl is-active -q golive-certificate.service || "
            "test $(systemctl show -P ActiveState golive-certificate.service) = activating; do sleep 0.2; done"
        )
    after = certificate("public.crt").serial_number
    assert [int(serial, 16) for serial in requests.serials] == [before, after]
    assert (requests.lost, requests.answered > 50) == (0, True)
    assert int(handshake("www.football.test"), 16) == after  # by a client that asks for the time, too


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
