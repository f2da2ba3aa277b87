"""No secret shows anywhere but in the file that is meant for it, and the search for them does find what is planted."""

from __future__ import annotations

import fnmatch
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from golive.lab import ROOT

from .conftest import SHORT, Fleet, Run

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("first_release")]

SEARCH = Path(__file__).with_name("search.py").read_text(encoding="utf-8")
HOSTS = ("edge1", "app1", "app2", "data1", "ops1")
# Where a host keeps secrets, for root or the one service that reads them.
MEANT = {
    "app": ["/opt/golive/football/releases/*/secrets/*", "/opt/golive/football/migration/*"],
    "data": ["/etc/default/prometheus-*-exporter.password*"],
    "ops": ["/etc/golive/backup.pgpass", "/etc/pgbackrest/*.conf"],
    "edge": [],
}
THROUGH_RELEASE = ("--tags", "infrastructure,security,monitoring,database,release")

Finding = tuple[str, str, str]


def secrets_of(fleet: Fleet) -> dict[str, str]:
    """Return every secret that the controller generated: passwords, API keys, and a line of each private key."""
    store = fleet.lab.state / "secrets"
    found = {path.name: path.read_text(encoding="utf-8").split()[0] for path in store.iterdir() if path.is_file()}
    for path in store.rglob("*.key"):
        found[path.name] = path.read_text(encoding="utf-8").splitlines()[1]
    assert len(found) > 10
    return found


def search(fleet: Fleet, host: str, values: dict[str, str]) -> list[Finding]:
    said = fleet.on(host, "python3", "-c", SEARCH, stdin=json.dumps(values))
    return [(kind, where, name) for kind, where, name in json.loads(said)]


def search_everywhere(fleet: Fleet, values: dict[str, str]) -> dict[str, list[Finding]]:
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(HOSTS, pool.map(lambda host: search(fleet, host, values), HOSTS), strict=True))


def shown(text: str | bytes, values: dict[str, str]) -> list[str]:
    content = text if isinstance(text, bytes) else text.encode()
    return [name for name, value in values.items() if value.encode() in content]


def shown_on_the_controller(fleet: Fleet, values: dict[str, str], *more: Path) -> list[tuple[str, str]]:
    """Return file and name for each secret in what the controller keeps, apart from the store itself."""
    listing = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    tree = subprocess.run(listing, capture_output=True, check=True, text=True).stdout.split("\0")
    files = [ROOT / name for name in tree if name]
    for directory in (fleet.lab.state, Path.home() / ".ansible", *Path("/tmp").glob("ansible*"), *more):
        files += directory.rglob("*")
    store = fleet.lab.state / "secrets"
    return [
        (str(file), name)
        for file in files
        if file.is_file() and not file.is_relative_to(store) and file.stat().st_size < 50_000_000
        for name in shown(file.read_bytes(), values)
    ]


class Processes(threading.Thread):
    """Watches the arguments and environments of all processes of this machine, and so of the lab's hosts."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(daemon=True)
        self._values, self._end = values, threading.Event()
        self.seen: set[str] = set()

    def run(self) -> None:
        while not self._end.wait(0.1):
            for process in Path("/proc").glob("[0-9]*"):
                for kind in ("cmdline", "environ"):
                    try:
                        content = (process / kind).read_bytes()
                    except OSError:
                        continue  # it has ended
                    self.seen.update(f"{kind}: {name}" for name in shown(content, self._values))

    def __enter__(self) -> Processes:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()


# What is planted on a host: kind of place to the command that plants the value of $1 there.
SLEEP = ">/dev/null 2>&1 </dev/null & echo $! >>/run/golive-canary"
PLANTS = {
    "journal": "echo $1 | systemd-cat -t golive-canary",
    "cmdline": f"setsid python3 -c 'import time; time.sleep(300)' $1 {SLEEP}",
    "environ": f"CANARY=$1 setsid sleep 300 {SLEEP}",
    "file": "umask 077; echo $1 >/tmp/ansible-golive-canary",
    "compressed log": "echo $1 | gzip >/var/log/golive-canary.log.1.gz",
    "inspect": "docker run --detach --name golive-canary --entrypoint python3 --env CANARY=$1 IMAGE -c"
    " 'import time; time.sleep(300)'",
    "container log": "docker exec golive-canary sh -c 'echo $0 >/proc/1/fd/1' $1",
    "image layer": "echo $1 | docker exec -i golive-canary sh -c 'cat >/tmp/layer'",
    "image history": "docker commit --message $1 golive-canary golive-canary:planted",
}
UPROOT = """
docker rm -f golive-canary; docker image rm golive-canary:planted
kill $(cat /run/golive-canary)
rm -f /run/golive-canary /tmp/ansible-golive-canary /var/log/golive-canary.log.1.gz
"""


@pytest.fixture
def planted(fleet: Fleet) -> Iterator[dict[str, str]]:
    """A value of its own in each kind of place on app1."""
    values = {kind: f"canary{os.urandom(12).hex()}" for kind in PLANTS}
    running = ("docker", "ps", "--filter", "label=golive.app=football", "--format={{.Image}}")
    image = fleet.on("app1", *running).split()[0]
    try:
        for kind, command in PLANTS.items():
            # By standard input, so that the planting itself leaves nothing in a process list or journal.
            script = f"set -- {values[kind]}\n{command.replace('IMAGE', image)}\n"
            fleet.on("app1", "bash", "-s", stdin=script)
        yield values
    finally:
        fleet.on("app1", "bash", "-s", stdin=UPROOT, check=False)


def test_the_search_finds_what_is_planted_on_a_host(fleet, planted):
    found = search(fleet, "app1", planted)
    kinds = {(kind, name) for kind, _, name in found}
    same = {name: name for name in PLANTS} | {"compressed log": "file"}
    assert {(kind, name) for name, kind in same.items()} <= kinds, found


def test_the_search_finds_what_is_planted_on_the_controller(fleet, tmp_path):
    value = {"canary": f"canary{os.urandom(12).hex()}"}
    places = (ROOT / "canary.txt", fleet.lab.state / "records" / "canary.md", tmp_path / "facts")
    try:
        for place in places:
            place.write_text(f"x {value['canary']} x")
        found = shown_on_the_controller(fleet, value, tmp_path)
    finally:
        for place in places:
            place.unlink()
    assert {file for file, _ in found} == set(map(str, places))


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("facts")


PSQL = "runuser -u postgres -- psql"
FORGET_RELEASE = "rm -rf /opt/golive/football/releases/1.1.0/secrets/* /opt/golive/football/migration"
# What makes a run write every secret anew.
FORGET = {
    "app1": FORGET_RELEASE,
    "app2": FORGET_RELEASE,
    "data1": "for file in /etc/default/*.password*; do echo >$file; done; echo >>/etc/redis/users.acl;"
    f" {PSQL} -c 'ALTER ROLE football_reader PASSWORD NULL'",
    "ops1": "rm /etc/golive/backup.pgpass",
}


@pytest.fixture(scope="module")
def told(fleet: Fleet, facts: Path) -> Iterator[tuple[list[Run], set[str]]]:
    """All that writes a secret does so, as talkative as Ansible can be, while the process lists are watched."""
    for host, forgets in FORGET.items():
        fleet.on(host, "sh", "-c", forgets)
    cache = {"ANSIBLE_CACHE_PLUGIN": "jsonfile", "ANSIBLE_CACHE_PLUGIN_CONNECTION": str(facts)}
    with Processes(secrets_of(fleet)) as processes:
        there = fleet.playbook(
            "golive", "-vvv", "--diff", *THROUGH_RELEASE,
            variables={"release": "1.1.0", **SHORT}, environment=cache,
        )  # fmt: skip
        back = fleet.playbook("rollback", "-vvv", "--diff", variables={"release": "1.0.0"}, environment=cache)
    return [there, back], processes.seen


@pytest.mark.full
def test_no_run_shows_a_secret(fleet, told, facts):
    runs, processes = told
    assert [run.code for run in runs] == [0, 0], [run.output[-3000:] for run in runs]
    wrote = "\n".join(runs[0].changed_tasks)
    for task in (
        "Write the secrets: app1", "Write the users: data1", "Set the passwords: data1",
        "Write how the repository is opened, and the password where libpq looks for it: ops1",
        "Write the passwords that they ask with: data1",
    ):  # fmt: skip
        assert task in wrote
    assert list(facts.iterdir())
    secrets = secrets_of(fleet)
    assert [shown(run.output, secrets) for run in runs] == [[], []]
    assert shown(runs[0].output + secrets["db_backup"], secrets) == ["db_backup"], "it would not have been found"
    assert processes == set()


@pytest.fixture(scope="module")
def broken(fleet: Fleet, told) -> list[Run]:
    """Runs that fail in a task that handles secrets."""
    runs = [_fail(fleet, *case) for case in FAILURES]
    mended = fleet.playbook("golive", "--tags", "infrastructure,security", variables={"release": "1.0.0", **SHORT})
    assert mended.code == 0, mended.output[-3000:]
    return runs


READ_ONLY = "default_transaction_read_only"
PASSFILE = "/etc/golive/backup.pgpass"
# Host, what breaks it, what mends it, tag, and the task that fails.
FAILURES = [
    (
        "ops1",
        f"echo >>{PASSFILE}; mount --bind -o ro {PASSFILE} {PASSFILE}",
        f"umount {PASSFILE}",
        "infrastructure",
        "Write how the repository is opened, and the password where libpq looks for it",
    ),
    (
        "data1",
        f"{PSQL} -c 'ALTER ROLE football_reader PASSWORD NULL' -c 'ALTER ROLE postgres SET {READ_ONLY} = on'",
        f"{PSQL} -c 'SET {READ_ONLY} = off' -c 'ALTER ROLE postgres RESET {READ_ONLY}'",
        "security",
        "Set the passwords",
    ),
]


def _fail(fleet: Fleet, host: str, breaks: str, mends: str, tags: str, task: str, **variables: Any) -> Run:
    fleet.on(host, "sh", "-c", breaks)
    try:
        run = fleet.playbook(
            "golive", "-vvv", "--diff", "--tags", tags, variables={"release": "1.0.0", **SHORT, **variables}
        )
    finally:
        fleet.on(host, "sh", "-c", mends)
    assert run.code != 0
    assert [failure["task"] for failure in run.told["failures"]] == [task], run.told["failures"]
    return run


@pytest.mark.full
def test_no_error_shows_a_secret(fleet, broken):
    secrets = {**secrets_of(fleet), "a verifier": "SCRAM-SHA-256$4096"}
    for run in broken:
        assert shown(run.output, secrets) == []
        assert shown((run.record / "record.json").read_text(), secrets) == []


@pytest.fixture(scope="module")
def found(fleet: Fleet, told) -> dict[str, list[Finding]]:
    """Where the hosts show a secret, after all that."""
    return search_everywhere(fleet, secrets_of(fleet))


@pytest.mark.full
@pytest.mark.parametrize("host", HOSTS)
def test_a_host_has_secrets_only_in_the_files_meant_for_them(fleet, found, host):
    meant = MEANT[host.rstrip("12")]
    elsewhere = [
        (kind, where, name)
        for kind, where, name in found[host]
        if kind != "file" or not any(fnmatch.fnmatch(where, pattern) for pattern in meant)
    ]
    assert elsewhere == []
    files = {where for _, where, _ in found[host]}
    assert files or not meant
    for file in files:
        mode = int(fleet.on(host, "stat", "-c", "%a", file), 8)
        assert mode & 0o007 == 0, f"{file} has mode {mode:o}"


@pytest.mark.full
def test_the_controller_has_them_in_its_store_only(fleet, found, facts):
    assert shown_on_the_controller(fleet, secrets_of(fleet), facts) == []
    store = fleet.lab.state / "secrets"
    for path in [store, *store.rglob("*")]:
        wanted = 0o700 if path.is_dir() else 0o600
        assert path.stat().st_mode & 0o777 == wanted or path.suffix in {".crt", ".csr"}, path
