"""The hosts' own state: how it comes to the backup host, who can read it there, and how it comes back."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from contextlib import closing, contextmanager

import pytest
from golive_core import age

UNITS = ["golive-state", "golive-state-receiver"]
ARCHIVES = "/var/backups/golive/football/hosts"
MANIFEST = "/opt/golive/football/releases/1.0.0/manifest.json"
# What a host asks by hand: method, path, file to send, and whether it shows its certificate.
ASK = """
import http.client, ssl, sys
method, address, path, file, shown = sys.argv[1:]
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
if shown:
    context.load_cert_chain("/etc/golive/tls/host.crt", "/etc/golive/tls/host.key")
asking = http.client.HTTPSConnection(address, 8433, timeout=20, context=context)
try:
    asking.request(method, path, body=open(file, "rb").read() if file else None)
    answer = asking.getresponse()
    print(answer.status, answer.read().decode())
except OSError as error:
    print(0, error)
"""


def newest(host, of):
    return sorted(host.check_output(f"ls {ARCHIVES}/{of}").split())[-1]


def sent(on, name):
    """Bring the state of a host to the backup host now."""
    on(name).run("systemctl start golive-state")
    return json.loads(on(name).file("/var/lib/golive-state/sent.json").content_string)


@pytest.fixture
def ask(on, address):
    """Ask the receiver something from data1; return the status and what it says."""

    def it(method, path, file="", certificate=True):
        words = " ".join(f"'{word}'" for word in (method, address("ops1"), path, file, "yes" if certificate else ""))
        said = on("data1").check_output(f"python3 -c '{ASK}' {words}")
        status, _, text = said.partition(" ")
        return int(status), text

    return it


@pytest.fixture
def state_gate(gate, secret):
    """What the gate of a go-live measures."""

    def measure(*hosts, key="backup_state"):
        identity = age.identity(age.private_key(secret(key)))
        return gate("state", key=identity, hosts=list(hosts or ("ops1", "data1")), archives=ARCHIVES)

    return measure


@contextmanager
def other(host, path, command):
    """An archive is not as it came."""
    host.check_output(f"cp -a {path} /root/archive && {command}")
    try:
        yield
    finally:
        host.check_output(f"mv /root/archive {path}")


# --- what a go-live did before this (backed_up.yml)


@pytest.mark.parametrize("name", ["ops1", "data1"])
def test_every_host_has_an_archive_that_says_nothing(host, name):
    path = host.file(f"{ARCHIVES}/{name}/{newest(host, name)}")
    assert (path.user, path.group, path.mode) == ("postgres", "postgres", 0o640)
    assert path.content.startswith(b"age-encryption.org/v1\n")
    assert host.run(f"grep -rl 'what serves' {ARCHIVES}").stdout == ""


def test_the_gate_reads_all_of_it_back(state_gate):
    seen = state_gate()
    assert (seen["n"], seen["failures"], seen["invalid"]) == (2, 0, ""), seen
    assert 0 < seen["value"] < 93600
    assert "of 2 hosts, " in seen["observed"]


@pytest.mark.parametrize("name", ["ops1", "data1"])
def test_no_host_has_the_key(on, name, secret):
    found = on(name).run(
        f"grep -rlFe '{secret('backup_state')}' -e AGE-SECRET-KEY /etc /var/lib/golive-state /run /usr/local"
    )
    assert found.stdout == ""


@pytest.mark.parametrize("name", ["ops1", "data1"])
def test_it_is_sent_by_timer_and_the_exporter_sees_when(on, name):
    assert "golive-state.timer" in on(name).check_output("systemctl list-timers --no-legend 'golive-state*'")
    metrics = on(name).file("/var/lib/prometheus/node-exporter/golive_state.prom")
    if on(name).file("/var/lib/prometheus/node-exporter").exists:
        assert "golive_state_backup_timestamp_seconds " in metrics.content_string


# --- what keeps it from being one


def test_a_changed_byte_is_seen(host, state_gate):
    path = f"{ARCHIVES}/data1/{newest(host, 'data1')}"
    flip = "import sys; f = open(sys.argv[1], 'r+b'); b = bytearray(f.read()); b[-9] ^= 1; f.seek(0); f.write(b)"
    with other(host, path, f'python3 -c "{flip}" {path}'):
        seen = state_gate()
        assert seen["failures"] == 1
        assert "of data1 cannot be read back" in seen["observed"]


def test_one_that_was_cut_off_is_seen(host, state_gate):
    path = f"{ARCHIVES}/data1/{newest(host, 'data1')}"
    with other(host, path, f"truncate -s -1 {path}"):
        assert "of data1 cannot be read back" in state_gate()["observed"]


def test_that_of_another_host_is_seen(host, state_gate):
    path, that = f"{ARCHIVES}/data1/{newest(host, 'data1')}", f"{ARCHIVES}/ops1/{newest(host, 'ops1')}"
    with other(host, path, f"cp {that} {path}"):
        assert "it is that of ops1 of football, wanted data1 of football" in state_gate()["observed"]


def test_a_host_without_any_is_named(state_gate):
    assert "of app1 there is none" in state_gate("data1", "app1")["observed"]


def test_another_key_is_seen(state_gate):
    seen = state_gate(key="backup_cipher")
    assert seen["failures"] == 2
    assert "no identity matched" in seen["observed"]


# --- who may do what


def test_what_is_not_encrypted_is_not_kept(host, ask):
    before = newest(host, "data1")
    status, said = ask("PUT", "/state", "/etc/hosts")
    assert (status, "not encrypted" in said) == (507, True)
    assert newest(host, "data1") == before


def test_nobody_without_a_certificate_is_answered(host, ask):
    assert ask("PUT", "/state", "/etc/hosts", certificate=False)[0] == 0
    journal = host.check_output("journalctl --unit golive-state-receiver --output cat --lines 5")
    assert "did not return a certificate" in journal


@pytest.mark.parametrize(("method", "status"), [("GET", 501), ("DELETE", 501), ("PUT", 403)])
def test_nothing_can_be_read_removed_or_replaced(host, ask, method, status):
    before = host.check_output(f"find {ARCHIVES} -type f | sort")
    assert ask(method, f"/data1/{newest(host, 'data1')}", "/etc/hosts")[0] == status
    assert host.check_output(f"find {ARCHIVES} -type f | sort") == before


def test_when_it_is_not_taken_the_host_says_so(host, on):
    host.check_output("systemctl stop golive-state-receiver")
    try:
        told = sent(on, "data1")
    finally:
        host.check_output("systemctl start golive-state-receiver")
    assert not told["ok"]
    assert ":8433 did not take it" in told["problems"][0]
    assert sent(on, "data1")["ok"]
    assert on("data1").run("ls /var/lib/golive-state").stdout.split() == ["sent.json"]


# --- and back


@pytest.mark.full
def test_it_comes_back_and_what_was_there_stays(on, restore):
    data = on("data1")
    data.check_output(f"echo right > {MANIFEST}; ln -sfn releases/1.0.0 /opt/golive/football/current")
    kept = data.file(MANIFEST).content_string
    assert sent(on, "data1")["ok"]
    data.check_output(
        f"echo spoilt > {MANIFEST}; touch /opt/golive/football/releases/stray; rm /opt/golive/football/current"
    )
    code, said = restore(restore_state="data1")
    assert code != 0
    assert "Nothing was touched" in said
    assert "releases: 1 other, 1 gone" in said
    assert data.file(MANIFEST).content_string == "spoilt\n"
    code, said = restore(restore_state="data1", confirm="data1")
    assert code == 0, said
    assert data.file(MANIFEST).content_string == kept
    assert (data.file(MANIFEST).mode, data.file(MANIFEST).user) == (0o640, "root")
    assert data.file("/opt/golive/football/current").linked_to == "/opt/golive/football/releases/1.0.0"
    assert data.check_output("cat /opt/golive/football/releases.before-*/1.0.0/manifest.json") == "spoilt"
    assert data.run("ls /var/lib/golive-restore.age /opt/golive/football/.*restored").stdout == ""
    data.check_output("rm -r /opt/golive/football/releases.before-*")
    code, said = restore(restore_state="data1", confirm="data1")
    assert (code, "Nothing that was there had to go" in said) == (0, True), said


@pytest.mark.full
def test_a_host_that_is_not_there_is_refused(restore):
    code, said = restore(restore_state="data9", confirm="data9")
    assert code != 0
    assert "has no archive" in said


@pytest.mark.full
def test_a_database_of_grafana_is_copied_while_it_is_written(on, restore, tmp_path):
    """As SQLite sees it, with a transaction open; and its unit is stopped while it comes back."""
    data = on("data1")
    script = """
import sqlite3, time
base = sqlite3.connect("/var/lib/grafana/grafana.db", isolation_level=None)
base.execute("CREATE TABLE IF NOT EXISTS dashboard (title text)")
add = "INSERT INTO dashboard VALUES (?)"
base.execute(add, ["committed"])
base.execute("BEGIN")
base.execute(add, ["not yet"])
time.sleep(600)
"""
    data.check_output("rm -rf /var/lib/grafana; mkdir /var/lib/grafana")
    unit = "systemd-run --unit=grafana-server --collect --property=Restart=no"
    data.check_output(f"{unit} python3 -c '{script}'; sleep 1")
    assert sent(on, "data1")["ok"]
    data.check_output("systemctl stop grafana-server; rm -r /var/lib/grafana")
    code, said = restore(restore_state="data1", confirm="data1")
    assert code == 0, said
    body = subprocess.check_output(["docker", "exec", data.backend.name, "cat", "/var/lib/grafana/grafana.db"])
    (tmp_path / "grafana.db").write_bytes(body)
    with closing(sqlite3.connect(tmp_path / "grafana.db")) as base:
        assert base.execute("SELECT title FROM dashboard").fetchall() == [("committed",)]
