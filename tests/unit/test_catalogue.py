"""Which host measures which gate."""

import pytest
from golive_core import catalogue

GROUPS = {"app": ["app1", "app2"], "edge": ["app1"], "monitoring": ["ops1"], "logs": []}
GATES = [
    {"id": "p.health", "on": "app", "probe": "http", "params": {"url": "x"}, "judge": {"all_ok": True}},
    {"id": "p.once", "on": "app", "once": True, "judge": {}},
    {"id": "p.report", "on": "controller", "judge": {}},
    {"id": "p.after", "on": "monitoring", "step": "after", "judge": {}},
    {"id": "p.nobody", "on": "logs", "judge": {}},
    {"id": "p.outside", "on": "app", "not_on": ["edge", "logs"], "step": "outside", "judge": {}},
]


@pytest.mark.parametrize(
    ("host", "step", "ids"),
    [
        ("app1", "", ["p.health", "p.once"]),
        ("app2", "", ["p.health"]),
        ("localhost", "", ["p.report"]),
        ("ops1", "", []),
        ("ops1", "after", ["p.after"]),
        ("app1", "outside", []),
        ("app2", "outside", ["p.outside"]),
    ],
)
def test_gates_here(host, step, ids):
    assert [gate["id"] for gate in catalogue.gates_here(GATES, host, GROUPS, step)] == ids


def test_every_pair_is_expected():
    pairs = {(pair["gate"], pair["host"]) for pair in catalogue.expected(GATES, GROUPS)}
    assert pairs == {("p.health", "app1"), ("p.health", "app2"), ("p.once", "app1"), ("p.report", "localhost")}


def test_the_judge_sees_no_params_and_the_inventorys_limits():
    rows = catalogue.judged(GATES, {"p.health": {"min_samples": 9}})
    assert rows[0] == {"id": "p.health", "judge": {"all_ok": True, "min_samples": 9}}
    assert GATES[0]["judge"] == {"all_ok": True}


def test_a_check_is_the_id_and_the_params():
    assert catalogue.check(GATES[0]) == {"id": "p.health", "url": "x"}


def test_a_host_without_its_mark_is_a_failure():
    hostvars = {
        "app1": {"golive_done": ["release"]},
        "app2": {"golive_done": ["database"]},
        "data1": {"golive_rescued": ["release"]},
        "edge1": {"golive_through": ["release"]},
        "ops1": {},
    }
    rows = catalogue.unfinished(hostvars, hostvars, "release")
    assert [row["data"]["host"] for row in rows] == ["app2", "edge1", "ops1"]
    lost = catalogue.unfinished(hostvars, hostvars, "release", lost=True)
    assert [row["data"]["host"] for row in lost] == ["app2", "ops1"]
    assert "did not finish phase release" in rows[0]["data"]["message"]


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"msg": "disk full"}, "disk full"),
        ({"msg": "disk full", "module_stderr": "noise"}, "disk full"),
        ({}, "without a message"),
        (
            {"msg": "One or more items failed", "results": [{"msg": "fine"}, {"failed": True, "msg": "disk full"}]},
            "disk full",
        ),
        (
            {"msg": "Module result deserialization failed", "module_stderr": "Error: container x is not running\n"},
            "app2 cannot be worked on: Error: container x is not running. Check that it runs",
        ),
    ],
)
def test_a_failed_task_is_told_in_the_operators_words(result, words):
    assert words in catalogue.failure_sentence(result, "app2")


@pytest.mark.parametrize("quote", ["'", "\\'"])
def test_a_failed_statement_is_told_without_the_password_that_it_set(quote):
    """As community.postgresql says it, which repeats the statement, and again in a list."""
    verifier = "SCRAM-SHA-256$4096:eDaKu3xjw1ANSQ3b49fOAw==$/9RxXtqLD7e4=:PfYltbg30ZREAyT+g9xYMKbB75g="
    for secret in (verifier, "plain ''words''"):
        statement = f'ALTER ROLE "football_reader" PASSWORD {quote}{secret}{quote}'
        said = f"Cannot execute SQL '{statement}' None: cannot execute ALTER ROLE in a read-only transaction"
        told = catalogue.failure_sentence({"msg": f"{said}, query list: ['SET x', '{statement}']"}, "x")
        assert not any(word in told for word in (secret, "SCRAM", "words", "eDaKu", "PfYlt"))
        assert told.startswith('Cannot execute SQL \'ALTER ROLE "football_reader" PASSWORD ')
        assert "(hidden)" in told
        assert ("read-only transaction" in told) or secret != verifier


def test_the_host_is_not_named_twice():
    assert catalogue.failure_sentence({"msg": "app2: the disk is full."}, "app2") == "the disk is full."


def test_one_gate_alone_is_measured_and_judged():
    gates = [{"id": f"security.{name}", "on": "app", "judge": {"all_ok": True}} for name in ("cache_port", "app_ports")]
    groups = {"app": ["app1", "app2"]}
    assert [gate["id"] for gate in catalogue.gates_here(gates, "app1", groups, only="security.app_ports")] == [
        "security.app_ports"
    ]
    assert catalogue.expected(gates, groups, only="security.app_ports") == [
        {"gate": "security.app_ports", "host": "app1"},
        {"gate": "security.app_ports", "host": "app2"},
    ]
    assert [gate["id"] for gate in catalogue.judged(gates, {}, only="security.app_ports")] == ["security.app_ports"]


def test_a_gate_that_is_not_there_is_refused_with_the_nearest():
    said = catalogue.refusal("security.cashe_port", ["security.cache_port", "security.app_ports"])
    assert 'is named "security.cashe_port"; did you mean security.cache_port?' in said


OWN = {
    "id": "shop.basket",
    "on": "app",
    "title": {"en": "x"},
    "probe": "http",
    "judge": {"all_ok": True},
    "remedy": {"en": "y"},
}
BUILT_IN = {"release": [{"id": "release.live", "step": "after"}], "watch": [{"id": "watch.health"}]}


def _refusals(*gates, phase="release", **named):
    return catalogue.refusals([{phase: gates}, {}], BUILT_IN, ["http", "tls"], GROUPS, named)


def test_gates_of_ones_own_that_are_measured_are_not_refused():
    assert _refusals(OWN, {**OWN, "id": "shop.late", "step": "after", "on": "controller", "not_on": ["edge"]}) == []
    assert _refusals(OWN, gates_overrides=["shop.basket", "watch.health"], gates_waivers=["release.live"]) == []


@pytest.mark.parametrize(
    ("gate", "says"),
    [
        ({**OWN, "on": "apps"}, "is for group apps, which is not in the inventory (did you mean app?)"),
        ({**OWN, "not_on": ["edges"]}, "is for group edges, which is not in the inventory (did you mean edge?)"),
        ({**OWN, "probe": "https"}, "asks probe https (did you mean http?)"),
        ({**OWN, "step": "befor"}, "is for step befor (known: after)"),
        ({"id": "shop.basket", "on": "app"}, "gate shop.basket of phase release lacks title, probe, judge, remedy"),
        ({**OWN, "id": "watch.health"}, "two gates have the id watch.health"),
    ],
)
def test_a_gate_that_nobody_would_measure_is_refused(gate, says):
    (sentence,) = _refusals(gate)
    assert says in sentence


def test_a_phase_or_an_id_that_there_is_not_is_refused():
    assert _refusals(OWN, phase="relase") == ["gates are added to phase relase (did you mean release?)"]
    assert _refusals(gates_overrides=["watch.helth"]) == [
        "gates_overrides names watch.helth, which is no gate (did you mean watch.health?)"
    ]


@pytest.mark.parametrize(("holds", "found"), [(True, ["p.some", "p.all"]), (False, ["p.all"])])
def test_a_gate_whose_condition_does_not_hold_is_not_there(holds, found):
    gates = [{"id": "p.some", "on": "app", "when": holds, "judge": {}}, {"id": "p.all", "on": "app", "judge": {}}]
    groups = {"app": ["app1"]}
    assert [gate["id"] for gate in catalogue.gates_here(gates, "app1", groups)] == found
    assert [pair["gate"] for pair in catalogue.expected(gates, groups)] == found
    assert [row["id"] for row in catalogue.judged(gates, {})] == found
