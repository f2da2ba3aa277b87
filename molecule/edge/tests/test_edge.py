"""The edge as clients meet it, after a reboot."""

from __future__ import annotations

import json
import time

import pytest

UNITS = ["haproxy"]


def speaks(host, *options):
    """Shake hands with the edge by OpenSSL, and return what it says."""
    words = " ".join(options)
    return host.run(f"openssl s_client -connect edge1:443 -servername football.test {words} </dev/null 2>&1").stdout


@pytest.mark.parametrize(
    ("options", "agreed"),
    [
        ("-tls1_2", "TLSv1.2, Cipher is ECDHE-ECDSA-"),
        ("-tls1_3", "TLSv1.3, Cipher is TLS_"),
        ("-alpn h2,http/1.1", "ALPN protocol: h2"),
        ("-alpn http/1.1", "ALPN protocol: http/1.1"),
        ("-CAfile /etc/golive/tls/ca.crt -verify_hostname football.test", "Verify return code: 0 (ok)"),
    ],
)
def test_tls_is_spoken(on, options, agreed):
    assert agreed in speaks(on("user1"), options)


@pytest.mark.parametrize("options", ["-tls1_1 -cipher DEFAULT@SECLEVEL=0", "-tls1_2 -cipher AES128-SHA"])
def test_old_tls_is_refused(on, options):
    said = speaks(on("user1"), options)
    assert "alert" in said
    assert "Cipher is (NONE)" in said


def carried(answer, headers):
    """Return what stands on an answer of the headers that must."""
    return {name: answer["headers"].get(name) for name in headers}


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize(
    ("status", "how"),
    [
        (200, {"path": "/echo"}),
        (404, {"path": "/missing"}),
        (404, {"path": "/metrics"}),
        (
            411,
            {
                "path": "/echo",
                "method": "POST",
                "headers": {"Transfer-Encoding": "chunked"},
                "body": "1\r\nx\r\n0\r\n\r\n",
            },
        ),
        (413, {"path": "/echo", "method": "POST", "length": 1048577}),
        (504, {"path": "/slow?seconds=9"}),
    ],
    ids=lambda value: value if isinstance(value, int) else value["path"],
)
def test_every_answer_carries_every_header(on, ask, headers, stranger, status, how):
    answer = ask(on("user1"), how.pop("path"), source=stranger(), **how)
    assert answer["status"] == status
    assert carried(answer, headers) == headers
    assert {"server", "x-powered-by", "x-golive-colour"} & set(answer["headers"]) == set()
    assert len(answer["headers"]["x-request-id"]) == 36


def test_without_a_release_the_edge_answers_with_the_headers(on, ask, module, headers):
    module("edge_switch", colour="none")
    answer = ask(on("user1"), "/")
    assert (answer["status"], answer["body"]) == (503, '{"error": "no release is live"}')
    assert carried(answer, headers) == headers
    shown = ask(on("user1"), "/", headers={"Accept": "text/html"})
    assert "No release is live" in shown["body"]


@pytest.mark.parametrize("name", ["football.test", "attacker.example", "edge1:8080"])
def test_plain_http_goes_to_the_real_name(on, ask, headers, name):
    answer = ask(on("user1"), "/a?b=c", tls=False, headers={"Host": name})
    assert (answer["status"], answer["headers"]["location"]) == (301, "https://football.test/a?b=c")
    assert answer["headers"].get("strict-transport-security") is None
    del headers["strict-transport-security"]
    assert carried(answer, headers) == headers


def test_the_challenge_path_is_redirected_like_all_others(on, ask):
    assert ask(on("user1"), "/.well-known/acme-challenge/x", tls=False)["status"] == 301


@pytest.mark.parametrize(
    ("sent", "status"),
    [("GET / HTTP/1.1\\r\\nHost: x\\r\\nBad Name: 1\\r\\n\\r\\n", 400), ("GET / HTTP/1.1\\r\\nHost: x\\r\\n", 408)],
)
def test_what_does_not_parse_learns_nothing(on, script, sent, status):
    said, errors = script(on("user1"), _RAW, sent).communicate(timeout=30)
    assert said.startswith(f"HTTP/1.1 {status} "), errors
    names = {line.partition(":")[0].lower() for line in said.partition("\n\n")[0].splitlines()[1:]}
    assert names <= {"content-length", "cache-control", "connection", "content-type"}
    assert "haproxy" not in said.lower()
    assert "3.0" not in said


_RAW = """
import socket, ssl, sys
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
wrapped = context.wrap_socket(socket.create_connection(("edge1", 443)), server_hostname="football.test")
wrapped.sendall(sys.argv[1].encode().decode("unicode_escape").encode())
said = b""
while piece := wrapped.recv(4096):
    said += piece
print(said.decode(), end="")
"""


@pytest.mark.usefixtures("serving")
def test_a_slow_body_is_not_waited_for(on, ask):
    answer = ask(on("user1"), "/echo", method="POST", length=10, body="1234")
    assert answer["status"] == 408
    assert 1.9 < answer["seconds"] < 4.9  # edge_timeouts: request is 2, client 5
    whole = ask(on("user1"), "/echo", method="POST", length=4, body="1234")
    assert whole["status"] == 200


@pytest.mark.usefixtures("serving")
def test_who_asks_too_often_is_told_to_wait(on, begin, headers, stranger):
    source = stranger()
    answers = begin(on("user1"), "/echo", source=source, times=70)()
    assert [answer["status"] for answer in answers] == [200] * 60 + [429] * 10
    assert answers[-1]["headers"]["retry-after"] == "30"
    assert carried(answers[-1], headers) == headers
    assert begin(on("user1"), "/ready", source=source)()[0]["status"] == 200
    other = begin(on("user1"), "/echo", source=stranger())()[0]
    assert other["status"] == 200


@pytest.mark.usefixtures("serving")
def test_http2_is_served_and_limited_alike(on, stranger):
    urls = "https://football.test/echo?[1-70]"
    said = on("user1").check_output(
        f"curl -s --http2 --interface {stranger()} --cacert /etc/golive/tls/ca.crt -o /dev/null "
        f"-w '%{{http_version}} %{{response_code}} %header{{retry-after}} %header{{x-frame-options}}\\n' '{urls}'"
    )
    lines = [line.strip() for line in said.splitlines()]
    assert (lines.count("2 200  DENY"), lines.count("2 429 30 DENY")) == (60, 10)


@pytest.mark.usefixtures("serving")
@pytest.mark.parametrize("known", ["ops1", "edge1"])
def test_who_is_known_is_never_limited(on, begin, known):
    answers = begin(on(known), "/echo", times=150)()
    assert {answer["status"] for answer in answers} == {200}


@pytest.mark.usefixtures("serving")
def test_a_client_has_so_many_connections_and_no_more(on, connections, stranger):
    assert connections(on("user1"), 105, stranger()) == 100
    assert connections(on("ops1"), 105) == 105


@pytest.mark.usefixtures("serving")
def test_the_application_learns_who_asks_from_nobody_but_the_edge(on, ask, stranger):
    source = stranger()
    forged = {
        "X-Forwarded-For": "198.51.100.7",
        "X_Forwarded_For": "198.51.100.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Port": "198",
        "X-Real-IP": "198.51.100.7",
        "X-Original-URL": "/metrics",
        "Forwarded": "for=198.51.100.7",
        "Proxy": "http://198.51.100.7/",
    }
    said = ask(on("user1"), "/echo", source=source, headers=forged)["body"]
    assert "198.51.100.7" not in said
    told = {name: text for name, text in json.loads(said)["headers"].items() if name.startswith("x-")}
    assert len(told.pop("x-request-id")) == 36
    assert told == {"x-forwarded-for": source, "x-forwarded-proto": "https", "x-forwarded-host": "football.test"}


@pytest.mark.usefixtures("serving")
def test_the_log_tells_what_happened(on, ask, log, stranger, module):
    module("edge_switch", colour="blue", release="1.4.0")
    source = stranger()
    named = ask(on("user1"), "/slow?seconds=0.2", source=source, headers={"X-Request-ID": "asked-by-a-test"})
    assert named["headers"]["x-request-id"] == "asked-by-a-test"
    line = log("asked-by-a-test")
    assert {key: line[key] for key in ("client", "method", "path", "status", "colour", "release", "server", "tls")} == {
        "client": source,
        "method": "GET",
        "path": "/slow",
        "status": 200,
        "colour": "blue",
        "release": "1.4.0",
        "server": "app1",
        "tls": "TLSv1.3",
    }
    assert 200 <= line["answer_ms"] <= line["total_ms"]
    assert 0 <= time.time() - time.mktime(time.strptime(line["time"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone < 60


@pytest.mark.usefixtures("serving")
def test_an_id_that_is_not_safe_to_log_is_replaced(on, ask):
    answer = ask(on("user1"), "/echo", headers={"X-Request-ID": 'a"b{c}<script>'})
    assert len(answer["headers"]["x-request-id"]) == 36


@pytest.mark.usefixtures("serving")
def test_private_paths_are_seen_by_the_known_only(on, ask):
    assert ask(on("ops1"), "/metrics")["status"] == 200
    for path in ("/metrics", "//metrics", "/metrics/", "/%6detrics", "/METRICS", "/metrics;a", "/metrics/more"):
        assert ask(on("user1"), path)["status"] == 404
    for path in ("/x/../metrics", "/./metrics", "/%2e/metrics"):
        assert ask(on("user1"), path)["status"] == 400
    for path in ("/metricsx", "/a..b"):
        assert ask(on("user1"), path)["status"] == 200


def test_figures_are_for_the_monitoring_only(on, fetch, address):
    url = f"http://{address('edge1')}:8405/metrics"
    seen = fetch(on("ops1"), url)
    assert seen["status"] == 200
    assert 'haproxy_backend_status{proxy="be_blue",state="UP"} 1' in seen["body"]
    for other in ("user1", "app1"):
        assert fetch(on(other), url)["status"] == 403


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/etc/haproxy/haproxy.cfg", ("root", "haproxy", 0o640)),
        ("/etc/haproxy/live.map", ("root", "root", 0o644)),
        ("/etc/haproxy/hold.lua", ("root", "root", 0o644)),
        ("/etc/haproxy/maintenance.html", ("root", "root", 0o644)),
        ("/usr/local/lib/golive/keep-server-states", ("root", "root", 0o755)),
        ("/etc/systemd/system/haproxy.service.d/golive.conf", ("root", "root", 0o644)),
        ("/run/haproxy/admin.sock", ("root", "haproxy", 0o600)),
    ],
)
def test_only_who_must_writes_the_files(host, path, owner):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == owner


def test_the_edge_starts_with_the_host(host):
    assert host.service("haproxy").is_running
    assert host.service("haproxy").is_enabled
