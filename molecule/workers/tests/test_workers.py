"""Workers follow the edge: they start where their colour serves, after those of the other colour have ended."""

from __future__ import annotations

import json
import re
import time

UNITS = ["golive-workers"]


def test_it_runs_hardened(host):
    assert host.service("golive-workers").is_running
    assert host.service("golive-workers").is_enabled
    told = host.check_output("systemd-analyze security --no-pager golive-workers | tail -1")
    assert float(re.search(r"([\d.]+) [A-Z]", told)[1]) <= 3.0, told
    for path in ("/etc/golive/workers.json", "/usr/local/lib/golive/workers/__main__.py"):
        assert (host.file(path).user, oct(host.file(path).mode)) == ("root", "0o644")


def test_a_host_is_told_what_is_its_own(on):
    for name, here in (("app1", True), ("app2", False)):
        told = json.loads(on(name).file("/etc/golive/workers.json").content_string)["workers"]
        assert told["scheduler"] == {"here": here, "single": True, "grace_seconds": 10.0}
        assert told["mailer"]["here"]


def test_before_the_first_release_no_worker_runs_though_all_are_made(host, running):
    made = host.check_output("docker ps --all --filter label=golive.worker --format '{{.Names}}'")
    assert len(made.split()) == 4
    assert running("app1") == running("app2") == []


def test_the_first_release_gets_its_workers_on_the_right_hosts(running, becomes, switch):
    switch("blue")
    assert becomes(lambda: running("app1"), ["blue-mailer", "blue-scheduler"])
    assert becomes(lambda: running("app2"), ["blue-mailer"])


def test_they_are_limited_and_know_who_they_are(host):
    told = json.loads(host.check_output("docker inspect football-blue-mailer"))[0]
    assert told["HostConfig"]["Memory"] == 256 * 1024 * 1024
    assert told["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert told["Config"]["User"] == "10001:10001"
    assert "began mailer $5" in host.check_output("docker logs football-blue-mailer")


def test_the_next_release_gets_them_after_the_old_ones_have_ended(running, becomes, switch, turns):
    switch("green")
    assert becomes(lambda: running("app1"), ["green-mailer", "green-scheduler"])
    assert becomes(lambda: running("app2"), ["green-mailer"])
    seen = [what for _, what in turns("app1", "scheduler")]
    assert seen == ["blue began", "blue ended", "green began"]


def test_what_ends_by_itself_is_started_again(host, running, becomes):
    host.check_output("docker kill football-green-mailer")
    assert becomes(lambda: running("app1"), ["green-mailer", "green-scheduler"])


def test_one_that_somebody_starts_on_the_wrong_host_is_stopped(on, running, becomes):
    on("app2").check_output("docker start football-green-scheduler")
    assert becomes(lambda: running("app2"), ["green-mailer"])


def test_without_an_edge_they_stop_and_with_one_they_come_back(on, running, becomes):
    on("edge1").check_output("systemctl stop haproxy")
    try:
        assert becomes(lambda: running("app1") + running("app2"), [], 60)
    finally:
        on("edge1").check_output("systemctl start haproxy")
    assert becomes(lambda: running("app2"), ["green-mailer"])
    # Another host might have had it meanwhile: a lease, its grace and a margin are waited for.
    assert becomes(lambda: running("app1"), ["green-mailer", "green-scheduler"], 60)


def test_the_edge_tells_nobody_else(on, address):
    said = on("edge1").run(f"curl --silent --insecure --max-time 5 https://{address('edge1')}:8406/map")
    assert "live" not in said.stdout


def test_its_metrics_tell_what_runs(host):
    host.check_output("install -d /var/lib/prometheus/node-exporter && systemctl restart golive-workers")
    time.sleep(5)
    shown = host.check_output("cat /var/lib/prometheus/node-exporter/golive_workers.prom")
    assert 'golive_worker_running{worker="mailer"} 1' in shown
    assert "golive_worker_leased 1" in shown
