"""Every role keeps the form: typed variables that agree with the defaults and are used, and the same task files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
# Roles that install nothing on a host have only the tasks that they are called with.
WITHOUT_HOST_STATE = {"golive", "phase", "gates", "record", "lock", "release", "migration"}
TASK_FILES = {"main", "preflight", "install", "configure", "verify", "remove"}


def load(paths):
    merged = {}
    for path in paths:
        merged.update(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    return merged


def defaults(role):
    return load([*role.glob("defaults/main.yml"), *sorted(role.glob("defaults/main/*.yml"))])


def options(role):
    entries = yaml.safe_load((role / "meta/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    return next(iter(entries.values()))["options"]


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request):
    return request.param


def test_specs_and_defaults_name_the_same_variables(role):
    required = {name for name, option in options(role).items() if option.get("required")}
    assert set(options(role)) - required == set(defaults(role))


def test_specs_state_the_defaults(role):
    stated = {name: option["default"] for name, option in options(role).items() if "default" in option}
    assert stated == {name: value for name, value in defaults(role).items() if name in stated}


def test_every_option_is_typed_and_described(role):
    def bare(name, option):
        nested = [hit for key, inner in option.get("options", {}).items() for hit in bare(f"{name}.{key}", inner)]
        return nested + ([] if {"type", "description"} <= set(option) else [name])

    assert [hit for name, option in options(role).items() for hit in bare(name, option)] == []


def test_names_carry_the_roles_prefix(role):
    assert [name for name in defaults(role) if not name.startswith(f"{role.name}_")] == []


def test_every_variable_is_used(role):
    searched = ROOT if role.name == "golive" else role
    files = (
        [path for folder in ("roles", "playbooks") for path in (ROOT / folder).rglob("*")]
        if searched is ROOT
        else role.rglob("*")
    )
    texts = []
    for path in files:
        if path.is_file() and "meta" not in path.parts:
            text = path.read_text(encoding="utf-8", errors="replace")
            # A definition is not a use.
            texts.append(re.sub(r"(?m)^[a-z_]+:", "", text) if "defaults" in path.parts else text)
    everything = "\n".join(texts)
    catalogue = re.compile(
        r"gates_(preflight|evidence|infrastructure|security|monitoring|database|release|performance|watch)"
    )
    unused = [
        name
        for name in defaults(role)
        if not re.search(rf"\b{name}\b", everything) and not (role.name == "gates" and catalogue.fullmatch(name))
    ]
    assert unused == []


def test_a_role_that_changes_hosts_has_all_its_task_files(role):
    if role.name in WITHOUT_HOST_STATE:
        assert (role / "tasks").is_dir()
    else:
        assert {path.stem for path in (role / "tasks").glob("*.yml")} >= TASK_FILES


def test_every_role_depends_on_the_shared_vocabulary(role):
    meta = yaml.safe_load((role / "meta/main.yml").read_text(encoding="utf-8"))
    wanted = [] if role.name == "golive" else ["golive"]
    assert [dependency["role"] for dependency in meta["dependencies"]] == wanted
