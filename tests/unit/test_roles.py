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


def test_a_renamed_variable_leads_to_one_that_is_known(role):
    renamed = load(role.glob("meta/renamed.yml"))
    assert [new for new in renamed.values() if new not in options(role)] == []
    assert [old for old in renamed if old in options(role)] == []


RANGE = re.compile(r"\((?:up to -?[\d.]+|-?[\d.]+ (?:to -?[\d.]+|or more))\)")
SECRET = re.compile(r"password|secret|token|key$")


def every_option(entries, prefix=""):
    """Give name and content of each option, nested ones as outer.inner."""
    for name, option in entries.items():
        yield f"{prefix}{name}", option
        yield from every_option(option.get("options", {}), f"{prefix}{name}.")


def test_a_number_outside_its_range_is_refused(role):
    ranged = [
        name.split(".")[0]
        for name, option in every_option(options(role))
        if option["type"] in ("int", "float") and RANGE.search(str(option["description"]))
    ]
    asserted = " ".join(
        str(task)
        for file in role.glob("tasks/*.yml")
        for task in yaml.safe_load(file.read_text(encoding="utf-8")) or []
        if "ansible.builtin.assert" in task
    )
    assert [name for name in ranged if name not in asserted] == []


def test_a_secret_is_never_shown_by_what_it_may_be(role):
    named = {name: option for name, option in every_option(options(role)) if SECRET.search(name.rpartition(".")[2])}
    assert [name for name, option in named.items() if "choices" in option] == []


def test_what_a_sentence_says_to_give_may_be_given():
    """`-e name=true` gives a string, which no condition takes for true or false by itself."""
    texts = {file: file.read_text(encoding="utf-8") for file in ROOT.glob("roles/*/tasks/**/*.yml")}
    told = {name for text in texts.values() for name in re.findall(r"-e (\w+)=true", text)}
    assert told
    bare = rf"\b({'|'.join(told)})\b(?! *(\||=|:))"
    found = [(file.name, line) for file, text in texts.items() for line in text.splitlines() if re.search(bare, line)]
    assert found == []


def test_a_number_given_on_the_command_line_is_compared_as_one():
    """`-e lock_seconds=600` is text, whatever the spec of its role says."""
    bare = re.compile(r"[0-9] <=? [a-z]+_[a-z_.]+ <=?|<=? [a-z_]+_(?:seconds|days|port|attempts) <=?")
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in ROOT.glob("roles/*/tasks/**/*.yml")
        for match in bare.finditer(path.read_text(encoding="utf-8"))
    }
    assert found == set()
