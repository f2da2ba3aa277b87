"""grafana_probe and grafana_access as processes, against the API double of scenario grafana.

The double (molecule/grafana/double) is not Grafana. The scenario runs against the real one where there is its archive.
"""

from __future__ import annotations

import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from golive_core.judge import FAIL, NO_EVIDENCE, PASS, judge
from support import ROOT, Run, make_authority

from golive import doctor

DOUBLE = ROOT / "molecule" / "grafana" / "double"
NOWHERE = "https://127.0.0.1:9"
PANEL = {"title": "CPU", "targets": [{"refId": "A", "expr": "up"}]}


class Prometheus(http.server.BaseHTTPRequestHandler):
    """Answers every query with one number, but `gone`, which has none."""

    def do_GET(self) -> None:
        """Answer."""
        result = [] if "gone" in self.path else [{"metric": {}, "value": [1.0, "1"]}]
        body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Grafana:
    """A double that runs, with one dashboard."""

    asked: dict[str, Any]
    etc: Path
    prometheus: http.server.ThreadingHTTPServer | None = None

    @property
    def dashboard(self) -> Path:
        """Return the file of its dashboard."""
        return self.etc / "dashboards" / "hosts.json"


@pytest.fixture(params=["7.5.0", "12.0.0"])
def grafana(request: pytest.FixtureRequest, tmp_path: Path, run_module: Run) -> Iterator[Grafana]:
    authority = make_authority(tmp_path)
    certificate, key = authority.issue("grafana.test")
    prometheus = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=prometheus.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = shutil.copytree(DOUBLE, tmp_path / "home")
    (home / "VERSION").write_text(f"{request.param}-api-double\n", encoding="utf-8")
    etc, data = tmp_path / "etc", tmp_path / "data"
    data.mkdir()
    source = {"name": "golive", "uid": "golive", "url": f"http://127.0.0.1:{prometheus.server_address[1]}"}
    folder = {"folder": "Ops", "folderUid": "ops", "options": {"path": str(etc / "dashboards")}}
    ini = f"""
[paths]
data = {data}
provisioning = {etc}/provisioning
[server]
http_addr = 127.0.0.1
http_port = {port}
cert_file = {certificate}
cert_key = {key}
[security]
admin_user = golive-admin
admin_password = $__file{{{etc}/password}}
[users]
auto_assign_org_role = Viewer
[auth.anonymous]
enabled = $__file{{{etc}/anonymous}}
"""
    files = {
        "grafana.ini": ini,
        "password": "right",
        "anonymous": "false",
        "provisioning/datasources/golive.yaml": {"datasources": [source]},
        "provisioning/dashboards/golive.yaml": {"providers": [folder]},
        "dashboards/hosts.json": {"uid": "hosts", "title": "Hosts", "panels": [PANEL]},
    }
    wanted = [{"path": name, "content": content} for name, content in files.items()]
    run_module("host_files", {"root": str(etc), "files": wanted}, changes=True)
    command = [
        sys.executable,
        str(home / "bin" / "grafana-server"),
        f"--homepath={home}",
        f"--config={etc}/grafana.ini",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "not Grafana" in process.stdout.readline()
        login = {"user": "golive-admin", "password": "right"}
        asked = {"url": f"https://127.0.0.1:{port}", "ca_file": authority.ca_file, **login}
        time.sleep(0.2)
        yield Grafana(asked, etc, prometheus)
        process.terminate()
    prometheus.shutdown()


def measure(run_module: Run, grafana: Grafana, **check: Any) -> dict[str, Any]:
    told = run_module("grafana_probe", {"checks": [{"id": "monitoring.x", **grafana.asked, **check}]})
    found: dict[str, Any] = told["measurements"][0]
    return found


@pytest.mark.parametrize(
    "check",
    [
        {"kind": "health"},
        {"kind": "closed"},
        {"kind": "data_source"},
        {"kind": "dashboards", "dashboards": {"hosts": "Hosts"}},
        {"kind": "panel", "dashboard": "hosts"},
    ],
    ids=lambda check: str(check["kind"]),
)
def test_what_is_well_has_no_failure(run_module: Run, grafana: Grafana, check: dict[str, Any]) -> None:
    seen = measure(run_module, grafana, **check)
    assert (seen["failures"], seen["invalid"]) == (0, ""), seen["observed"]
    assert seen["n"] >= 1


def test_what_is_wrong_is_named(run_module: Run, grafana: Grafana) -> None:
    gone = {**json.loads(grafana.dashboard.read_text()), "panels": [{**PANEL, "targets": [{"expr": "gone"}]}]}
    grafana.dashboard.write_text(json.dumps(gone))
    assert "gives no data" in measure(run_module, grafana, kind="panel", dashboard="hosts")["observed"]
    titles = {"hosts": "Hosts", "edge": "Edge"}
    seen = measure(run_module, grafana, kind="dashboards", dashboards=titles)
    assert (seen["n"], seen["failures"], seen["observed"]) == (2, 1, "dashboard edge: 404: Dashboard not found")
    lost = measure(run_module, grafana, kind="data_source", data_source="other")
    assert (lost["n"], lost["invalid"]) == (0, "data source other: Grafana answered 404: Data source not found")


FAULTS: dict[str, tuple[dict[str, Any], Callable[[Grafana], object], str]] = {
    "monitoring.grafana_healthy": ({"kind": "health"}, lambda grafana: grafana.asked.update(url=NOWHERE), "refused"),
    "monitoring.grafana_closed": (
        {"kind": "closed"},
        lambda grafana: (grafana.etc / "anonymous").write_text("true"),
        "somebody without a name",
    ),
    "monitoring.grafana_data_source": (
        {"kind": "data_source"},
        lambda grafana: grafana.prometheus and (grafana.prometheus.shutdown(), grafana.prometheus.server_close()),
        "Connection refused",
    ),
    "monitoring.grafana_dashboards": (
        {"kind": "dashboards", "dashboards": {"hosts": "Hosts"}},
        lambda grafana: grafana.dashboard.unlink(),
        "dashboard hosts",
    ),
    "monitoring.grafana_panel": (
        {"kind": "panel", "dashboard": "hosts"},
        lambda grafana: grafana.dashboard.write_text(grafana.dashboard.read_text().replace('"up"', '"gone"')),
        "gives no data",
    ),
}


@pytest.mark.parametrize("gate", FAULTS)
def test_each_gate_of_grafana_turns_red_and_says_why(run_module: Run, grafana: Grafana, gate: str) -> None:
    check, plant, words = FAULTS[gate]
    (known,) = [known for known in doctor.catalogue()["monitoring"] if known["id"] == gate]
    assert known["params"]["kind"] == check["kind"]
    assert judge(known, measure(run_module, grafana, **check), datetime.now(UTC))["verdict"] == PASS
    plant(grafana)
    seen = judge(known, measure(run_module, grafana, **check), datetime.now(UTC))
    assert seen["verdict"] in (FAIL, NO_EVIDENCE)
    assert words in seen["message"]


def test_where_there_is_none_nothing_is_asked_and_nothing_is_proven(run_module: Run) -> None:
    nowhere = Grafana({"url": NOWHERE}, Path())
    assert measure(run_module, nowhere, kind="data_source", absent="none here")["invalid"] == "none here"
    assert measure(run_module, nowhere, kind="health")["failures"] == 1


def test_accounts_teams_and_folders_come_once_and_keep(run_module: Run, grafana: Grafana) -> None:
    ada = {"login": "ada", "password": "first", "role": "Editor", "teams": ["dba"]}
    wanted = {
        **grafana.asked,
        "accounts": [ada],
        "teams": ["dba"],
        "folders": [{"uid": "ops", "title": "Ops", "teams": ["dba"]}],
    }
    first = run_module("grafana_access", wanted, changes=True)
    assert first["done"] == [
        "team dba was made", "account ada was made", "account ada became Editor", "ada joined team dba",
        'folder "Ops" is read by dba',
    ]  # fmt: skip
    assert run_module("grafana_access", wanted)["done"] == []
    other = {**wanted, "accounts": [{**ada, "password": "second"}]}
    assert run_module("grafana_access", other, changes=True)["done"] == ["account ada got another password"]
    refused = run_module("grafana_access", {**wanted, "password": "wrong"})
    assert "its database was made with another password" in refused["msg"]
