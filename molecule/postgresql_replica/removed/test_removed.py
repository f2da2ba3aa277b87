"""What is gone, and what stays."""

from __future__ import annotations


def test_it_follows_nobody_and_its_data_is_still_there(host):
    assert host.run("pgrep -x postgres").rc == 1
    assert not host.run("ls /etc/postgresql/*/main/conf.d/golive-replica.conf").succeeded
    assert host.check_output("ls /var/lib/postgresql/*/main/PG_VERSION")
