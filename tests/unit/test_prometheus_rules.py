"""The catalogue of alert rules is complete, and its limits are the shared ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from golive_core import slo

ROLES = Path(__file__).parents[2] / "roles"


def load(path: str) -> Any:
    return yaml.safe_load((ROLES / path).read_text(encoding="utf-8"))


RULES = load("prometheus/defaults/main.yml")["prometheus_rules"]
LIMITS = load("golive/defaults/main.yml")["golive_limits"]
every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["name"]))


def test_names_are_unique() -> None:
    names = [rule["name"] for rule in RULES]
    assert len(names) == len(set(names))


@every_rule
def test_a_rule_says_how_bad_it_is_and_who_acts(rule: dict[str, Any]) -> None:
    assert rule["severity"] in {"urgent", "important", "general"}
    assert rule["owner"] in {"operations", "technical", "product"}
    assert re.fullmatch(r"\d+(s|m)", rule["for"])


@every_rule
def test_a_rule_is_a_sentence_in_both_languages_that_says_where(rule: dict[str, Any]) -> None:
    assert set(rule["summary"]) == {"en", "zh"}
    for language, end in (("en", "."), ("zh", "。")):
        assert rule["summary"][language].endswith(end)
        assert re.search(r"\{(host|proxy|colour)\}", rule["summary"][language])


@every_rule
def test_both_languages_show_the_same_figures(rule: dict[str, Any]) -> None:
    shown = [sorted(re.findall(r"\{\w+\}", text)) for text in rule["summary"].values()]
    assert shown[0] == shown[1]


@every_rule
def test_a_limit_is_a_shared_one(rule: dict[str, Any]) -> None:
    compared = re.search(r"(?:>|<|==) (\S.*)$", " ".join(rule["expr"].split()))
    assert compared, "a rule without a comparison fires always"
    shared = re.fullmatch(r"\{\{ golive_limits\.(\w+) \}\}", compared[1])
    assert compared[1] == "0" or (shared and shared[1] in LIMITS)


def test_every_limit_of_the_guide_for_hosts_and_application_has_a_rule() -> None:
    used = {name for rule in RULES for name in re.findall(r"golive_limits\.(\w+)", rule["expr"])}
    assert used == {
        "cpu_share", "memory_share", "disk_share", "api_seconds", "error_share",
        "rollback_error_share", "rollback_p95_seconds", "rollback_resource_share", "certificate_days",
        "replica_lag_seconds",
    }  # fmt: skip


@every_rule
def test_a_rule_leads_to_a_section_of_a_runbook(rule: dict[str, Any]) -> None:
    page = ROLES.parent / "docs" / "runbooks" / f"{rule['runbook']}.md"
    assert f"## {rule['name']}\n" in page.read_text("utf-8")


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if "explained_by_golive" in rule], ids=lambda rule: str(rule["name"])
)
def test_what_a_go_live_explains_is_some_of_a_rule_and_never_urgent(rule: dict[str, Any]) -> None:
    assert rule["explained_by_golive"], "no label: nothing is kept quiet"
    assert rule["severity"] != "urgent"


def test_a_promise_gives_four_alerts_with_two_windows_each() -> None:
    text = {"en": "Errors", "zh": "错误"}
    promise = {
        "name": "X",
        "objective": 0.99,
        "bad": "b[WINDOW]",
        "total": "t[WINDOW]",
        "owner": "technical",
        "summary": text,
    }
    made = slo.rules([promise])
    assert [alert["severity"] for alert in made["alerts"]] == ["urgent", "urgent", "important", "general"]
    assert made["alerts"][0]["expr"] == (
        'golive:slo_bad_share:5m{slo="X"} > 0.144 and golive:slo_bad_share:1h{slo="X"} > 0.144'
    )
    assert made["records"][0] == {"record": "golive:slo_bad_share:5m", "expr": "(b[5m])\n/\n(t[5m])", "slo": "X"}
    with pytest.raises(ValueError, match="wanted above 0 and below 1"):
        slo.rules([{**promise, "objective": 1}])
