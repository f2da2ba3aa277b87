"""`./golive init`: an inventory for one's own hosts and application. What no flag says is asked for."""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from golive_core import evidence
from golive_core.request import APP, HOST_NAME, NEEDED_GROUPS

from .lab import ROOT
from .play import inventory as _inventory
from .say import Problem, say

MANIFEST = "hostvars['localhost'].golive_manifest"
GROUPS = (*NEEDED_GROUPS, "logs")
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
PATH = re.compile(r"/[\x21-\x7e]*")
USER = re.compile(r"[a-z_][a-z0-9_-]*")
# The report behind each gate that not every team can answer from its first release on.
REPORTS = {f"evidence.{kind}": name for kind, name in evidence.REPORTS.items()}
# Gates of what is chosen later: a Grafana, what the application measures of itself, and who is told.
CHOSEN_LATER = {
    **dict.fromkeys(
        [f"monitoring.grafana_{what}" for what in ("healthy", "closed", "data_source", "dashboards", "panel")],
        "no Grafana yet: set grafana_source",
    ),
    **dict.fromkeys(
        ["watch.panels_have_data", "watch.panels_still_have_data"],
        "the metrics of the application are not described yet: set prometheus_app_metrics",
    ),
    "monitoring.alert_arrives": "nobody is told of alerts yet: add a receiver with probe: true to golive_receivers",
}
WAIVED_DAYS = 90
KEY = re.compile(r"[\w-]+(\.[\w-]+)*")


def _matches(pattern: re.Pattern[str], wanted: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        return "" if pattern.fullmatch(value) else wanted

    return check


def _hosts(value: str) -> str:
    names = value.split(",")
    right = all(HOST.fullmatch(name) for name in names) and len(set(names)) == len(names)
    return "" if right else "wanted host names or addresses, each once, with commas between them"


def _networks(value: str) -> str:
    try:
        found = [ipaddress.ip_network(network) for network in value.split(",")]
    except ValueError:
        return "wanted networks in CIDR form with commas between them, as 192.0.2.0/24"
    return "a network of all addresses would let everybody in" if any(net.prefixlen == 0 for net in found) else ""


def _reports(value: str) -> str:
    known = sorted(REPORTS.values())
    return "" if set(value.split(",")) <= set(known) else f"wanted some of {', '.join(known)}, with commas between them"


def _port(value: str) -> str:
    return "" if value.isdecimal() and 1 <= int(value) <= 65535 else "wanted a number of 1 to 65535"


@dataclass(frozen=True)
class Question:
    """One thing that an inventory needs; `check` returns what was wanted, or nothing when the answer is right."""

    name: str
    text: str
    check: Callable[[str], str]
    default: str = ""


QUESTIONS = (
    Question("app", "Name of the application", _matches(APP, "wanted small letters, digits, underscores")),
    Question(
        "public-name", "Name under which users reach it", _matches(HOST_NAME, "wanted a host name, as app.example.org")
    ),
    Question("hosts", "Its host, or several with commas; the first one is the edge", _hosts),
    Question("user", "User for SSH, who may use sudo", _matches(USER, "wanted the name of a user"), "root"),
    Question("admin-networks", "Networks from which you administer the hosts, this machine included", _networks),
    Question("port", "Port on which the application listens in its container", _port, "8000"),
    Question(
        "health-path",
        "Path that answers 200 when the application is ready",
        _matches(PATH, "wanted a path, as /health"),
        "/health",
    ),
    Question(
        "version-path", "Path that answers with the release", _matches(PATH, "wanted a path, as /version"), "/version"
    ),
    Question(
        "version-key",
        "Where the release is in that answer, which is JSON; a dot leads into an object",
        _matches(KEY, "wanted a key, as release or build.version"),
        "release",
    ),
    Question(
        "smoke-path",
        "Path of a request that must answer 200 after the start",
        _matches(PATH, "wanted a path, as /"),
        "/",
    ),
    Question(
        "reports",
        f"What your CI writes, of {', '.join(REPORTS.values())}",
        _reports,
        "junit.xml",
    ),
)


def add_parser(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    parser = verbs.add_parser(
        "init",
        help="write an inventory for your own hosts and application",
        description="Write an inventory for your own hosts and application. What no option says is asked for.",
        epilog="example: ./golive init inventories/mine --app shop --public-name shop.example.org --hosts 192.0.2.10",
    )
    parser.add_argument("directory", metavar="DIR", help="where to write it; it must not be there yet")
    for question in QUESTIONS:
        default = f" ({question.default})" if question.default else ""
        parser.add_argument(f"--{question.name}", metavar="VALUE", help=f"{question.text}{default}")
    parser.add_argument("--yes", action="store_true", help="ask nothing: take the defaults")


def answers(options: Mapping[str, Any], ask: Callable[[str], str] | None) -> dict[str, str]:
    """Return the answer to each question: given, asked for, or the default.

    :param options: those of the command line
    :param ask: asks for one, with its prompt; None to ask nothing
    :raises Problem: when an answer is wrong, or there is none
    """
    found = {}
    for question in QUESTIONS:
        value = options.get(question.name.replace("-", "_"))
        while value is None and ask:
            default = f" [{question.default}]" if question.default else ""
            said = ask(f"{question.text}{default}: ").strip() or question.default
            if wrong := question.check(said):
                say(f'  "{said}": {wrong}.')
            else:
                value = said
        value = question.default if value is None else value
        if wrong := question.check(value):
            raise Problem(f'--{question.name} is "{value}", {wrong}. Nothing was written.', code=2)
        found[question.name] = value
    return found


def files(said: Mapping[str, str], today: date) -> dict[str, str]:
    """Return the inventory: file name to text."""
    hosts = said["hosts"].split(",")
    spread = _spread(hosts)
    inventory = {
        "all": {
            "children": {group: {"hosts": dict.fromkeys(names)} for group, names in spread.items()},
            "vars": {"ansible_user": said["user"], **({} if said["user"] == "root" else {"ansible_become": True})},
        }
    }
    networks = said["admin-networks"].split(",")
    site = {
        "golive_app": said["app"],
        "golive_public_name": said["public-name"],
        "firewall_admin_networks": networks,
    }
    app = {
        "app_image_archive": f"{{{{ golive_releases_dir }}}}/{{{{ golive_release }}}}/{{{{ {MANIFEST}.archive }}}}",
        "app_image_id": f"{{{{ {MANIFEST}.image_id }}}}",
        "app_port": int(said["port"]),
        "app_health_path": said["health-path"],
        "app_version_path": said["version-path"],
        "app_version_key": said["version-key"],
        "app_smoke_checks": {"answered": {"path": said["smoke-path"], "expect": {"status": 200}}},
        "gates_load_endpoints": [{"path": said["smoke-path"]}],
    }
    return {
        "hosts.yml": _yaml(
            "Which host has which part; one may have all. Groups: docs/how-to/one-host-to-many.md", inventory
        ),
        "group_vars/all/golive.yml": _yaml(
            "What a site decides. What else there is: roles/golive/defaults/main.yml", site
        ),
        "group_vars/all/app.yml": _yaml(
            "What golive has to know about the application. All that can be said: roles/app/defaults/main.yml\n"
            "# A whole example, with database, cache, migration and API keys: examples/football/golive.yml",
            app,
        ),
        "group_vars/all/waivers.yml": _yaml(
            "Gates that cannot be green yet, and until when. When there is what one waits for, take its line away",
            {"gates_waivers": waivers(said["reports"].split(","), today)},
        ),
        ".gitignore": "/.golive/\n",
    }


def waivers(reports: Collection[str], today: date) -> list[dict[str, str]]:
    """Return the waivers of a first release: for the reports that CI does not write, and what is chosen later."""
    missing = {
        gate: f"CI writes no {report} yet" for gate, report in REPORTS.items() if report not in reports
    } | CHOSEN_LATER
    until = (today + timedelta(days=WAIVED_DAYS)).isoformat()
    return [{"gate": gate, "reason": reason, "who": "golive init", "until": until} for gate, reason in missing.items()]


def _spread(hosts: list[str]) -> dict[str, list[str]]:
    """Return group to hosts: the first of several is the edge, the last keeps data, those between serve."""
    if len(hosts) == 1:
        return {group: list(hosts) for group in GROUPS}
    edge, last = hosts[0], hosts[-1]
    return {**{group: [last] for group in GROUPS}, "edge": [edge], "app": hosts[1:-1] or [edge]}


def _yaml(head: str, data: Mapping[str, Any]) -> str:
    return f"---\n# {head}\n" + yaml.safe_dump(data, sort_keys=False, width=1000, allow_unicode=True).replace(
        ": null", ":"
    )


def carry_out(options: argparse.Namespace) -> int:
    """Write the inventory; return the exit code.

    :raises Problem: when it is there already, or an answer is wrong
    """
    directory = Path(options.directory)
    if directory.exists() and any(directory.iterdir()):
        raise Problem(f"{directory} is there already, and nothing is overwritten; choose another name.", code=2)
    ask = None if options.yes or not sys.stdin.isatty() else input
    for name, text in files(answers(vars(options), ask), datetime.now(UTC).date()).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        say(f"golive: wrote {path}")
    say(f"Next: put a release into {directory}/.golive/releases/, as docs/how-to/own-app.md says, then")
    say(f"      ./golive plan RELEASE -i {_typed(directory)}")
    return 0


def _typed(directory: Path) -> str:
    found = _inventory(str(directory))
    return str(found.relative_to(ROOT)) if found.is_relative_to(ROOT) else str(directory)
