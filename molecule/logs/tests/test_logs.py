"""Lines of both hosts on the logs host, after a reboot."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from pathlib import Path

import pytest

SCENARIO = Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"])
ROOT = SCENARIO.parents[1]
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
def probe():
    """Ask module log_probe as the gate does; return the measurement, with the token that was written."""

    def ask(name):
        check = {"id": "monitoring.log_line_found", "kind": "line_found", "within_seconds": 5}
        written = module(name, "log_probe", checks=[check], write=True)["written"]
        (seen,) = module("ops1", "log_probe", checks=[check], host=name, written=written)["measurements"]
        return {**seen, "token": written[check["id"]]["token"]}

    return ask


def module(name, what, **options):
    """Run a module of the project on a host."""
    words = ["ansible", name, "-i", ROOT / "molecule/shared/inventory", "-i", SCENARIO / "hosts.yml", "-m", what]
    said = subprocess.check_output(
        [*map(str, words), "-a", json.dumps(options)],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"},
        text=True,
    )
    return json.loads(said[said.index("{") :])["plays"][0]["tasks"][0]["hosts"][name]


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


@pytest.mark.parametrize(("with_certificate", "says"), [(True, "rsp"), (False, "alert")])
def test_only_a_host_with_a_certificate_is_let_in(on, address, with_certificate, says):
    own = "-cert /etc/golive/tls/host.crt -key /etc/golive/tls/host.key" if with_certificate else ""
    offer = "relp_version=0\\nrelp_software=test\\ncommands=syslog"
    asked = f"openssl s_client -quiet -no_ign_eof -CAfile /etc/golive/tls/ca.crt {own} -connect {address('ops1')}:2514"
    said = on("app1").run(f"(printf '1 open 49 {offer}\\n'; sleep 2) | timeout 8 {asked} 2>&1").stdout
    assert says in said
    assert ("rsp" in said) == with_certificate


def test_the_gate_finds_a_line_of_each_host(probe):
    for name in ("app1", "ops1"):
        seen = probe(name)
        assert (seen["n"], seen["failures"], seen["invalid"]) == (1, 0, "")


def test_the_gate_is_red_without_a_receiver(on, probe, arrived):
    on("ops1").check_output("systemctl stop golive-logs-receiver")
    try:
        seen = probe("app1")
    finally:
        on("ops1").check_output("systemctl start golive-logs-receiver")
    assert (seen["n"], seen["failures"]) == (1, 1)
    assert "did not arrive within 5 s" in seen["observed"]
    assert arrived(seen["token"], seconds=30), "what could not be sent was thrown away"


def test_only_the_group_reads_the_logs(on):
    assert on("ops1").run("su -s /bin/sh nobody -c 'ls /var/log/golive'").rc != 0
    assert on("ops1").file("/var/log/golive").group == "adm"
