"""The exporters as Prometheus asks them, after a reboot."""

from __future__ import annotations

import time

import pytest

UNITS = ["prometheus-node-exporter", "prometheus-postgres-exporter", "prometheus-redis-exporter"]
PORTS = {"node": 9100, "postgres": 9187, "redis": 9121}


@pytest.fixture
def metrics(host, fetch, address):
    """Return the metrics of an exporter, as lines."""
    return lambda name: fetch(host, f"http://{address('data1')}:{PORTS[name]}/metrics")["body"].splitlines()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("node", "node_memory_MemTotal_bytes"),
        ("node", "node_filesystem_avail_bytes"),
        ("postgres", "pg_up 1"),
        ("redis", "redis_up 1"),
        ("redis", "redis_memory_max_bytes 2.68435456e+08"),
        ("postgres", "pg_database_size_bytes"),
    ],
)
def test_the_figures_are_there(metrics, name, line):
    assert any(found.startswith(line) for found in metrics(name))


def test_a_textfile_becomes_a_metric(host, metrics):
    host.check_output("echo golive_seen 42 >/var/lib/prometheus/node-exporter/golive.prom")
    assert any(line.startswith("golive_seen 42") for line in metrics("node"))


@pytest.mark.parametrize("name", PORTS)
def test_they_answer_where_prometheus_asks_and_nowhere_else(host, address, name):
    listening = host.check_output("ss -Hltn").split()
    assert f"{address('data1')}:{PORTS[name]}" in listening
    assert not {f"*:{PORTS[name]}", f"0.0.0.0:{PORTS[name]}", f"[::]:{PORTS[name]}"} & set(listening)


@pytest.mark.parametrize("unit", UNITS)
def test_they_start_with_the_host(host, unit):
    assert host.service(unit).is_running
    assert host.service(unit).is_enabled


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_never_gives_them_up(host, unit):
    shown = host.check_output(f"systemctl show {unit} -p StartLimitIntervalUSec -p RestartUSec").split()
    assert sorted(shown) == ["RestartUSec=2s", "StartLimitIntervalUSec=0"]


def test_an_exporter_whose_database_was_down_is_there_again(host, metrics):
    host.check_output("systemctl stop postgresql && systemctl restart prometheus-postgres-exporter; sleep 12")
    host.check_output("systemctl start postgresql")
    for _ in range(30):
        if "pg_up 1" in metrics("postgres"):
            break
        time.sleep(1)
    assert "pg_up 1" in metrics("postgres")


@pytest.mark.parametrize("name", ["postgres-exporter.password", "redis-exporter.password.json"])
def test_only_the_exporters_read_the_passwords(host, name):
    file = host.file(f"/etc/default/prometheus-{name}")
    assert (file.user, file.group, file.mode) == ("root", "prometheus", 0o640)


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
