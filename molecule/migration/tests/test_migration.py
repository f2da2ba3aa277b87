"""What the first migration did in the database, and what it left on the host."""

from __future__ import annotations

DIRECTORY = "/opt/golive/football/migration"


def test_it_ran_once_although_the_role_ran_twice(sql):
    assert sql("SELECT revision FROM run") == "0001"


def test_it_came_from_the_application_host_itself(sql, address):
    assert sql("SELECT host(client) FROM run") == address("app1")


def test_what_it_made_belongs_to_the_owner_and_serves_the_writer(sql):
    assert sql("SELECT tableowner FROM pg_tables WHERE tablename = 'match'") == "football_owner"
    assert sql("SELECT has_table_privilege('football_writer', 'match', 'INSERT')") == "t"


def test_what_comes_after_it_ran_once(sql):
    assert sql("SELECT name FROM match") == "first"


def test_its_container_is_gone(host):
    assert host.check_output("docker ps --all --quiet --filter name=football-migration") == ""


def test_its_secret_is_for_its_user_alone(host):
    directory, file = host.file(DIRECTORY), host.file(f"{DIRECTORY}/database")
    assert (directory.uid, directory.gid, directory.mode) == (10001, 10001, 0o500)
    assert (file.uid, file.gid, file.mode) == (10001, 10001, 0o400)


def test_no_secret_is_seen(host, leaks):
    assert leaks(host) == []
