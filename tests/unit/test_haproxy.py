"""Answers of HAProxy 3.0.11, captured while a worker from before a reload still answered one slow request."""

from __future__ import annotations

from pathlib import Path

import yaml
from golive_core.colours import Live, from_entries
from golive_core.haproxy import Server, not_up, read_servers, read_show_map, read_workers, sum_workers

ROOT = Path(__file__).parents[2]


def captured(name: str) -> str:
    return (Path(__file__).parent / "data" / name).read_text(encoding="utf-8")


def test_old_workers_are_workers_and_the_newest_comes_first() -> None:
    assert read_workers(captured("haproxy_show_proc.txt")) == [286, 196]


def test_the_master_alone_is_no_worker() -> None:
    assert read_workers("#<PID> <type>\n48 master 1 [failed: 0] 0d00h00m01s 3.0.11\n# workers\n# programs\n\n") == []


def test_a_map_is_read_from_a_worker() -> None:
    held = from_entries(read_show_map(captured("haproxy_show_map.txt")))
    assert held == Live(live="green", canary="none", canary_share=0, generation=22)


def test_a_worker_without_the_map_holds_no_entries() -> None:
    assert read_show_map("Unknown map identifier. Please use #<id> or <file>.\n\n") == {}


def test_servers_are_told_apart_by_colour() -> None:
    servers = read_servers(captured("haproxy_show_stat_old.csv"))
    assert [server.name for server in servers["blue"]] == ["a1", "a2"]
    assert servers["green"][1] == Server("a2", "172.20.0.4:8002", "UP", "L7OK", 1)


def test_a_server_that_no_check_has_passed_is_not_up() -> None:
    servers = read_servers(captured("haproxy_show_stat_new.csv"))
    assert not_up(servers["blue"]) == []
    assert not_up(servers["green"]) == ["a1 UP 1/3 (INI)", "a2 UP 1/3 (INI)"]


def test_a_check_under_way_keeps_the_last_result() -> None:
    assert Server("a1", "", "UP", "* L7OK", 0).up
    assert not Server("a1", "", "UP", "L4TOUT", 0).up
    assert not Server("a1", "", "DOWN", "L7OK", 0).up
    assert not Server("a1", "", "UP", "", 0).up


def test_requests_in_flight_are_those_of_all_workers() -> None:
    views = [read_servers(captured(f"haproxy_show_stat_{age}.csv")) for age in ("new", "old")]
    total = sum_workers(views)
    assert [server.in_flight for server in total["green"]] == [0, 1]
    assert total["green"][1].check == "INI"  # the state is the newest worker's: it takes the next request


def test_without_a_worker_there_are_no_servers() -> None:
    assert sum_workers([]) == {"blue": [], "green": []}


def test_the_gate_wants_the_headers_that_the_role_sets() -> None:
    sent = yaml.safe_load((ROOT / "roles/edge/defaults/main.yml").read_text(encoding="utf-8"))["edge_headers"]
    gates = yaml.safe_load((ROOT / "roles/gates/vars/main.yml").read_text(encoding="utf-8"))
    assert gates["__gates_edge_headers"] == sent
