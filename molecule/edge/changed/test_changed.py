"""What the second set of variables changes, by a reload."""

from __future__ import annotations

import json
import time

import pytest

UNITS = ["haproxy"]


def test_nothing_was_restarted(host):
    assert host.check_output("systemctl show -p MainPID --value haproxy") == host.check_output("cat /root/pid")


def test_tls_is_modern(on):
    host = on("user1")
    begin = "openssl s_client -servername football.test </dev/null 2>&1 -connect edge1:443"
    assert "Cipher is TLS_" in host.run(begin).stdout
    assert "Cipher is (NONE)" in host.run(f"{begin} -tls1_2").stdout


@pytest.mark.usefixtures("serving")
def test_a_balancer_that_forwards_is_believed_in_its_last_word(on, ask, log):
    told = {"X-Forwarded-For": "192.0.2.1, 198.51.100.7", "X-Request-ID": "forwarded-by-a-balancer"}
    said = json.loads(ask(on("user1"), "/echo", headers=told)["body"])
    assert said["headers"]["x-forwarded-for"] == "198.51.100.7"
    assert log("forwarded-by-a-balancer")["client"] == "198.51.100.7"


@pytest.mark.usefixtures("serving")
def test_a_balancer_that_speaks_the_proxy_protocol_is_believed(on, ask, log):
    said = ask(on("app1"), "/echo", proxy="198.51.100.8", headers={"X-Request-ID": "proxied-by-a-balancer"})
    assert json.loads(said["body"])["headers"]["x-forwarded-for"] == "198.51.100.8"
    assert log("proxied-by-a-balancer")["client"] == "198.51.100.8"
    assert ask(on("app1"), "/echo")["status"] == 0  # it must speak it
    assert ask(on("app1"), "/", proxy="198.51.100.8", tls=False)["status"] == 301


@pytest.mark.usefixtures("serving")
def test_nobody_else_is_believed(on, ask, stranger):
    source = stranger()
    said = ask(on("user1"), "/echo", source=source, headers={"X-Forwarded-For": "198.51.100.7"})
    assert json.loads(said["body"])["headers"]["x-forwarded-for"] == source
    assert ask(on("user1"), "/echo", source=source, proxy="198.51.100.7")["status"] == 0


@pytest.mark.usefixtures("serving")
def test_clients_of_a_balancer_are_limited_one_by_one(on, begin):
    def statuses(host, times, client, **how):
        headers = {"X-Forwarded-For": client}
        return [answer["status"] for answer in begin(on(host), "/echo", times=times, headers=headers, **how)()]

    assert statuses("user1", 25, "198.51.100.21") == [200] * 20 + [429] * 5
    assert statuses("user1", 5, "198.51.100.22") == [200] * 5
    assert statuses("user1", 25, "198.51.100.99") == [200] * 25  # exempt
    assert statuses("user1", 25, "2001:db8:1:1::1") == [200] * 20 + [429] * 5
    assert statuses("user1", 1, "2001:db8:1:1::ffff") == [429]  # the same /64
    assert statuses("user1", 1, "2001:db8:1:2::1") == [200]
    assert statuses("app1", 25, "", proxy="198.51.100.23") == [200] * 20 + [429] * 5


@pytest.mark.usefixtures("serving")
def test_a_key_is_limited_wherever_it_comes_from(on, ask, begin, stranger, admin):
    def with_key(times, key, **how):
        return begin(on("user1"), "/echo", times=times, source=stranger(), headers={"X-API-Key": key}, **how)()

    assert [answer["status"] for answer in with_key(6, "the first key")] == [200] * 6
    answers = with_key(6, "the first key")
    assert [answer["status"] for answer in answers] == [200] * 4 + [429] * 2
    assert answers[-1]["headers"]["retry-after"] == "20"
    assert with_key(1, "another key")[0]["status"] == 200
    assert {answer["status"] for answer in begin(on("ops1"), "/echo", times=15, headers={"X-API-Key": "first"})()} == {
        200
    }
    both = {"X-API-Key": "the first key", "x-api-key": "a third"}
    assert ask(on("user1"), "/echo", source=stranger(), headers=both)["status"] == 400
    table = admin("show table keys")
    assert "used:2" in table
    assert "key=" in table
    assert "first" not in table
    assert b"the first key".hex() not in table.lower()


@pytest.mark.usefixtures("serving")
def test_connections_are_counted_by_client_not_by_balancer(on, connections, stranger):
    assert connections(on("user1"), 7, stranger()) == 5
    assert connections(on("app1"), 7, proxy="198.51.100.31") == 5
    assert connections(on("user1"), 7) == 7


def test_the_challenge_goes_to_who_answers_it(on, ask):
    answer = ask(on("user1"), "/.well-known/acme-challenge/token", tls=False)
    assert answer["status"] == 200
    assert json.loads(answer["body"])["path"] == "/.well-known/acme-challenge/token"
    assert ask(on("user1"), "/.well-known/other", tls=False)["status"] == 301


@pytest.mark.usefixtures("serving")
def test_headers_come_as_they_were_written(on, ask):
    found = ask(on("user1"), "/echo")["headers"]
    assert (found["x-frame-options"], found["x-odd"]) == ("SAMEORIGIN", '100 % of $HOME "quoted"')
    assert "strict-transport-security" not in found


@pytest.mark.usefixtures("serving")
def test_bodies_and_paths_have_their_new_limits(on, ask):
    assert ask(on("user1"), "/echo", method="POST", length=101)["status"] == 413
    assert ask(on("user1"), "/internal")["status"] == 404
    assert ask(on("user1"), "/metrics")["status"] == 200


@pytest.mark.usefixtures("serving")
def test_servers_are_asked_on_their_new_ports(on, ask, module):
    assert json.loads(ask(on("user1"), "/echo")["body"])["port"] == 9001
    seen = module("edge_info")["backends"]
    assert {colour: rows[0]["address"].rpartition(":")[2] for colour, rows in seen.items()} == {
        "blue": "9001",
        "green": "9002",
    }


@pytest.mark.usefixtures("serving")
def test_the_log_is_sent_to_the_port_as_bare_json(host, on, ask, script):
    heard = script(host, _HEAR)
    time.sleep(1)
    ask(on("user1"), "/echo", headers={"X-Request-ID": "heard-by-a-test"})
    said, errors = heard.communicate(timeout=30)
    assert json.loads(said)["request_id"] == "heard-by-a-test", errors


_HEAR = """
import socket
port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port.bind(("127.0.0.1", 5140))
port.settimeout(10)
while "heard-by-a-test" not in (line := port.recv(65536).decode()):
    pass
print(line)
"""


@pytest.mark.usefixtures("serving")
def test_what_waited_in_vain_gets_the_page(on, ask, module):
    module("edge_switch", maintenance="hold")
    answer = ask(on("user1"), "/", headers={"Accept": "text/html"})
    assert (answer["status"], answer["headers"]["retry-after"]) == (503, "77")
    assert answer["body"] == '<h1>Closed "for" 10 % of the year</h1>'
    assert answer["seconds"] > 1
    module("edge_switch", maintenance="off")
