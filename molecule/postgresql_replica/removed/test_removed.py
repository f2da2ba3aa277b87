"""What is gone, and what stays."""

from __future__ import annotations


def test_it_follows_nobody_and_its_data_is_still_there(host, on, sql):
    assert sql(on("data1"), "SELECT count(*) FROM pg_replication_slots") == "0"
    assert host.run("pgrep -x postgres").rc == 1
    assert host.check_output("ls /var/lib/postgresql/*/main/PG_VERSION")
