"""What is gone, and what stays."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/etc/golive/tls",
        "/usr/local/lib/golive/certificate",
        "/etc/systemd/system/golive-certificate.service",
        "/etc/systemd/system/golive-certificate.timer",
    ],
)
def test_nothing_of_the_role_is_left(host, path):
    assert not host.file(path).exists


def test_the_timer_is_gone(host):
    assert host.run("systemctl is-active golive-certificate.timer").stdout.strip() == "inactive"


def test_the_accounts_stay(host):
    assert host.check_output("find /var/lib/golive-acme/accounts -name private_key.json")
