"""How a run ended: exit code, where the traffic is, what to do next."""

from __future__ import annotations

import pytest
from golive_core import ending
from golive_core.texts import TEXTS, pick


def told(verdict="NOT LIVE", gates=(), failures=(), switches=(), **run):
    return {
        "verdict": verdict,
        "run": {"release": "1.1.0", "previous": "1.0.0", **run},
        "gates": [
            {"gate": f"release.{number}", "host": "app1", "verdict": kind, "message": "x", "waived": waived}
            for number, (kind, waived) in enumerate(gates)
        ],
        "failures": [{"message": message} for message in failures],
        "switches": list(switches),
    }


RED, UNKNOWN, GREEN, WAIVED = ("FAIL", None), ("NO-EVIDENCE", None), ("PASS", None), ("FAIL", {"who": "ada"})
SWITCH = {"kind": "switch", "before": "1.0.0", "after": "1.1.0"}
BACK = {"kind": "flip_back", "before": "1.1.0", "after": "1.0.0"}
LOCKED = "The deployment lock is taken: ada (run 1) holds the lock for another 9 s."
FROZEN = "Deployments are frozen: the watcher gave 1.1.0 back."


@pytest.mark.parametrize(
    ("record", "how", "code"),
    [
        (told("LIVE", [GREEN], switches=[SWITCH]), {}, 0),
        (told("VERIFIED", [GREEN, WAIVED]), {}, 0),
        (told("LIVE", switches=[SWITCH]), {"code": 2}, 1),
        (told("NOT LIVE", [GREEN, RED]), {"code": 2}, 3),
        (told("NOT LIVE", [UNKNOWN, RED]), {"code": 2}, 3),
        (told("NOT LIVE", failures=["app1 did not finish"]), {"code": 2}, 3),
        (told("NOT VERIFIED", [RED], kind="verify"), {"code": 2}, 3),
        (told("ROLLED BACK", [RED], switches=[SWITCH, BACK]), {"code": 2}, 4),
        (told("UNPROVEN", [RED], switches=[SWITCH]), {"code": 2}, 5),
        (told("NOT LIVE", [RED], kind="rollback"), {"code": 2}, 5),
        (told("ROLLED BACK", [RED], switches=[SWITCH, BACK], kind="rollback"), {"code": 2}, 5),
        (told("NOT LIVE", failures=[LOCKED]), {"code": 2}, 6),
        (told("NOT LIVE", failures=[LOCKED], kind="rollback"), {"code": 2}, 6),
        (told("NOT LIVE", failures=[FROZEN]), {"code": 2}, 6),
        (told("NOT LIVE", [GREEN, UNKNOWN]), {"code": 2}, 7),
        (told("NOT LIVE", [UNKNOWN, WAIVED]), {"code": 2}, 7),
        (told("NOT LIVE", [UNKNOWN], failures=["app1 did not finish"]), {"code": 2}, 3),
        (told("NOT LIVE", [GREEN]), {"code": 99, "finished": False}, 1),
        (told("UNPROVEN", [GREEN], switches=[SWITCH]), {"code": 99, "finished": False}, 5),
        (told("UNPROVEN", switches=[SWITCH]), {"code": 99, "finished": False, "interrupted": True}, 130),
        (None, {}, 0),
        (None, {"code": 2}, 1),
        (None, {"code": 2, "began": False}, 2),
        (None, {"interrupted": True}, 130),
    ],
)
def test_exit_code(record, how, code):
    assert ending.exit_code(record, **how) == code


def test_every_code_is_documented_in_both_languages_and_none_twice():
    assert len(ending.NUMBER) == len(set(ending.NUMBER.values())) == len(ending.CODES)
    for code in ending.CODES:
        assert set(TEXTS[f"exit.{code.name}"]) == {"en", "zh"}


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (told(), "1.0.0 keeps serving; nothing was switched"),
        (told(previous=""), "nothing served before, and nothing was switched"),
        (told("LIVE", switches=[SWITCH]), "1.1.0 serves (before: 1.0.0)"),
        (told("ROLLED BACK", switches=[SWITCH, BACK]), "1.0.0 serves again; the switch was taken back"),
        (told("ROLLED BACK", switches=[{**BACK, "after": ""}]), "nothing serves, as before; the switch was taken back"),
        (told("UNPROVEN", switches=[SWITCH]), "1.1.0 got the traffic and is not proven (before: 1.0.0); it was not"),
    ],
)
def test_where_the_traffic_is(record, sentence):
    assert pick(ending.traffic(record), "en").startswith(sentence)


SHARED = {
    "share": 20,
    "before": "1.0.0",
    "after": "1.1.0",
    "edges": [{"edge": "edge1", "users": 40}, {"edge": "edge2", "users": 2}],
}


@pytest.mark.parametrize(
    ("ended", "switches", "sentence"),
    [
        (
            "taken back",
            [],
            "1.0.0 keeps serving; 1.1.0 had a share of 20 %, answered 42 requests of users, and was taken back",
        ),
        ("", [], "1.0.0 serves; 1.1.0 got a share of 20 %, which may still be set: ./golive status"),
        ("switch", [SWITCH], "1.1.0 serves (before: 1.0.0)"),
    ],
)
def test_a_canary_is_told_with_what_users_saw_of_it(ended, switches, sentence):
    record = {**told("LIVE" if switches else "NOT LIVE", switches=switches), "canary": {**SHARED, "ended": ended}}
    assert pick(ending.traffic(record), "en") == sentence


def test_a_run_that_ended_before_it_knew_says_only_that_nothing_was_switched():
    early = told()
    del early["run"]["previous"]
    assert pick(ending.traffic(early), "en") == "untouched; nothing was switched"


@pytest.mark.parametrize(
    ("record", "name", "sentence"),
    [
        (told("LIVE"), "live", ""),
        (told(gates=[GREEN, RED]), "stopped", "./golive doctor release.1"),
        (told(failures=["x"]), "stopped", "set right what failed"),
        (told(gates=[UNKNOWN]), "no evidence", "./golive doctor release.0"),
        (told("UNPROVEN", switches=[SWITCH]), "not back", "look now: ./golive status; then ./golive rollback 1.0.0"),
        (told("UNPROVEN", switches=[SWITCH]), "interrupted", "run the same command again to prove 1.1.0, or go back"),
        (told(), "interrupted", "run the same command again: it carries on"),
        (told(failures=[LOCKED]), "locked", "./golive status says who"),
    ],
)
def test_what_to_do_next(record, name, sentence):
    said = pick(ending.next_step(record, name), "en")
    assert said.startswith(sentence)
    assert bool(said) == bool(sentence)
