"""golive in AWX: the whole list against a double of its API, and a playbook as AWX's own runner starts it.

The double is tests/integration/awx_double.py. It is not AWX; it records requests and refuses those that AWX would.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from golive_core.awx import NODE_LINKS, wrong

from golive.lab import SUITE, Lab

ROOT = Path(__file__).parents[2]
TOKEN = "token-of-the-tests"
PROJECT = [{"type": "projects", "name": "x"}]
DOUBLE = ROOT / "tests" / "integration" / "awx_double.py"


@pytest.fixture
def awx() -> Iterator[str]:
    """The address of a double that knows an organisation and two credentials."""
    with subprocess.Popen(
        [sys.executable, DOUBLE, TOKEN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.stdin.close()


def recorded(url: str) -> list[dict[str, Any]]:
    """Return every request that changed something."""
    with urllib.request.urlopen(f"{url}/recorded", timeout=5) as answer:
        return [row for row in json.loads(answer.read()) if row["method"] != "GET"]


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The list as playbooks/awx.yml hands it to its module, with everything that a site may choose."""
    out = tmp_path_factory.mktemp("awx") / "resources.json"
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars_files": [str(ROOT / "awx/settings.yml"), str(ROOT / "awx/awx.yml")],
            "tasks": [{"ansible.builtin.copy": {"content": "{{ awx_resources | to_json }}", "dest": str(out)}}],
        }
    ]
    book = out.with_name("play.yml")
    book.write_text(json.dumps(play), encoding="utf-8")
    chosen = {"awx_registry_user": "u", "awx_registry_password": "p", "awx_restore_playbook": "playbooks/verify.yml"}
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "-c", "local", book, "-e", json.dumps(chosen)],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "AWX_TOKEN": TOKEN},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    loaded: list[dict[str, Any]] = json.loads(out.read_text(encoding="utf-8"))
    return loaded


def test_the_list_holds_together(resources: list[dict[str, Any]]) -> None:
    assert wrong(resources) == []
    playbooks = {row["fields"]["playbook"] for row in resources if row["type"] == "job_templates"}
    assert [name for name in playbooks if not (ROOT / name).exists()] == []
    assert {row["type"] for row in resources} == {
        "credential_types", "credentials", "execution_environments", "projects", "inventories", "inventory_sources",
        "notification_templates", "job_templates", "workflow_job_templates", "schedules",
    }  # fmt: skip


def test_a_survey_asks_for_variables_that_are_known(resources: list[dict[str, Any]]) -> None:
    asked = {question["variable"] for row in resources for question in row.get("survey", {}).get("spec", [])}
    assert asked == {"release", "canary", "golive_language", "gates_waivers_asked"}


def test_applied_once_and_again_and_removed(run_module: Any, awx: str, resources: list[dict[str, Any]]) -> None:
    asked = {"url": awx, "token": TOKEN, "resources": resources}
    planned = run_module("awx_resources", asked, check_mode=True, changes=True)
    assert planned["changed"]
    assert recorded(awx) == []

    first = run_module("awx_resources", asked, changes=True)
    assert first["changed"]
    assert len([row for row in recorded(awx) if row["method"] == "POST"]) >= len(resources)
    assert set(planned["done"]) == set(first["done"])

    again = run_module("awx_resources", asked)
    assert (again["changed"], again["done"]) == (False, [])

    gone = run_module("awx_resources", {**asked, "state": "absent"}, changes=True)
    assert len(gone["done"]) == len(resources)
    assert run_module("awx_resources", {**asked, "state": "absent"})["done"] == []


def test_the_workflow_waits_for_approval_between_plan_and_golive(
    run_module: Any, awx: str, resources: list[dict[str, Any]]
) -> None:
    run_module("awx_resources", {"url": awx, "token": TOKEN, "resources": resources}, changes=True)
    rows = recorded(awx)
    assert [row["body"]["name"] for row in rows if row["path"].endswith("/create_approval_template/")] == [
        "Take this release live"
    ]
    links = [row["path"].split("/")[-2] for row in rows if row["path"].split("/")[-2] in NODE_LINKS.values()]
    assert sorted(links) == ["failure_nodes", "success_nodes", "success_nodes"]


@pytest.mark.parametrize(
    ("type_", "change", "said"),
    [
        ("projects", {"scm_branch": "next"}, "project golive got another scm_branch"),
        ("schedules", {"enabled": False}, "schedule golive verify hourly got another enabled"),
        ("job_templates", {"extra_vars": {"a": 1}}, "job template golive plan got another extra_vars"),
    ],
)
def test_only_what_differs_is_changed(
    run_module: Any, awx: str, resources: list[dict[str, Any]], type_: str, change: dict[str, Any], said: str
) -> None:
    run_module("awx_resources", {"url": awx, "token": TOKEN, "resources": resources}, changes=True)
    first = next(row for row in resources if row["type"] == type_)
    other = [{**row, "fields": {**row["fields"], **change}} if row is first else row for row in resources]
    done = run_module("awx_resources", {"url": awx, "token": TOKEN, "resources": other}, changes=True)["done"]
    assert done == [said]


def test_a_survey_and_a_step_are_brought_back(run_module: Any, awx: str, resources: list[dict[str, Any]]) -> None:
    flow = resources[-1]
    longer = {**flow, "nodes": [*flow["nodes"], {"identifier": "extra", "template": "golive verify"}]}
    longer["survey"] = {**flow["survey"], "description": "another"}
    run_module("awx_resources", {"url": awx, "token": TOKEN, "resources": [*resources[:-1], longer]}, changes=True)
    done = run_module("awx_resources", {"url": awx, "token": TOKEN, "resources": resources}, changes=True)["done"]
    assert done == [
        "workflow job template golive with approval got another survey",
        "workflow job template golive with approval: step extra was removed",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"token": "wrong"}, "Check awx_token"),
        (
            {"resources": [{"type": "projects", "name": "x", "fields": {"organization": "Nobody"}}]},
            "no organizations named Nobody",
        ),
        ({"resources": [{"type": "projects", "name": "x", "fields": {"colour": "blue"}}]}, "Unknown field"),
        ({"resources": [{"type": "projects", "name": "x"}] * 2}, "project x stands twice. Nothing was asked of AWX."),
        ({"url": "http://127.0.0.1:9"}, "gave no answer"),
    ],
    ids=["token", "organisation", "field", "twice", "nobody there"],
)
def test_a_refusal_is_a_sentence_without_the_token(
    run_module: Any, awx: str, change: dict[str, Any], said: str
) -> None:
    told = run_module("awx_resources", {"url": awx, "token": TOKEN, "resources": PROJECT, **change})
    assert told["failed"]
    assert said in told["msg"]
    assert TOKEN not in json.dumps(told["msg"])


def test_the_playbook_refuses_to_ask_without_a_token() -> None:
    done = subprocess.run(
        ["ansible-playbook", "-i", "localhost,", "playbooks/awx.yml"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "AWX_TOKEN": ""},
    )  # fmt: skip
    assert done.returncode != 0
    assert "Nothing was asked of AWX" in " ".join(done.stdout.split())


# --- the project as AWX runs it


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A directory as AWX's runner gets it: the project, and an inventory that AWX made."""
    (tmp_path / "project").symlink_to(ROOT)
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "hosts").write_text("localhost ansible_connection=local\n", encoding="utf-8")
    return tmp_path


def test_the_runner_finds_roles_modules_and_filters_in_the_project(private: Path) -> None:
    done = ansible_runner.run(
        private_data_dir=str(private), playbook="playbooks/golive.yml", cmdline="--syntax-check", quiet=True
    )
    assert (done.status, done.rc) == ("successful", 0), done.stdout.read()


def test_the_runner_runs_a_golive_that_refuses_before_it_touches_anything(private: Path) -> None:
    done = ansible_runner.run(
        private_data_dir=str(private),
        playbook="playbooks/golive.yml",
        extravars={"golive_app": "football", "golive_public_name": "football.test", "awx_job_id": 7},
        quiet=True,
    )
    said = " ".join(done.stdout.read().split())
    assert done.status == "failed"
    assert "Nothing was touched" in said
    assert "Traceback" not in said


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What `ansible-builder build` would hand to Docker."""
    file = ROOT / "awx" / "execution-environment.yml"
    command = [str(Path(sys.executable).with_name("ansible-builder")), "create", "-f", str(file), "-c", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return tmp_path


def test_the_execution_environment_has_what_the_tests_ran_with(context: Path) -> None:
    locked = set(re.findall(r"^([\w-]+==[\w.]+)", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))
    wanted = (context / "_build" / "requirements.txt").read_text("utf-8").split()
    pinned = {line for line in wanted if "==" in line}
    recipe = (context / "Dockerfile").read_text("utf-8")
    pinned |= set(re.search(r'ANSIBLE_INSTALL_REFS="(.*)"', recipe)[1].split())  # type: ignore[index]
    assert {pin.partition("==")[0] for pin in pinned} == {"ansible", "ansible-core", "ansible-runner"}
    assert pinned <= locked
    assert "galaxy" not in {path.name for path in (context / "_build").iterdir()}


@pytest.mark.full
@pytest.mark.lab
def test_the_execution_environment_is_built_and_knows_the_project(context: Path, lab: Lab) -> None:
    """From the lab's own image: where no registry is, this is the base there is. It trusts whom this machine trusts."""
    lab.images()
    trusted = Path("/etc/ssl/certs/ca-certificates.crt")
    base = context.with_name("base")
    base.mkdir()
    shutil.copy(trusted, base)
    recipe = f"FROM {lab.name}/host:{SUITE}\nCOPY {trusted.name} {trusted}\nENV PIP_CERT={trusted}\n"
    (base / "Dockerfile").write_text(recipe, encoding="utf-8")
    names = [f"{lab.name}/ee-{part}" for part in ("base", "golive")]
    labels = ["--label", lab.label, "--network", "host", "--quiet"]

    def docker(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", *words], capture_output=True, text=True, check=False)

    built = docker("build", *labels, "-t", names[0], str(base))
    assert built.returncode == 0, built.stderr
    try:
        built = docker("build", *labels, "--build-arg", f"EE_BASE_IMAGE={names[0]}", "-t", names[1], str(context))
        assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
        inside = ["--rm", "--network", "none", "-v", f"{ROOT}:/runner/project:ro", "-w", "/runner/project"]
        words = ("ansible-playbook", "playbooks/golive.yml", "-i", "inventories/single", "-e", "release=9.9.9")
        said = docker("run", *inside, "-e", "HOME=/tmp", "-e", "ANSIBLE_HOME=/tmp/ansible", names[1], *words)
    finally:
        docker("image", "rm", "--force", *names)
    assert said.returncode != 0
    assert "release 9.9.9 is not known" in said.stdout
    assert "Nothing was touched" in said.stdout
