"""The exporters as Prometheus asks them, after a reboot."""

from __future__ import annotations

import time

import pytest

UNITS = [
    "prometheus-node-exporter",
    "prometheus-postgres-exporter",
    "prometheus-redis-exporter",
    "prometheus-blackbox-exporter",
]
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


def test_what_asks_anything_for_anybody_answers_on_loopback_only(host):
    listening = host.check_output("ss -Hltn").split()
    assert [where for where in listening if where.endswith(":9115")] == ["127.0.0.1:9115"]


@pytest.fixture
def edge(host, address):
    """Serve under the public name, with the host's certificate or with one that nobody vouches for."""

    def serve(pem, status=200):
        host.check_output(f"cat >/run/edge.py <<'END'\n{_EDGE}\nEND")
        host.check_output(f"systemd-run --quiet --unit edge python3 /run/edge.py {address('data1')} {pem} {status}")
        host.check_output("for n in $(seq 50); do ss -Hltn | grep -q :443 && break; sleep 0.1; done")

    yield serve
    host.run("systemctl stop edge")


_EDGE = """
import http.server, ssl, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[3]) if self.headers["Host"] == "football.test" else 404)
        self.end_headers()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2])
server = http.server.HTTPServer((sys.argv[1], 443), Answer)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
"""


@pytest.fixture
def seen(host, fetch, address):
    """Ask the edge as Prometheus has it asked; return the metrics by name."""

    def ask():
        url = f"http://127.0.0.1:9115/probe?module=public&target=https://{address('data1')}/health/"
        rows = fetch(host, url)["body"].splitlines()
        # A label may have a space in it, such as the name of an authority.
        told = (row.rsplit(" ", 1) for row in rows if row and row[0] != "#")
        return {name: float(value) for name, value in told}

    return ask


def test_a_client_from_outside_is_answered_under_the_public_name(edge, seen):
    edge("/etc/golive/tls/public.pem")
    metrics = seen()
    assert metrics["probe_success"] == 1
    assert metrics["probe_ssl_earliest_cert_expiry"] > time.time() + 300 * 86_400


def test_an_answer_that_is_an_error_is_none(edge, seen):
    edge("/etc/golive/tls/public.pem", 503)
    assert seen()["probe_success"] == 0


def test_a_certificate_that_nobody_vouches_for_is_none(host, edge, seen):
    host.check_output(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=x -addext subjectAltName=DNS:football.test "
        "-keyout /run/own.key -out /run/own.crt 2>/dev/null && cat /run/own.crt /run/own.key >/run/own.pem"
    )
    edge("/run/own.pem")
    assert seen()["probe_success"] == 0


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
