"""Workers run where the edge says that their colour serves, and nowhere twice."""

from __future__ import annotations

import itertools
import random

import pytest
from golive_core.colours import Live
from golive_core.workers import (
    LONGEST_PAUSE,
    SETTLE,
    START,
    STOP,
    Container,
    Keeper,
    Terms,
    exposition,
    on_host,
    read_containers,
    refusals,
)

LEASE, GRACE = 15.0, 10.0
SETTINGS = {
    "scheduler": {"here": True, "single": True, "grace_seconds": GRACE},
    "mailer": {"here": True, "single": False, "grace_seconds": 1},
}
BOTH = Terms.of(SETTINGS, LEASE)
EACH = Terms.of({**SETTINGS, "scheduler": {**SETTINGS["scheduler"], "here": False}}, LEASE)


def live(colour: str, generation: int = 1) -> Live:
    return Live(live=colour, generation=generation)


def switch(keeper: Keeper, colour: str, generation: int, now: float) -> None:
    """The edges have said for long enough that another colour serves."""
    keeper.hear([live(colour, generation)], now - SETTLE)
    keeper.hear([live(colour, generation)], now)


def made(worker: str, colour: str, running: bool = False) -> Container:
    return Container(f"{worker}-{colour}", worker, colour, running)


def acts(keeper: Keeper, there: list[Container], now: float, busy: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(step.act, step.container.id) for step in keeper.steps(there, now, busy)]


@pytest.fixture
def since_nothing_served() -> Keeper:
    """A host that was there before the first release."""
    keeper = Keeper(BOTH)
    keeper.hear([live("none")], 0)
    return keeper


def test_nothing_starts_before_an_edge_has_said_what_serves():
    assert acts(Keeper(BOTH), [made("mailer", "blue")], 0) == []


def test_the_first_release_gets_its_workers_at_once(since_nothing_served):
    there = [made("mailer", "blue"), made("scheduler", "blue")]
    assert acts(since_nothing_served, there, 1) == []
    since_nothing_served.hear([live("blue")], 2)
    assert acts(since_nothing_served, there, 2) == [(START, "mailer-blue"), (START, "scheduler-blue")]


def test_the_new_colour_starts_only_when_the_old_one_has_ended(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    running = [made("mailer", "blue", running=True), made("mailer", "green")]
    assert acts(keeper, running, 1) == []
    switch(keeper, "green", 2, 5)
    assert acts(keeper, running, 5) == [(STOP, "mailer-blue")]
    assert acts(keeper, running, 6, busy=("mailer-blue",)) == []  # it takes its time to end
    assert acts(keeper, [made("mailer", "blue"), made("mailer", "green")], 7, busy=("mailer-blue",)) == []
    assert acts(keeper, [made("mailer", "blue"), made("mailer", "green")], 8) == [(START, "mailer-green")]


def test_a_rehearsal_moves_no_worker(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    there = [made("mailer", "blue", running=True), made("mailer", "green")]
    for second in range(10):
        keeper.hear([live("green" if second % 2 else "blue", second)], second)
        assert acts(keeper, there, second) == []


def test_an_edge_that_comes_back_with_an_old_map_is_not_believed(since_nothing_served):
    since_nothing_served.hear([live("green", 7), live("blue", 6)], 1)
    assert since_nothing_served.colour == "green"


def test_without_an_answer_for_longer_than_the_lease_everything_stops(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    there = [made("mailer", "blue", running=True)]
    keeper.hear([], 1 + LEASE)
    assert acts(keeper, there, 1 + LEASE) == []
    assert acts(keeper, there, 2 + LEASE) == [(STOP, "mailer-blue")]
    assert acts(keeper, [made("mailer", "blue")], 3 + LEASE) == []


def test_a_host_that_comes_back_after_a_switch_does_not_start_the_old_colour(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    back = 2 + 2 * LEASE
    there = [made("mailer", "blue"), made("mailer", "green")]
    keeper.hear([live("green", 2)], back)
    assert acts(keeper, there, back) == [(START, "mailer-green")]


def test_nothing_is_started_while_another_colour_may_be_about_to_serve(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    keeper.hear([live("green", 2)], 2)
    there = [made("mailer", "blue"), made("mailer", "green")]
    assert acts(keeper, there, 2) == []
    keeper.hear([live("green", 2)], 2 + SETTLE)
    assert acts(keeper, there, 2 + SETTLE) == [(START, "mailer-green")]


def test_what_runs_only_once_waits_until_no_other_host_can_still_run_it():
    keeper = Keeper(BOTH)
    there = [made("scheduler", "blue"), made("mailer", "blue")]
    keeper.hear([live("blue")], 100)
    assert acts(keeper, there, 100) == [(START, "mailer-blue")]
    over = 100 + BOTH.takeover
    for now in range(101, int(over) + 1):
        keeper.hear([live("blue")], now)
    assert acts(keeper, [made("scheduler", "blue")], over - 1) == []
    assert acts(keeper, [made("scheduler", "blue")], over) == [(START, "scheduler-blue")]


def test_a_break_in_the_lease_begins_the_wait_anew(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    keeper.hear([live("blue")], 2 + 2 * LEASE)
    assert acts(keeper, [made("scheduler", "blue")], 2 + 2 * LEASE) == []


def test_what_runs_on_another_host_is_stopped_here_whatever_its_colour():
    keeper = Keeper(EACH)
    keeper.hear([live("blue")], 0)
    assert acts(keeper, [made("scheduler", "blue", running=True)], 0) == [(STOP, "scheduler-blue")]
    assert acts(keeper, [made("scheduler", "blue")], 1) == []


def test_one_that_the_newest_release_lacks_goes_on_until_its_colour_gives_over():
    keeper = Keeper(EACH)
    keeper.hear([live("blue")], 0)
    assert acts(keeper, [made("former", "blue", running=True)], 0) == []
    assert acts(keeper, [made("former", "blue")], 1) == []
    switch(keeper, "green", 2, 4)
    assert acts(keeper, [made("former", "blue", running=True)], 4) == [(STOP, "former-blue")]


def test_one_that_ends_by_itself_is_started_again_at_longer_and_longer_intervals(since_nothing_served):
    keeper, starts = since_nothing_served, []
    for now in range(400):
        keeper.hear([live("blue")], now)
        starts += [now for _ in keeper.steps([made("mailer", "blue")], now)]
    pauses = [after - before for before, after in itertools.pairwise(starts)]
    assert pauses[:6] == [1, 2, 4, 8, 16, 32]
    assert set(pauses[6:]) == {int(LONGEST_PAUSE)}
    assert keeper.starts([made("mailer", "blue")])["mailer"] == len(starts) - 1


def test_one_that_ran_for_a_while_is_started_again_at_once(since_nothing_served):
    keeper = since_nothing_served
    for now in (0, 1, 3):
        keeper.hear([live("blue")], now)
        assert acts(keeper, [made("mailer", "blue")], now) == [(START, "mailer-blue")]
    for now in range(4, 70):
        keeper.hear([live("blue")], now)
        assert acts(keeper, [made("mailer", "blue", running=True)], now) == []
    keeper.hear([live("blue")], 70)
    assert acts(keeper, [made("mailer", "blue")], 70) == [(START, "mailer-blue")]


def test_going_back_starts_at_once_what_was_stopped(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 0)
    assert acts(keeper, [made("mailer", "blue")], 0) == [(START, "mailer-blue")]
    switch(keeper, "green", 2, 3.5)
    assert acts(keeper, [made("mailer", "blue", running=True)], 3.5) == [(STOP, "mailer-blue")]
    switch(keeper, "blue", 3, 7)
    assert acts(keeper, [made("mailer", "blue")], 7) == [(START, "mailer-blue")]


def test_only_workers_are_read_and_one_that_is_paused_is_not_over():
    rows = [
        {"Id": "1", "Labels": {"golive.worker": "mailer", "golive.colour": "blue"}, "State": "running"},
        {"Id": "2", "Labels": {"golive.colour": "blue"}, "State": "running"},
        {"Id": "3", "Labels": {"golive.worker": "mailer", "golive.colour": "green"}, "State": "paused"},
        {"Id": "4", "Labels": {"golive.worker": "mailer", "golive.colour": "green"}, "State": "created"},
        {"Id": "5", "Labels": None, "State": "running"},
    ]
    assert [(one.id, one.running) for one in read_containers(rows)] == [("1", True), ("3", True), ("4", False)]


def test_a_host_is_told_which_workers_are_its_own():
    described = [{"name": "scheduler", "command": ["x"], "single": True}, {"name": "mailer", "command": ["x"]}]
    assert on_host(described, first=False) == {
        "scheduler": {"here": False, "single": True, "grace_seconds": 30.0},
        "mailer": {"here": True, "single": False, "grace_seconds": 30.0},
    }
    assert on_host(described, first=True)["scheduler"]["here"]


@pytest.mark.parametrize(
    ("worker", "sentence"),
    [
        (
            {"name": "Mailer", "command": ["x"]},
            'app_workers has "Mailer", wanted a name of small letters, digits and dashes',
        ),
        ({"name": "app", "command": ["x"]}, "app_workers has app, which is the name of the application's own service"),
        ({"name": "mailer"}, "worker mailer has no command"),
        (
            {"name": "mailer", "command": ["x"], "grace_seconds": 0},
            "grace_seconds of worker mailer is 0, wanted 1 to 600",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(worker, sentence):
    assert refusals([worker]) == [sentence]
    assert refusals([{"name": "a", "command": ["x"]}, {"name": "a", "command": ["x"]}]) == ["app_workers has a twice"]


def test_the_metrics_tell_what_is_wanted_and_what_runs(since_nothing_served):
    keeper = since_nothing_served
    keeper.hear([live("blue")], 1)
    text = exposition(keeper, [made("mailer", "blue", running=True), made("scheduler", "green", running=True)], 1)
    assert 'golive_worker_wanted{worker="scheduler"} 1' in text
    assert 'golive_worker_running{worker="mailer"} 1' in text
    assert 'golive_worker_running{worker="scheduler"} 0' in text
    assert "golive_worker_leased 1" in text
    assert "golive_worker_leased 0" in exposition(keeper, [], 2 + LEASE)


# Two hosts, one edge, and whatever can happen: switches, cuts, an inventory that gives the scheduler to the other
# host, programs that are started anew, containers that end or take all of their grace.
@pytest.mark.parametrize("seed", range(15))
def test_a_single_worker_never_runs_twice_whatever_happens(seed: int):
    dice = random.Random(seed)
    holder, colour, generation = 0, "blue", 1
    containers = [{c: [False, None] for c in ("blue", "green")} for _ in range(2)]  # running, ends at
    cut = [False, False]

    def terms(host: int) -> Terms:
        return Terms.of({"scheduler": {**SETTINGS["scheduler"], "here": host == holder}}, LEASE)

    keepers = [Keeper(terms(host)) for host in range(2)]
    ran = 0
    for now in range(3000):
        chance = dice.random()
        if chance < 0.01:
            colour, generation = ("green" if colour == "blue" else "blue"), generation + 1
        elif chance < 0.014:
            holder = 1 - holder
            for host in dice.sample((0, 1), 2):  # in any order, and each starts without a memory
                keepers[host] = Keeper(terms(host))
        elif chance < 0.02:
            host = dice.randrange(2)
            cut[host] = not cut[host]
        elif chance < 0.024:
            host = dice.randrange(2)
            keepers[host] = Keeper(terms(host))
        elif chance < 0.03:
            for of_host in containers:
                for state in of_host.values():
                    state[:] = [False, None] if dice.random() < 0.5 else state
        for host, keeper in enumerate(keepers):
            if not cut[host]:
                keeper.hear([live(colour, generation)], now)
            there = [Container(f"{host}{c}", "scheduler", c, state[0]) for c, state in containers[host].items()]
            busy = [f"{host}{c}" for c, state in containers[host].items() if state[1] is not None]
            for step in keeper.steps(there, now, busy):
                state = containers[host][step.container.colour]
                state[:] = [True, None] if step.act == START else [True, now + dice.uniform(0, GRACE)]
            for state in containers[host].values():
                if state[1] is not None and state[1] <= now:
                    state[:] = [False, None]
        running = [(host, c) for host in range(2) for c, state in containers[host].items() if state[0]]
        assert len(running) <= 1, (now, running)
        ran += len(running)
    assert ran > 500  # and it did work
