"""What the second set of variables changes, without a restart."""

from __future__ import annotations

UNITS = ["redis-server"]


def test_the_new_limits_are_in_force(host, ask):
    said = ask(host, "golive_admin", "CONFIG", "GET", "max*")
    told = dict(zip(*[iter(said.split())] * 2, strict=False))
    assert told["maxmemory"] == str(64 * 2**20)
    assert told["maxmemory-policy"] == "noeviction"
    assert told["maxclients"] == "50"
    assert told["maxmemory-samples"] == "7"


def test_the_new_rules_are_in_force(host, ask):
    assert "PONG" in ask(host, "golive_monitor", "PING")
    assert "NOPERM" in ask(host, "golive_monitor", "SLOWLOG", "LEN")


def test_nothing_was_restarted_and_no_key_lost(host, ask):
    assert host.check_output("systemctl show -p MainPID --value redis-server") in ask(
        host, "football", "GET", "football:pid"
    )


def test_a_restart_loses_nothing_now(host, ask):
    before = ask(host, "football", "GET", "football:pid")
    host.check_output("sleep 1.2 && systemctl restart redis-server")  # the log is written each second
    assert ask(host, "football", "GET", "football:pid") == before
