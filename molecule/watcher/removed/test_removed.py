"""What it decided stays; nothing watches any more."""

from __future__ import annotations


def test_nothing_watches_any_more_and_the_chain_stays(host):
    assert host.run("systemctl is-active golive-watcher").stdout.strip() == "inactive"
    assert not host.file("/etc/systemd/system/golive-watcher.service").exists
    assert not host.file("/usr/local/lib/golive/watcher").exists
    assert host.file("/opt/golive/football/watcher/chain/events.jsonl").exists
