"""The main job on a fresh fleet, in the order in which a team would live it. Each test builds on the one before."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from typing import Any

import pytest
from golive_core import record, signing

from .conftest import Fleet

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def first(fleet: Fleet):
    return fleet.golive("1.0.0")


# First, for it needs bare hosts. That each role has a plan for one is in the default suite: step check of its scenario.
@pytest.mark.full
def test_a_plan_on_bare_hosts_fails_nothing_and_changes_nothing(fleet):
    check_run = fleet.golive("1.0.0", "--check", "--diff")
    assert check_run.code == 0, check_run.output[-4000:]
    assert {host: counts["rescued"] for host, counts in check_run.recap.items()} == dict.fromkeys(check_run.recap, 0)
    assert check_run.record is None or not (check_run.record / "events.jsonl").exists()
    assert fleet.on("edge1", "sh", "-c", "ls /etc/haproxy /opt/golive 2>/dev/null || true").strip() == ""


def test_the_first_release_goes_live(fleet, first):
    assert first.code == 0, first.output[-6000:]
    assert first.told["verdict"] == "LIVE"
    assert fleet.version()["release"] == "1.0.0"


def test_the_record_tells_every_phase_and_gate(first):
    told = first.told
    assert {phase: seen["state"] for phase, seen in told["phases"].items()} == dict.fromkeys(record.PHASES, "complete")
    # Only what the lab cannot have is waived, and says so.
    waived = {gate["gate"] for gate in told["gates"] if gate.get("waived")}
    assert all(gate["verdict"] == "PASS" and gate["n"] >= 1 for gate in told["gates"] if gate["gate"] not in waived)
    assert all(name.startswith("monitoring.grafana_") for name in waived)
    assert bool(waived) is not bool(os.environ.get("GOLIVE_GRAFANA_ARCHIVE"))
    assert {gate["gate"].split(".")[0] for gate in told["gates"]} == set(record.PHASES) - {"record"}
    record.verify_chain(record.read_events(first.record))
    text = (first.record / "record.md").read_text(encoding="utf-8")
    assert "LIVE" in text
    assert "performance.latency_p95" in text


def test_the_record_keeps_the_samples_and_has_a_page(first):
    kept = {gate["gate"] for gate in first.told["gates"] if gate.get("raw")}
    assert kept >= {"performance.latency_p95", "performance.throughput"}
    assert all((first.record / gate["raw"]).exists() for gate in first.told["gates"] if gate.get("raw"))
    assert "<polyline" in (first.record / "record.html").read_text(encoding="utf-8")


def silences(fleet: Fleet) -> list[dict[str, str]]:
    """Return the silences of golive that stand, as Alertmanager on the monitoring host tells."""
    ask = """
import json, socket, urllib.request
here = socket.gethostbyname(socket.gethostname())
known = json.load(urllib.request.urlopen(f"http://{here}:9093/api/v2/silences", timeout=5))
print(json.dumps([one for one in known if one["createdBy"] == "golive" and one["status"]["state"] != "expired"]))
"""
    return json.loads(fleet.on("ops1", "python3", "-", stdin=ask))


def kept_quiet(told: dict[str, Any]) -> list[str]:
    """Return what a record tells of silences."""
    return [note["message"] for note in told["notes"] if "Alertmanager on ops1" in note["message"]]


def test_what_a_go_live_explains_is_kept_quiet_until_it_ends(fleet, first):
    begun, ended = kept_quiet(first.told)
    assert "TargetDown of job app (silence " in begun
    assert "Every other alert arrives." in begun
    assert "keeps nothing quiet any more" in ended
    assert silences(fleet) == []


def test_the_record_is_signed_and_the_edge_keeps_its_head(fleet, first):
    checked = record.verify(first.record, signing.home(first.record) / signing.ALLOWED_NAME)
    assert checked.problems == ()
    copy = f"/opt/golive/football/records/{first.record.name}"
    assert fleet.on("edge1", "cat", f"{copy}/head.json") == (first.record / "head.json").read_text(encoding="utf-8")
    modes = fleet.on("edge1", "stat", "--format", "%a %U", copy, f"{copy}/head.json", f"{copy}/head.json.sig")
    assert modes.splitlines() == ["750 root", "640 root", "640 root"]
    asked = fleet.playbook("record", "-e", f"record={first.record}")
    assert asked.code == 0, asked.output[-4000:]
    assert "Edges with the same copy: edge1" in asked.output


def test_one_gate_alone_names_what_is_wrong(fleet, first):
    fleet.on("ops1", "systemctl", "stop", "prometheus-alertmanager")
    try:
        one = fleet.playbook("verify", variables={"gate": "monitoring.alertmanager_ready"})
    finally:
        fleet.on("ops1", "systemctl", "start", "prometheus-alertmanager")
    assert one.code != 0
    assert one.told["verdict"] == "NOT VERIFIED"
    assert [(gate["gate"], gate["verdict"]) for gate in one.told["gates"]] == [
        ("monitoring.alertmanager_ready", "FAIL")
    ]


def test_the_lock_is_released(fleet, first):
    assert fleet.on("edge1", "find", "/opt/golive/football/lock", "-name", "holder.json").strip() == ""


@pytest.fixture
def over_ssh(fleet: Fleet, first, tmp_path) -> tuple[str, str]:
    """What makes a run reach the same hosts as real ones are reached: over SSH with a key."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    rows, known = [], []
    for host in ("edge1", "app1", "app2", "data1", "ops1"):
        fleet.on(host, "install", "-d", "-m", "700", "/root/.ssh")
        fleet.on(host, "tee", "/root/.ssh/authorized_keys", stdin=(tmp_path / "key.pub").read_text())
        fleet.on(host, "chmod", "600", "/root/.ssh/authorized_keys")
        address = fleet.on(host, "hostname", "-i").split()[0]
        rows.append(f"    {host}: {{ansible_host: {address}, ansible_connection: ssh}}\n")
        known.append(f"{address} {fleet.on(host, 'cat', '/etc/ssh/ssh_host_ed25519_key.pub')}")
    (tmp_path / "known").write_text("".join(known))
    overlay = tmp_path / "ssh.yml"
    overlay.write_text(
        "all:\n  hosts:\n"
        + "".join(rows)
        + f"  vars:\n    ansible_ssh_private_key_file: {key}\n"
        + f"    ansible_ssh_common_args: -o UserKnownHostsFile={tmp_path / 'known'}\n"
    )
    return "-i", str(overlay)


def test_a_second_run_over_ssh_verifies_and_changes_nothing(fleet, over_ssh):
    again = fleet.golive("1.0.0", *over_ssh, redo=True)
    assert again.code == 0, again.output[-4000:]
    assert again.told["verdict"] == "VERIFIED"
    assert again.changed_tasks == []
    assert {host: counts["changed"] for host, counts in again.recap.items()} == dict.fromkeys(again.recap, 0)


@pytest.mark.full
def test_a_host_that_was_changed_is_put_right_and_the_others_are_only_measured(fleet, first):
    page = "/etc/haproxy/maintenance.html"
    wanted = fleet.on("edge1", "cat", page)
    fleet.on("edge1", "sh", "-c", f"echo by hand >> {page}")
    again = fleet.golive("1.0.0")
    assert again.code == 0, again.output[-4000:]
    notes = [note["message"] for note in again.told["notes"] if note["message"].startswith("Phase ")]
    assert fleet.on("edge1", "cat", page) == wanted
    assert {task.rpartition(": ")[2] for task in again.changed_tasks} == {"edge1"}, again.changed_tasks
    for phase in ("infrastructure", "monitoring"):
        assert f"Phase {phase} is done anew on edge1: {page} is not as it was." in notes
        stood = [
            note for note in notes if note.startswith(f"Phase {phase} stands on app1, app2, data1, ops1, unchanged")
        ]
        assert len(stood) == 1, notes
    # Most of what a host is asked for is measuring: some 30 module runs, not the 200 of the whole work.
    calls = {host: counts["ok"] for host, counts in again.recap.items() if host != "edge1"}
    assert max(calls[host] for host in ("app1", "app2", "data1", "ops1")) < 100, calls


# 20 % of 40 requests a second for a minute are 480, of which 300 are needed.
CANARY = {"canary": 20, "release_canary_seconds": 60, "release_canary_rate": 40}


@pytest.fixture(scope="module")
def there_and_back(fleet: Fleet, first):
    """1.1.0 by a canary, then back to 1.0.0, under a request loop."""
    with fleet.loop() as loop:
        there = fleet.golive("1.1.0", "--tags", "preflight,evidence,database,release,performance,watch", **CANARY)
        after = fleet.version()["release"]
        back = fleet.playbook("rollback", variables={"release": "1.0.0"})
    return there, after, back, loop.seen


def test_going_live_and_rolling_back_loses_no_request(there_and_back):
    there, after, back, seen = there_and_back
    assert there.code == 0, there.output[-4000:]
    assert after == "1.1.0"
    assert back.code == 0, back.output[-4000:]
    assert seen["lost"] == []
    assert seen["sent"] > 2000
    assert set(seen["statuses"]) == {"200"}
    assert set(seen["releases"]) == {"1.0.0", "1.1.0"}


@pytest.mark.full
def test_after_a_switch_nothing_is_set_up_again(fleet, there_and_back):
    again = fleet.golive("1.0.0")
    assert again.code == 0, again.output[-4000:]
    notes = [note["message"] for note in again.told["notes"] if note["note"].startswith("phase.")]
    assert [note for note in notes if " is done anew " in note] == []
    for phase in ("infrastructure", "monitoring"):
        assert any(f"Phase {phase} stands on " in note for note in notes), notes


def test_a_canary_gets_its_share_and_ends_with_the_switch(there_and_back):
    there = there_and_back[0]
    (seen,) = there.gate("release.canary_share")
    assert seen["n"] > 2000
    assert 0.15 < seen["value"] < 0.25
    shared = there.told["canary"]
    assert (shared["share"], shared["ended"]) == (20, "switch")
    (edge,) = shared["edges"]
    assert edge["users"] > 200
    assert edge["new"] / (edge["new"] + edge["old"]) == pytest.approx(0.2, abs=0.05)


def test_the_worker_moves_with_the_traffic_and_never_runs_twice(fleet, there_and_back):
    imports = []
    for host in ("app1", "app2"):
        for colour in ("blue", "green"):
            said = fleet.on(host, "docker", "logs", f"football-{colour}-importer", check=False)
            lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
            imports += [(line["time"], host, line["release"]) for line in lines if line["message"] == "imported"]
    turns = [turn for turn, _ in itertools.groupby(sorted(imports), key=lambda one: one[1:])]
    assert turns == [("app1", "1.0.0"), ("app1", "1.1.0"), ("app1", "1.0.0")]


def test_a_rollback_proves_the_version(fleet, there_and_back):
    _, _, back, _ = there_and_back
    assert back.told["verdict"] == "LIVE"
    assert fleet.version()["release"] == "1.0.0"


def test_the_migration_was_rehearsed_on_a_copy(first, there_and_back):
    there = there_and_back[0]
    (seconds,) = there.gate("database.rehearsal_seconds")
    assert 0 < seconds["value"] < 60
    assert "0001 to 0002" in seconds["message"]
    (wait,) = there.gate("database.rehearsal_lock_wait")
    assert wait["n"] > 10
    assert 0 < wait["value"] < 1
    (rows,) = there.gate("database.rehearsal_rows")
    assert rows["value"] > 300
    (old,) = there.gate("database.old_release_on_new_schema")
    assert old["n"] == 6
    assert old["message"].startswith("1.0.0 answers health, answered")
    # The first release has no old one.
    assert [len(first.gate(f"database.{name}")) for name in ("rehearsal_seconds", "old_release_on_new_schema")] == [
        1,
        0,
    ]


def test_a_rollback_keeps_quiet_what_it_explains_until_it_ends(fleet, there_and_back):
    _, _, back, _ = there_and_back
    assert len(kept_quiet(back.told)) == 2
    assert silences(fleet) == []


@pytest.mark.full
def test_a_rollback_without_alertmanager_says_so_and_goes_on(fleet, there_and_back):
    fleet.on("ops1", "systemctl", "stop", "prometheus-alertmanager")
    try:
        run = fleet.playbook("rollback", variables={"release": "1.1.0"})
    finally:
        fleet.on("ops1", "systemctl", "start", "prometheus-alertmanager")
    assert run.code == 0, run.output[-4000:]
    assert run.told["verdict"] == "LIVE"
    notes = [note["message"] for note in run.told["notes"]]
    assert any(note.startswith("NOTHING IS KEPT QUIET: ") for note in notes), notes
