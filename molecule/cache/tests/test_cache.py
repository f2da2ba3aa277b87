"""The cache as its clients meet it, after a reboot."""

from __future__ import annotations

import pytest

UNITS = ["redis-server"]


def test_the_application_works_on_its_keys(host, ask):
    assert "OK" in ask(host, "football", "SET", "football:seen", "1")
    assert "1" in ask(host, "football", "GET", "football:seen")


def test_the_monitor_reads_the_figures(host, ask):
    said = ask(host, "golive_monitor", "INFO", "memory")
    assert "maxmemory:268435456" in said
    assert "maxmemory_policy:allkeys-lru" in said


@pytest.mark.parametrize(
    "words",
    [
        ("GET", "other:key"),
        ("SET", "other:key", "1"),
        ("PUBLISH", "other:channel", "hello"),
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("CONFIG", "GET", "requirepass"),
        ("CONFIG", "SET", "maxmemory", "1"),
        ("ACL", "LIST"),
        ("SHUTDOWN", "NOSAVE"),
        ("REPLICAOF", "127.0.0.1", "6380"),
        ("MODULE", "LIST"),
    ],
    ids=" ".join,
)
def test_the_application_may_do_no_more(host, ask, words):
    assert "NOPERM" in ask(host, "football", *words)


@pytest.mark.parametrize(
    "words", [("GET", "football:seen"), ("SET", "football:seen", "2"), ("ACL", "LIST")], ids=" ".join
)
def test_the_monitor_sees_no_key(host, ask, words):
    assert "NOPERM" in ask(host, "golive_monitor", *words)


@pytest.mark.parametrize("user", ["football", "golive_monitor", "golive_admin", "default", "nobody"])
def test_a_wrong_password_is_refused(host, ask, user):
    assert "WRONGPASS" in ask(host, user, "PING", password="wrong")


def test_nobody_is_refused(host, ask):
    assert "NOAUTH" in ask(host, None, "PING")


def test_without_tls_there_is_no_answer(host, ask):
    said = ask(host, "football", "PING", tls=False)
    assert "PONG" not in said
    assert "onnection" in said or "I/O error" in said


def test_other_hosts_get_the_same(host, ask, address):
    assert "PONG" in ask(host, "football", "-h", address("data1"), "PING")


@pytest.mark.parametrize("path", ["/etc/redis/users.acl", "/etc/redis/redis.conf"])
def test_only_the_server_reads_its_files(host, path):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "redis", 0o640)


def test_the_server_starts_with_the_host(host):
    assert host.service("redis-server").is_running
    assert host.service("redis-server").is_enabled


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []


def test_what_the_next_converge_must_keep_is_noted(host, ask):
    pid = host.check_output("systemctl show -p MainPID --value redis-server")
    assert "OK" in ask(host, "football", "SET", "football:pid", pid)
