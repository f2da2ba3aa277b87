"""What the second set of variables changes, without a restart, and what may not be changed without leave."""

from __future__ import annotations

UNITS = ["postgresql@*"]


def test_the_new_settings_are_in_force(host, sql):
    assert sql(host, "SHOW log_min_duration_statement") == "50ms"
    assert sql(host, "SHOW deadlock_timeout") == "2s"
    assert sql(host, "SHOW work_mem") == "8MB"
    assert sql(host, "SHOW log_temp_files") == "0"


def test_nothing_was_restarted(host, sql):
    assert sql(host, "SELECT started = pg_postmaster_start_time() FROM seen") == "t"


def test_a_slow_statement_is_logged(host, sql):
    sql(host, "SELECT pg_sleep(0.06), 'a slow statement'")
    log = host.check_output("cat /var/log/postgresql/*.log")
    assert "a slow statement" in log.split("duration:")[-1]
