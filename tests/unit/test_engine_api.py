"""What is read from the Docker engine 26.1, captured from a container that role app started."""

from __future__ import annotations

import json
import os
import subprocess
import time
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from golive_core.engine_api import (
    Colour,
    Engine,
    EngineError,
    memory_share,
    read_colours,
    shown_secrets,
    unsteady,
    wrong_image,
    wrong_limits,
    wrong_user,
)

IMAGE = "sha256:91e7a8b36d41bffe1d4aef1d1658fc2425e406c2624e8937ab03c355ef52413d"


def captured(name: str) -> Any:
    return json.loads((Path(__file__).parent / "data" / name).read_text(encoding="utf-8"))


@pytest.fixture
def container() -> dict[str, Any]:
    return deepcopy(captured("docker_inspect.json"))


def test_colours_are_read_from_the_labels() -> None:
    colours = read_colours(captured("docker_containers.json"))
    assert colours["green"] == Colour("1.2.0", IMAGE, running=True)
    assert colours["blue"].release == "1.3.0"


def test_a_container_of_somebody_else_is_no_colour() -> None:
    assert read_colours([{"Labels": None, "State": "running"}, {"Labels": {"golive.app": "demo"}}]) == {}


def test_a_stopped_container_keeps_its_release() -> None:
    rows = [row | {"State": "exited"} for row in captured("docker_containers.json")]
    assert read_colours(rows)["green"] == Colour("1.2.0", IMAGE, running=False)


def test_of_a_colour_that_swarm_has_started_again_the_one_that_runs_counts() -> None:
    labels = {"golive.colour": "blue", "golive.release": "1.4.0", "com.docker.swarm.service.id": "x"}
    rows = [{"Labels": labels, "State": state, "ImageID": IMAGE} for state in ("exited", "running", "exited")]
    assert read_colours(rows) == {"blue": Colour("1.4.0", IMAGE, running=True, engine="swarm")}


def test_a_container_as_role_app_starts_it_has_nothing_wrong(container: dict[str, Any]) -> None:
    assert (
        wrong_image(container, IMAGE) == wrong_limits(container) == wrong_user(container) == unsteady(container) == []
    )


def test_another_image_is_named(container: dict[str, Any]) -> None:
    assert wrong_image(container, "sha256:00") == [f"its image is {IMAGE}"]


def test_a_container_that_keeps_crashing_does_not_run(container: dict[str, Any]) -> None:
    container["State"] |= {"Status": "restarting", "Restarting": True, "ExitCode": 1}
    assert wrong_image(container, IMAGE) == ["it is restarting, exit code 1"]


def test_a_container_that_was_started_again_is_not_steady(container: dict[str, Any]) -> None:
    container["RestartCount"] = 3
    container["State"] |= {"ExitCode": 137, "OOMKilled": True}
    assert unsteady(container) == ["the engine started it again 3 times, last exit code 137", "it ran out of memory"]


def test_swarm_starts_another_container_in_place_of_the_old_one(container: dict[str, Any]) -> None:
    """2026-11-30T12:00:00Z is 1796040000 seconds."""
    old = [
        {"State": {"FinishedAt": "2026-11-30T12:00:00.5Z", "ExitCode": 1}},
        {"State": {"FinishedAt": "2026-11-30T12:01:00.5Z", "ExitCode": 137, "OOMKilled": True}},
    ]
    told = ["the engine started it again 2 times, last exit code 137", "it ran out of memory"]
    assert unsteady(container, old) == unsteady(container, old, 1796040000.0) == told
    assert unsteady(container, old[:1], 1796040030.0) == []  # it ended with the engine, as in a reboot


def test_new_privileges_that_the_engine_forbids_for_all_are_seen_in_the_process(container: dict[str, Any]) -> None:
    container["HostConfig"]["SecurityOpt"] = None
    container["State"]["Pid"] = 0
    assert wrong_limits(container) == ["new privileges possible"]
    words = ["setpriv", "--no-new-privs", "sleep", "60"]
    with subprocess.Popen(words) as process:
        container["State"]["Pid"] = process.pid
        deadline = time.monotonic() + 10
        while wrong_limits(container) and time.monotonic() < deadline:
            time.sleep(0.05)  # until it is sleep
        assert wrong_limits(container) == []
        process.kill()
    container["State"]["Pid"] = os.getpid()
    assert wrong_limits(container) == ["new privileges possible"]


@pytest.mark.parametrize("name", ["total_inactive_file", "inactive_file"])
def test_memory_that_the_kernel_can_drop_is_not_counted(name: str) -> None:
    stats = {"memory_stats": {"usage": 300, "limit": 10**10, "stats": {name: 100}}}
    assert memory_share(stats, 400) == 0.5
    with pytest.raises(EngineError, match="no memory limit"):
        memory_share(stats, 0)
    with pytest.raises(EngineError, match="does it run"):
        memory_share({"memory_stats": {}}, 400)


def test_a_secret_is_found_wherever_it_shows_and_never_told(container: dict[str, Any]) -> None:
    container["Config"] |= {
        "Env": ["PATH=/bin", "DATABASE=postgresql://app:s3cr3t-word@data1/app", "EMPTY"],
        "Labels": {"note": "s3cr3t-word"},
        "Cmd": ["serve", "--password=s3cr3t-word"],
    }
    found = shown_secrets(container, ["FROM base", "ENV TOKEN=s3cr3t-word"], ["s3cr3t-word", "bin"])
    assert found == [
        f"{place} shows a secret"
        for place in ("its variable DATABASE", "its label note", "its command line", "step 2 of its image's history")
    ]
    assert shown_secrets(container, ["FROM base"], ["another-word"]) == []


@pytest.mark.parametrize("user", ["", "0", "root", "0:0", "root:10001"])
def test_root_is_root_by_any_name(container: dict[str, Any], user: str) -> None:
    container["Config"]["User"] = user
    assert wrong_user(container) == [f'its user is "{user or "root"}"']


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"Memory": 0}, "no memory limit"),
        ({"NanoCpus": 0}, "no CPU limit"),
        ({"PidsLimit": None}, "no limit of processes"),
        ({"PidsLimit": -1}, "no limit of processes"),
        ({"CapDrop": None}, "capabilities not dropped"),
        ({"CapAdd": ["NET_ADMIN"]}, "capabilities not dropped"),
        ({"SecurityOpt": None}, "new privileges possible"),
        ({"SecurityOpt": ["no-new-privileges:false"]}, "new privileges possible"),
        ({"Privileged": True}, "privileged"),
    ],
)
def test_a_limit_that_is_not_in_force_is_named(container: dict[str, Any], change: dict[str, Any], problem: str) -> None:
    container["HostConfig"] |= change
    assert wrong_limits(container) == [problem]


def test_a_missing_engine_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"the Docker engine does not answer on .*docker\.sock"):
        Engine(str(tmp_path / "docker.sock")).answers()
