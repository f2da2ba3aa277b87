"""Two edges, one address: who has it, what its moves cost, and what an edge that comes back serves."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

_OFF = "/etc/systemd/system/golive-newer-map.service.d"
UNITS = ["haproxy", "keepalived", "golive-newer-map"]
WITHIN_SECONDS = 2.0


@pytest.fixture
def tell(capsys):
    """Print a figure also when the test passes."""

    def say(what, figure):
        with capsys.disabled():
            print(f"\n  {what}: {figure}", end=" ")

    return say


def test_the_address_is_on_one_edge(both, holders, on, virtual, fetch):
    assert holders() == [both]
    answer = fetch(on("user1"), f"http://{virtual}/")
    assert (answer["status"], answer["headers"]["location"]) == (301, "https://football.test/")


def test_what_an_edge_serves_is_told_to_the_other_one_only(both, away, address, script_on):
    assert "live blue\n" in script_on(away, _MAP, both, address(both))
    assert "403" in script_on(both, _MAP, both, address(both))  # not even to itself
    for other in ("app1", "ops1", "user1"):  # nor, past the firewall, to anybody else
        assert "timed out" in script_on(other, _MAP, both, address(both))


@pytest.fixture
def script_on(on):
    """Run a Python script on a host and return what it says: script_on(name, text, *arguments)."""

    def run(name, text, *arguments):
        return on(name).check_output("python3 -c %s" + " %s" * len(arguments), text, *arguments)

    return run


_MAP = """
import ssl, socket, sys
context = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")
try:
    with context.wrap_socket(socket.create_connection((sys.argv[2], 8406), 3), server_hostname=sys.argv[1]) as there:
        there.sendall(b"GET /map HTTP/1.0\\r\\n\\r\\n")
        while piece := there.recv(4096):
            print(piece.decode())
except OSError as error:
    print(error)
"""


def test_an_impostor_is_not_believed(both, away, on, address):
    """A host of the fleet, with a certificate of its own, at the address of the peer."""
    settings = json.loads(on(away).check_output("cat /etc/haproxy/peers.json"))
    forged = settings | {"peers": [{**settings["peers"][0], "address": address("app1")}]}
    on("app1").check_output("systemd-run --unit=impostor python3 -c %s", _IMPOSTOR)
    write = "cp -p /etc/haproxy/peers.json /root/ && printf %s >/etc/haproxy/peers.json"
    on(away).check_output(write, json.dumps(forged))
    try:
        time.sleep(1)
        told = on(away).run("python3 -B /usr/local/lib/golive/newer-map try")
        assert told.rc == 1
        assert f"{both} cannot show that it is {both}: Hostname mismatch" in told.stdout
        before = on(away).file("/etc/haproxy/live.map").content_string
        on(away).check_output("systemctl restart haproxy")  # which the unit does not keep from starting
        assert on(away).file("/etc/haproxy/live.map").content_string == before
    finally:
        on(away).check_output("mv /root/peers.json /etc/haproxy/peers.json")
        on("app1").check_output("systemctl stop impostor")
    assert on(away).run("python3 -B /usr/local/lib/golive/newer-map try").rc == 0


_IMPOSTOR = """
import http.server, ssl
class Map(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"live green\\ncanary none\\ncanary_share 0\\ngeneration 999\\n")
server = http.server.ThreadingHTTPServer(("", 8406), Map)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/etc/golive/tls/host.crt", "/etc/golive/tls/host.key")
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""


@pytest.mark.parametrize("newer_map", ["asked", "not asked"])
def test_an_edge_that_dies_and_comes_back(
    both, away, on, docker, module, loop, holders, becomes, tell, address, newer_map
):
    """Its power cut is short, it comes back with the colour of meanwhile, and it leaves the address where it is.

    Without its question the old colour comes back: that is what the generation is for.
    """
    dead, survivor, its_address = both, away, address(both)
    if newer_map == "not asked":
        on(dead).check_output(f"mkdir -p {_OFF} && printf '[Unit]\\nConditionPathExists=/nowhere\\n' >{_OFF}/off.conf")
    end = loop()
    fault = time.clock_gettime(time.CLOCK_BOOTTIME)
    docker("kill", dead)
    assert becomes(lambda: holders() == [survivor])
    time.sleep(3)
    seen = end()
    tell(f"power cut of {dead}", f"over after {seen.seconds(fault):.2f} s; {seen}")
    assert seen.seconds(fault) < WITHIN_SECONDS
    assert seen.silence < WITHIN_SECONDS

    module(survivor, "edge_switch", colour="green")
    first = subprocess.Popen(
        ["docker", "exec", on("ops1").backend.name, "python3", "-c", _FIRST, its_address],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    end = loop()
    docker("start", dead)
    colours = json.loads(first.communicate(timeout=90)[0])
    assert becomes(lambda: on(dead).run("systemctl is-system-running --wait").rc == 0)
    time.sleep(3)
    seen = end()
    tell(f"return of {dead}, {len(colours)} answers", seen)
    assert holders() == [survivor]
    assert seen.lost == []
    if newer_map == "not asked":
        on(dead).check_output(f"rm -r {_OFF} && systemctl daemon-reload")
        assert "blue" in colours
    else:
        assert set(colours) == {"green"}
        assert "Took green of switch" in on(dead).check_output("journalctl -b -u golive-newer-map -o cat --no-pager")


# From before it boots: the colour of each of its first 100 answers.
_FIRST = """
import http.client, json, socket, ssl, sys, time
context, colours = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt"), []
deadline = time.monotonic() + 80
while len(colours) < 100 and time.monotonic() < deadline:
    try:
        connection = http.client.HTTPSConnection(sys.argv[1], timeout=1)
        plain = socket.create_connection((sys.argv[1], 443), 1)
        connection.sock = context.wrap_socket(plain, server_hostname="football.test")
        connection.request("GET", "/version", headers={"Host": "football.test"})
        answer = connection.getresponse()
        if answer.status == 200:
            colours.append(json.loads(answer.read())["release"])
        connection.close()
    except (OSError, http.client.HTTPException):
        time.sleep(0.02)
print(json.dumps(colours))
"""


@pytest.mark.parametrize(
    ("what", "command"),
    [
        ("HAProxy stopped", "systemctl stop haproxy"),
        ("both killed", "systemctl kill -s KILL keepalived haproxy; systemctl stop keepalived haproxy; true"),
        ("keepalived stopped", "systemctl stop keepalived"),
    ],
    ids=["HAProxy", "both", "keepalived"],
)
def test_the_address_leaves_an_edge_that_does_not_serve(both, away, on, loop, holders, becomes, tell, what, command):
    end = loop()
    fault = float(on(both).check_output(f"cut -d' ' -f1 /proc/uptime; {command}"))
    assert becomes(lambda: away in holders())
    time.sleep(2)
    seen = end()
    tell(what, f"over after {seen.seconds(fault):.2f} s; {seen}")
    assert seen.seconds(fault) < WITHIN_SECONDS
    assert seen.silence < WITHIN_SECONDS


def test_a_reload_of_who_serves_and_a_restart_of_who_does_not_lose_nothing(both, away, on, loop, holders, tell):
    end = loop()
    on(both).check_output("systemctl reload haproxy")
    time.sleep(1)
    on(both).check_output("systemctl reload keepalived")
    time.sleep(1)
    on(away).check_output("systemctl restart haproxy")
    on(away).check_output("systemctl restart keepalived")
    time.sleep(3)
    seen = end()
    tell("reloads", seen)
    assert seen.lost == []
    assert holders() == [both]


def test_a_running_edge_takes_no_map(both, away, on, module, live):
    """Its workers would go on with another one."""
    ahead = module(both, "edge_switch", colour="blue", at_least_generation=int(live(both)["generation"]) + 1)
    on(away).check_output("systemctl start golive-newer-map haproxy")
    assert int(live(away)["generation"]) < ahead["after"]["generation"]
    on(away).check_output("systemctl restart haproxy")
    assert int(live(away)["generation"]) == ahead["after"]["generation"]


def test_an_edge_whose_peer_is_dead_serves_all_the_same(both, away, on, docker, module, tell):
    docker("kill", both)
    began = time.monotonic()
    on(away).check_output("systemctl restart haproxy")
    seconds = time.monotonic() - began
    tell("start of HAProxy without a peer", f"{seconds:.1f} s")
    assert seconds < 10
    seen = module(away, "edge_info")
    assert (seen["live"], seen["agreed"]) == ("blue", True)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/etc/keepalived/keepalived.conf", ("root", "root", 0o644)),
        ("/usr/local/lib/golive/haproxy-answers", ("root", "root", 0o755)),
        ("/usr/local/lib/golive/newer-map/__main__.py", ("root", "root", 0o644)),
        ("/etc/haproxy/peers.json", ("root", "root", 0o644)),
        ("/run/haproxy/alive.sock", ("haproxy", "haproxy", 0o600)),
    ],
)
def test_only_who_must_writes_the_files(host, path, owner):
    file = host.file(path)
    assert (file.user, file.group, file.mode) == owner


def test_whoever_asks_haproxy_can_change_nothing(both, on):
    said = on(both).check_output(
        "setpriv --reuid=haproxy --regid=haproxy --clear-groups python3 -c %s",
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/haproxy/alive.sock');"
        "s.sendall(b'disable frontend https\\n'); print(s.recv(4096).decode())",
    )
    assert "Permission denied" in said


@pytest.mark.usefixtures("both")
def test_what_the_next_converge_must_keep_is_noted(on):
    for name in ("edge1", "edge2"):
        on(name).check_output("systemctl show -p MainPID --value haproxy keepalived >/root/pids")
