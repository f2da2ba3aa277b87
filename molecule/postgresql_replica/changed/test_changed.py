"""The copy was made anew, and what was there is still on the disk."""

from __future__ import annotations


def test_it_follows_again_and_the_old_copy_is_aside(host, on, sql):
    assert sql(host, "SELECT status FROM pg_stat_wal_receiver") == "streaming"
    aside = host.check_output("ls -d /var/lib/postgresql/*/main.before-*").split()
    assert len(aside) == 1
    assert host.file(f"{aside[0]}/PG_VERSION").exists
    assert sql(on("data1"), "SELECT count(*) FROM pg_replication_slots WHERE active") == "1"
