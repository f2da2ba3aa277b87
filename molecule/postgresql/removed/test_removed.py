"""What is gone, and what stays."""

from __future__ import annotations


def test_the_server_is_gone_and_its_data_is_not(host):
    assert host.run("ls /usr/lib/postgresql/*/bin/postgres").rc != 0
    assert host.check_output("ls -d /var/lib/postgresql/*/main/base")
