"""A misspelt or renamed variable is refused with the name that was meant."""

from __future__ import annotations

import pytest
from golive_core.variables import type_refusals, variable_refusals

SPECS = {
    "cache": {"argument_specs": {"main": {"options": {"cache_server": {}, "cache_memory_mb": {}}}}},
    "app": {"argument_specs": {"main": {"options": {"app_port": {}}}, "stage": {"options": {"app_user": {}}}}},
    "phase": {"argument_specs": {"main": {"options": {}}}},
}
RENAMED = {"cache_package": "cache_server", "redis_memory": "cache_memory_mb"}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("cache_memory_md", "variable cache_memory_md is not known; did you mean cache_memory_mb?"),
        ("app_prot", "variable app_prot is not known; did you mean app_port?"),
        ("app_uses", "variable app_uses is not known; did you mean app_user?"),
        ("phase_qqqqqqqqqqqq", "variable phase_qqqqqqqqqqqq is not known"),
        ("cache_package", "variable cache_package is now cache_server; rename it where you set it"),
        ("redis_memory", "variable redis_memory is now cache_memory_mb; rename it where you set it"),
    ],
)
def test_what_is_refused(name, sentence):
    assert variable_refusals([name, "cache_server"], SPECS, RENAMED) == [sentence]


@pytest.mark.parametrize(
    "name", ["cache_server", "app_user", "__cache_file", "cachet", "my_cache_memory_md", "ansible_host"]
)
def test_what_is_not(name):
    assert variable_refusals([name], SPECS, RENAMED) == []


def test_what_roles_tell_each_other_is_known_but_never_suggested():
    assert variable_refusals(["phase_name"], SPECS, RENAMED, internal={"phase_name"}) == []
    assert variable_refusals(["phase_nam"], SPECS, RENAMED, internal={"phase_name"}) == [
        "variable phase_nam is not known"
    ]


def test_each_is_said_once_and_in_order():
    names = ["cache_package", "app_prot", "app_prot"]
    assert [sentence.split()[1] for sentence in variable_refusals(names, SPECS, RENAMED)] == [
        "app_prot",
        "cache_package",
    ]


def _no_text(name, spec, value):
    """Refuse any text, as a check of types would."""
    return [f"variable {name} is text"] if isinstance(value, str) else []


def test_a_value_that_no_role_would_take_is_said_once_with_its_hosts():
    hosts = {
        "app1": {"app_port": "abc", "app_user": "x", "mine": "x"},
        "app2": {"app_port": "abc", "app_user": 1},
    }
    assert type_refusals(hosts, SPECS, _no_text) == [
        "variable app_port is text",
        "variable app_user is text (set for app1)",
    ]


@pytest.mark.parametrize(
    "value", ["{{ 1 }}", "{% if x %}1{% endif %}", [["{{ 1 }}"]], {"a": {"b": "{{ 1 }}"}}, object(), [object()]]
)
def test_a_value_that_is_not_known_yet_is_left_to_its_role(value):
    def never(*_):
        raise AssertionError

    assert type_refusals({"app1": {"app_port": value}}, SPECS, never) == []


@pytest.mark.parametrize("value", [1, 1.5, True, None, "1", [1, "a"], {"a": ["b"]}])
def test_a_value_that_is_known_is_checked(value):
    assert type_refusals({"app1": {"app_port": value}}, SPECS, lambda *_: ["seen"]) == ["seen"]
