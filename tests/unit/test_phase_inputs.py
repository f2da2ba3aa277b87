"""What a phase is made of: code, the variables that it reads, the files that these name, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from golive_core import phase_inputs
from support import ROOT


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    files = {
        "edge/defaults/main.yml": "edge_port: 443\nedge_check: '{{ app_health }}'\n",
        "edge/templates/haproxy.cfg.j2": "bind :{{ edge_port }}\n",
        "edge/tasks/__pycache__/x": "hidden",
        "app/defaults/main.yml": "app_health: '{{ site_prefix }}/health'\napp_size: 3\n",
        "app/vars/main.yml": "__app_all: '{{ app_size }}'\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_role_reads_its_variables_and_what_their_defaults_are_made_of(roles: Path):
    words = phase_inputs.variables(roles, ["edge"])
    assert words >= {"edge_port", "edge_check", "app_health", "site_prefix"}
    assert not words & {"app_size", "__app_all", "hidden"}


def test_only_what_is_set_and_read_is_an_input():
    given = {"app1": ["edge_port", "app_size"], "app2": []}
    assert phase_inputs.values({"edge_port", "edge_check"}, given, lambda host, name: f"{host} {name}") == {
        "app1": {"edge_port": "app1 edge_port"},
        "app2": {},
    }


def test_files_that_a_value_names_are_read_wherever_they_are_named(tmp_path: Path):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "cert.pem").write_text("one")
    whole = str(tmp_path / "files" / "cert.pem")
    value = {"a": [{"chain": "files/cert.pem"}, 3, None], "b": whole, "c": "no/such", "d": "x" * 5000 + "/", "e": "\0/"}
    before = phase_inputs.named_files(value, [tmp_path])
    assert list(before) == [whole]
    (tmp_path / "files" / "cert.pem").write_text("two")
    assert phase_inputs.named_files(value, [tmp_path]) != before


def test_code_is_every_file_but_what_python_and_editors_leave(roles: Path):
    before = phase_inputs.tree(roles)
    assert not any("__pycache__" in path for path in before)
    (roles / "edge" / ".swp").write_text("")
    assert phase_inputs.tree(roles) == before
    (roles / "edge" / "templates" / "haproxy.cfg.j2").write_text("bind :80\n")
    assert phase_inputs.tree(roles) != before


def test_big_files_are_told_apart_by_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(phase_inputs, "READ_AT_MOST", 3)
    (tmp_path / "big").write_text("four")
    assert phase_inputs.of_file(tmp_path / "big").startswith("4 bytes of ")
    assert phase_inputs.of_file(tmp_path / "none") == "No such file or directory"


def test_a_digest_does_not_depend_on_the_order_of_a_mapping():
    assert phase_inputs.digest({"a": 1, "b": [Path("x")]}) == phase_inputs.digest({"b": [Path("x")], "a": 1})
    assert phase_inputs.digest({"a": 1}) != phase_inputs.digest({"a": 2})


@pytest.mark.parametrize("phase", ["infrastructure", "monitoring"])
def test_the_roles_of_a_phase_are_those_that_its_playbook_includes(phase: str):
    known = yaml.safe_load((ROOT / "roles/phase/vars/main.yml").read_text())["__phase_roles"][phase]
    plays = yaml.safe_load((ROOT / f"playbooks/phases/{phase}.yml").read_text())
    work = next(play for play in plays if "golive_phase_to_work" in play["hosts"])
    included = [str(task.get(key, {}).get("name")) for task in _tasks(work) for key in _INCLUDES if key in task]
    assert sorted(known) == sorted(set(included) - {"phase", "gates", "None"})


_INCLUDES = ("ansible.builtin.include_role", "ansible.builtin.import_role")


def _tasks(play: dict[str, Any]) -> list[dict[str, Any]]:
    return [task for block in play["tasks"] for task in block["block"]]


def test_a_variable_of_a_run_is_none_that_a_role_has():
    kept = yaml.safe_load((ROOT / "roles/phase/vars/main.yml").read_text())["__phase_of_a_run"]
    defaults = "".join(path.read_text() for path in ROOT.glob("roles/*/defaults/**/*.yml"))
    options = set(re.findall(r"^(\w+):", defaults, re.M))
    assert set(kept) & options <= {"golive_release"}
