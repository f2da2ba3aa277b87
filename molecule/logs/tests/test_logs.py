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
def probe(module):
    """Ask module log_probe as the gate does; return the measurement, with the token that was written."""

    def ask(name):
        check = {"id": "monitoring.log_line_found", "kind": "line_found", "within_seconds": 5}
        written = module(name, "log_probe", checks=[check], write=True)["written"]
        (seen,) = module("ops1", "log_probe", checks=[check], host=name, written=written)["measurements"]
        return {**seen, "token": written[check["id"]]["token"]}

    return ask


@pytest.fixture
def trail(module):
    """Compare the audit trail of a host with its copy, as the gate does; return the measurement."""

    def compare(name):
        check = {"id": "monitoring.audit_trail_same", "kind": "trail_same", "within_seconds": 10}
        written = module(name, "log_probe", checks=[check], write=True)["written"]
        (seen,) = module("ops1", "log_probe", checks=[check], host=name, written=written)["measurements"]
        return seen

    return compare


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


@pytest.mark.parametrize("name", ["app1", "ops1"])
def test_the_gate_finds_both_trails_the_same(trail, name):
    seen = trail(name)
    assert (seen["failures"], seen["invalid"]) == (0, ""), seen["observed"]
    assert seen["n"] >= 1


def test_the_trails_are_the_same_after_a_day_was_closed(on, arrived, trail):
    """The logs host tells its own trail the daily hash of each host that it keeps."""
    day = on("ops1").check_output("date -u -d '2 days ago' +%F")
    for name, directory in (("app1", "sent"), ("ops1", "received/app1")):
        path = f"/var/log/golive-audit/{directory}/{day}.jsonl"
        on(name).check_output(
            f"echo '{{}}' >{path} && touch -d '1 hour ago' {path} && systemctl start golive-logs-keeper"
        )
        assert on(name).file(path + ".gz").exists
    told = arrived(f"{day}.jsonl", "/var/log/golive-audit/received/ops1")
    assert {line["data"]["file"] for line in told} == {f"app1/{day}.jsonl"}
    for name in ("app1", "ops1"):
        seen = trail(name)
        assert (seen["failures"], seen["invalid"]) == (0, ""), seen["observed"]


def test_a_quiet_trail_arrives_after_the_logs_host_was_away(on, address, trail):
    """Its sender does not learn that its connection is none any more until it has something to say."""
    away = f"ip route add blackhole {address('app1')} && systemctl restart golive-logs-receiver"
    on("app1").check_output("systemctl stop golive-logs-keeper.timer")
    try:
        on("ops1").check_output(f"{away} && sleep 1 && ip route del blackhole {address('app1')}")
        seen = trail("app1")
    finally:
        on("app1").check_output("systemctl start golive-logs-keeper.timer")
    assert (seen["failures"], seen["invalid"]) == (0, ""), seen["observed"]


KEPT, COPIED = "/var/log/golive-audit/sent/20*.jsonl", "/var/log/golive-audit/received/app1/20*.jsonl"
# Alters a line, blanks it, or puts it back, in the file that is there: rsyslog goes on writing to it.
CHANGE = """
import glob, json, sys
pattern, word, how = sys.argv[1:]
path = sorted(glob.glob(pattern))[-1]
with open(path, "r+b") as file:
    if how == "back":
        place, old = json.load(open("/root/changed"))
        new = old.encode()
    else:
        text = file.read()
        here = text.index(word.encode())
        place = text.rfind(bytes([10]), 0, here) + 1
        old = text[place:text.index(bytes([10]), here)]
        json.dump([place, old.decode()], open("/root/changed", "w"))
        new = old.replace(b"shadow", b"willow") if how == "alter" else b" " * len(old)
    file.seek(place)
    file.write(new)
"""


@pytest.mark.parametrize(
    ("name", "where", "how", "says"),
    [
        ("app1", KEPT, "alter", "is not the same on app1 and on the logs host"),
        ("ops1", COPIED, "alter", "is not the same on app1 and on the logs host"),
        ("app1", KEPT, "blank", "is on the logs host, and gone on app1"),
        ("ops1", COPIED, "blank", "is not on the logs host"),
    ],
)
def test_a_trail_that_somebody_changed_is_told_by_host_and_number(on, arrived, trail, word, name, where, how, says):
    on("app1").check_output(f"logger -p auth.info -t sshd 'shadow {word}'")
    (line,) = arrived(word, "/var/log/golive-audit/received/app1")
    time.sleep(5)  # what has only just arrived may not be on the other side yet
    change = f"python3 - '{where}' {word} {{}} <<'END'\n{CHANGE}\nEND"
    on(name).check_output(change.format(how))
    seen = trail("app1")
    on(name).check_output(change.format("back"))
    assert seen["failures"] >= 1
    assert f"app1: line {line['seq']} of epoch {line['epoch'][:8]} {says}" in seen["observed"]
    assert trail("app1")["failures"] == 0, "it is as it was, and still red"


def test_a_file_of_the_trail_that_is_gone_is_told(on, arrived, trail, word):
    on("app1").check_output(f"logger -p auth.info -t sshd {word}")
    (line,) = arrived(word, "/var/log/golive-audit/received/app1")
    time.sleep(5)
    path = on("app1").check_output(f"ls {KEPT} | tail -1")
    on("app1").check_output(f"systemctl stop golive-logs && mv {path} /root/trail && systemctl start golive-logs")
    seen = trail("app1")
    back = f"cat {path} >>/root/trail && mv /root/trail {path}"
    on("app1").check_output(f"systemctl stop golive-logs && {back} && systemctl start golive-logs")
    assert "is on the logs host, and gone on app1" in seen["observed"]
    assert seen["failures"] >= line["seq"]
    assert trail("app1")["failures"] == 0, "it is as it was, and still red"


# So many lines, 1,000 a second.
FLOOD = """
import sys, syslog, time
syslog.openlog("shop")
begun = time.monotonic()
for number in range(int(sys.argv[2])):
    syslog.syslog(f"{sys.argv[1]} {number}")
    time.sleep(max(0.0, begun + (number + 1) / 1000 - time.monotonic()))
"""


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.full)])
def test_a_network_that_is_cut_under_1000_lines_a_second_loses_none(on, address, arrived, trail, word, seconds):
    wanted = 1000 * (seconds + 6)
    on("app1").check_output(f"cat >/run/flood.py <<'END'\n{FLOOD}\nEND")
    begun = time.monotonic()
    on("app1").check_output(
        f"systemd-run --quiet --collect --unit flood python3 /run/flood.py {word} {wanted}; sleep 3"
    )
    on("ops1").check_output(f"ip route add blackhole {address('app1')}")  # what it answers is lost without a word
    time.sleep(seconds)
    on("ops1").check_output(f"ip route del blackhole {address('app1')}")
    deadline = time.monotonic() + 10 * seconds + 60
    there = f"cat /var/log/golive/app1/shop.*.jsonl | grep -cF {word}"
    while int(on("ops1").run(there).stdout) < wanted and time.monotonic() < deadline:
        time.sleep(1)
    took = time.monotonic() - begun
    lines = [line for line in arrived(word, "/var/log/golive/app1", seconds=1) if line["service"] == "shop"]
    lost = wanted - len({(line["epoch"], line["seq"]) for line in lines})
    print(f"{seconds} s without a network under 1000 lines/s: {lost} of {wanted} lost, all there after {took:.0f} s")
    assert lost == 0
    assert trail("app1")["failures"] == 0


def write_300(on, word):
    on("app1").check_output(f"for n in $(seq 300); do echo {word}; done | logger -t shop")


@pytest.mark.parametrize(("name", "unit"), [("ops1", "golive-logs-receiver"), ("app1", "golive-logs")])
def test_a_restart_of_either_end_loses_nothing(on, arrived, word, name, unit):
    write_300(on, word)
    on(name).check_output(f"systemctl restart {unit}")
    lines = arrived(word, at_least=300, seconds=60)  # what is lost stays lost; what is late comes
    assert len({(line["epoch"], line["seq"]) for line in lines}) == 300


def test_a_sender_that_restarts_while_it_connects_again_loses_nothing(on, arrived, word):
    """The line that it was about to send counts as sent already."""
    signal = "systemctl kill golive-logs-receiver --signal"
    on("ops1").check_output(f"systemctl restart golive-logs-receiver && {signal}=STOP")
    on("ops1").check_output(f"(sleep 4; {signal}=CONT) >/dev/null 2>&1 &")
    write_300(on, word)
    time.sleep(1)  # it has found its connection broken, and waits for an answer to a new one
    on("app1").check_output("systemctl restart golive-logs")
    lines = arrived(word, at_least=300, seconds=60)
    assert len({(line["epoch"], line["seq"]) for line in lines}) == 300


@pytest.mark.full
def test_three_lines_at_most_are_lost_when_both_ends_stop(on, arrived, word):
    before = f"before-{word[:16]}"
    on("app1").check_output(f"logger -t shop {before}")
    assert arrived(before)
    on("ops1").check_output("systemctl kill --signal=STOP golive-logs-receiver")
    write_300(on, word)
    time.sleep(1)  # two are on their way, and one is about to be
    on("app1").check_output("systemctl restart golive-logs")  # its new process gets no answer either
    on("ops1").check_output("systemctl kill --signal=KILL golive-logs-receiver; systemctl restart golive-logs-receiver")
    lines = arrived(word, at_least=300, seconds=60)
    assert len({(line["epoch"], line["seq"]) for line in lines}) >= 297


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
