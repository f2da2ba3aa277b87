"""A colour that did not start is gone, the one that serves is there, and no image was lost."""

from __future__ import annotations

UNITS = ["docker"]


def test_only_the_colour_that_serves_is_left(on, served, becomes):
    assert on("app1").check_output("docker stack ls --format '{{.Name}}'") == "football-green"
    for name in ("app1", "app2"):
        assert served(name, "green")["release"] == "1.1.0"
        assert becomes(lambda name=name: served(name, "blue"), {})


def test_the_image_of_the_colour_that_was_stopped_is_still_there(on, released):
    for name in ("app1", "app2"):
        assert on(name).run(f"docker image inspect {released('1.0.0')['image_id']}").rc == 0
