"""The second set of variables is in force, and no client lost its connection for it."""

from __future__ import annotations


def test_it_was_reloaded_and_not_restarted(host):
    before = host.file("/root/seen-pid").content_string
    assert host.check_output("systemctl show --property=MainPID --value pgbouncer") == before.strip()


def test_the_settings_are_in_force(host):
    console = "psql -XqtA -h /var/run/postgresql -p 6432 -U pgbouncer pgbouncer"
    rows = host.check_output(f"runuser -u postgres -- {console} -c 'SHOW CONFIG'").splitlines()
    seen = dict(row.split("|")[:2] for row in rows)
    wanted = {
        "default_pool_size": "5",
        "max_client_conn": "200",
        "query_wait_timeout": "3",
        "max_prepared_statements": "0",
        "server_idle_timeout": "30",
    }
    assert {name: seen[name] for name in wanted} == wanted


def test_who_is_not_named_any_more_is_gone(host):
    assert "football_reader" not in host.file("/etc/pgbouncer/userlist.txt").content_string
