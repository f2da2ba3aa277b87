"""Lines of both hosts on the logs host, after a reboot."""

from __future__ import annotations

import json
import time
import uuid

import pytest

UNITS = ["golive-logs", "golive-logs-receiver"]


@pytest.fixture
def arrived(on):
    """Return the lines on the logs host in which a word stands, waiting for so many."""

    def look(word, where="/var/log/golive", at_least=1, seconds=20):
        deadline = time.monotonic() + seconds
        while True:
            found = on("ops1").run(f"grep -rhF {word} {where}").stdout.splitlines()
            if len(found) >= at_least or time.monotonic() > deadline:
                return [json.loads(line) for line in found]
            time.sleep(0.3)

    return look


@pytest.fixture
def word():
    return f"w{uuid.uuid4().hex}"


@pytest.mark.parametrize("name", ["app1", "ops1"])
def test_a_line_of_each_host_is_found(on, arrived, word, name):
    on(name).check_output(f"logger -t shop {word}")
    (line,) = arrived(word)
    assert (line["from"], line["host"], line["service"], line["message"]) == (name, name, "shop", word)


def test_structured_fields_are_kept(on, arrived, word):
    on("app1").check_output(f"""logger -t shop '{{"id": "{word}", "n": [1, 2.5, null]}}'""")
    (line,) = arrived(word)
    assert (line["message"], line["data"]) == ("", {"id": word, "n": [1, 2.5, None]})


def test_no_secret_leaves_the_host(on, arrived, word):
    on("app1").check_output(f"logger -t shop '{word} canary-abcdef1 password=hunter22 canary-zzzzzz2'")
    (line,) = arrived(word)
    assert line["message"] == f"{word} canary-*** password=*** canary-***"
    assert on("ops1").run("grep -rqE 'hunter22|abcdef1|zzzzzz2' /var/log/golive /var/log/golive-audit").rc == 1


def test_the_audit_trail_is_the_same_on_both_hosts(on, arrived, word):
    on("app1").check_output(f"logger -p auth.info -t sshd {word}")
    (line,) = arrived(word, "/var/log/golive-audit/received/app1")
    kept = json.loads(on("app1").check_output(f"grep -rhF {word} /var/log/golive-audit/sent"))
    assert {key: line[key] for key in kept} == kept


@pytest.mark.parametrize(("name", "unit"), [("ops1", "golive-logs-receiver"), ("app1", "golive-logs")])
def test_a_restart_of_either_end_loses_nothing(on, arrived, word, name, unit):
    on("app1").check_output(f"for n in $(seq 300); do echo {word}; done | logger -t shop")
    on(name).check_output(f"systemctl restart {unit}")
    assert len({(line["epoch"], line["seq"]) for line in arrived(word, at_least=300)}) == 300


# One line of 300 was lost, the one that was being sent (its number is missing, so it shows).
@pytest.mark.xfail(reason="the line in flight is lost when both ends restart in the same second", strict=False)
def test_a_restart_of_both_ends_at_once_loses_nothing(on, arrived, word):
    on("app1").check_output(f"for n in $(seq 300); do echo {word}; done | logger -t shop")
    on("ops1").check_output("systemctl restart golive-logs-receiver")
    on("app1").check_output("systemctl restart golive-logs")
    assert len({(line["epoch"], line["seq"]) for line in arrived(word, at_least=300)}) == 300


def test_without_a_certificate_nobody_is_let_in(on, address):
    asked = "openssl s_client -quiet -CAfile /etc/golive/tls/ca.crt -connect"
    said = on("app1").run(f"(printf '1 open 0\\n'; sleep 1) | timeout 5 {asked} {address('ops1')}:2514 2>&1").stdout
    assert "rsp" not in said


def test_only_the_group_reads_the_logs(on):
    assert on("ops1").run("su -s /bin/sh nobody -c 'ls /var/log/golive'").rc != 0
    assert on("ops1").file("/var/log/golive").group == "adm"
