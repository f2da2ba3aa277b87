"""What is gone, and what stays."""

from __future__ import annotations


def test_nothing_is_sent_or_received_any_more(on):
    for name in ("app1", "ops1"):
        assert on(name).run("ls /etc/systemd/system/golive-logs* /etc/golive/logs").stdout == ""


def test_the_logs_stay(on):
    assert on("ops1").run("ls /var/log/golive/app1/*.jsonl").rc == 0
    assert on("app1").run("ls /var/log/golive-audit/sent/*.jsonl").rc == 0
