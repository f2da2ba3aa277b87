"""An alert fired on purpose: what counts as arrived, and what proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from golive_core.prometheus import Unanswered
from golive_core.synthetic_alert import Check, Look, counters, measure, state

MAIL = {"name": "mail", "kind": "email"}
DING = {"name": "ding", "kind": "dingtalk"}
HOOK = {"name": "hook", "kind": "webhook"}
# As Alertmanager 0.28 writes it.
METRICS = """\
# HELP alertmanager_notification_requests_total The total number of attempted notification requests.
# TYPE alertmanager_notification_requests_total counter
alertmanager_notification_requests_total{integration="email"} 3
alertmanager_notification_requests_total{integration="webhook"} 1.2e+01
alertmanager_notification_requests_failed_total{integration="email"} 2
alertmanager_notifications_total{integration="email"} 9
"""


def relayed(receiver: str, probe: str = "p1", state: str = "sent", why: str = "") -> dict[str, Any]:
    return {"receiver": receiver, "state": state, "why": why, "probes": [probe]}


def test_tries_and_failures_are_read_by_integration() -> None:
    assert counters(METRICS) == ({"email": 3, "webhook": 12}, {"email": 2})


def test_receivers_that_alertmanager_told_apart_by_name_are_added_up() -> None:
    rows = (
        'alertmanager_notification_requests_total{integration="email",receiver_name="a"} 1\n'
        'alertmanager_notification_requests_total{integration="email",receiver_name="b"} 4\n'
    )
    assert counters(rows) == ({"email": 5}, {})


BEFORE = Look((), {"email": 7, "webhook": 3}, {"email": 2})


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (Look((), BEFORE.tries, BEFORE.failed), {"", "mail", "ding"}),
        (Look([relayed("probe")], BEFORE.tries, BEFORE.failed), {"mail", "ding"}),
        (Look([relayed("probe"), relayed("ding")], {"email": 8}, {"email": 2}), set()),
        # of another probe, or told after a failed try
        (Look([relayed("probe"), relayed("ding", "p2")], {"email": 8}, {"email": 2}), {"ding"}),
        (Look([relayed("probe"), relayed("ding", state="failed", why="sign")], {"email": 8}, {"email": 2}), {"ding"}),
        (
            Look([relayed("probe"), relayed("ding", state="failed"), relayed("ding")], {"email": 8}, {"email": 2}),
            set(),
        ),
        # a try of mail that failed
        (Look([relayed("probe"), relayed("ding")], {"email": 8}, {"email": 3}), {"mail"}),
    ],
)
def test_what_has_not_arrived_is_named(now: Look, wrong: set[str]) -> None:
    seen = state(Check("x", [MAIL, DING]), "p1", BEFORE, now)
    assert {name for name, why in seen.items() if why} == wrong
    assert set(seen) == {"", "mail", "ding"}


def test_the_vendors_reason_is_told() -> None:
    now = Look([relayed("probe"), relayed("ding", state="failed", why="answered code 310000: sign not match")])
    assert state(Check("x", [DING]), "p1", Look(), now)["ding"] == "answered code 310000: sign not match"


def test_webhooks_to_the_relay_are_no_webhooks_of_the_team() -> None:
    check = Check("x", [HOOK, DING])
    rows = [relayed("probe"), relayed("ding")]
    # One each to the relay's /probe, to the relay for ding, and to the team's own.
    assert state(check, "p1", Look(), Look(rows, {"webhook": 2}))["hook"] == "Alertmanager made 2 of 3 tries by webhook"
    assert state(check, "p1", Look(), Look(rows, {"webhook": 3}))["hook"] == ""


class Site:
    """Looks that follow one another, a clock that sleeping moves, and what was switched."""

    def __init__(self, looks: Iterable[Callable[[str], Look]]) -> None:
        self.looks = iter(looks)
        self.now = 0.0
        self.switched: list[tuple[str, float]] = []

    def look(self, _: Check) -> Look:
        return next(self.looks)(self.switched[0][0] if self.switched else "")

    def switch(self, _: Check, probe: str, seconds: float) -> None:
        self.switched.append((probe, seconds))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def measure(self, check: Check, *, fire: bool = True) -> Any:
        return measure(check, fire=fire, look=self.look, switch=self.switch, clock=lambda: self.now, sleep=self.sleep)


def nothing(_: str) -> Look:
    return Look()


def arrived(probe: str) -> Look:
    return Look([relayed("probe", probe), relayed("ding", probe)])


def unanswered(_: str) -> Look:
    raise Unanswered("http://127.0.0.1:9096 gave no answer: Connection refused")


def test_it_is_timed_and_switched_off_again() -> None:
    site = Site([nothing, nothing, nothing, arrived])
    measured = site.measure(Check("x", [DING]))
    assert (measured["value"], measured["failures"], measured["invalid"]) == (0.5, 0, "")
    assert measured["observed"] == "arrived at ding after 0.5 s"
    (probe, seconds), end = site.switched
    assert (seconds, end) == (35.0, (probe, 0))


def test_what_does_not_arrive_in_time_is_a_failure_that_says_where() -> None:
    site = Site([nothing] * 100)
    measured = site.measure(Check("x", [DING], within_seconds=3))
    assert (measured["n"], measured["failures"], measured["invalid"]) == (2, 2, "")
    assert measured["value"] <= 3
    assert "GoliveProbe: Alertmanager told nobody of it" in measured["observed"]
    assert "ding: the relay got nothing for it" in measured["observed"]
    assert site.switched[-1][1] == 0


def test_no_receiver_is_no_evidence() -> None:
    site = Site([])
    assert "nobody is told" in site.measure(Check("x"))["invalid"]
    assert site.switched == []


def test_in_check_mode_nothing_is_fired() -> None:
    site = Site([])
    assert site.measure(Check("x", [DING]), fire=False)["invalid"] == "no alert was fired in check mode"
    assert site.switched == []


@pytest.mark.parametrize(("looks", "switches"), [([unanswered], 0), ([nothing, unanswered], 2)])
def test_a_server_that_does_not_answer_is_no_evidence(looks: list[Callable[[str], Look]], switches: int) -> None:
    site = Site(looks)
    measured = site.measure(Check("x", [DING]))
    assert (measured["n"], "Connection refused" in measured["invalid"]) == (0, True)
    assert len(site.switched) == switches  # what was fired is ended
