"""An application's own Compose files: what two colours cannot have is refused, the rest is taken as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from golive_core.compose import refusals, taken, variables

FILES = yaml.safe_load("""
name: shop
services:
  web:
    build: .
    image: shop:latest
    command: [serve, "--port=${PORT}"]
    ports: ["80:8000"]
    environment: [MODE=production, EMPTY]
    depends_on: [mailer]
    deploy: {replicas: 2}
    restart: always
    volumes: ["/srv/media:/media:ro"]
    healthcheck: {test: [CMD, "true"]}
    extra_hosts: ["legacy:10.0.0.9"]
  mailer:
    image: shop:latest
    command: [mail]
networks: {default: {}}
""")
OWN: dict[str, Any] = {
    "name": "shop-green",
    "x-common": {"image": "sha256:1"},
    "services": {
        "app": {
            "image": "sha256:1",
            "container_name": "shop-green",
            "ports": ["10.0.0.1:8002:8000"],
            "restart": "unless-stopped",
            "environment": {"MODE": "canary", "GOLIVE_COLOUR": "green"},
            "labels": {"golive.colour": "green"},
            "volumes": [{"type": "bind", "source": "./secrets/green/key", "target": "/run/key"}],
        },
        "mailer": {"image": "sha256:1", "command": ["mail"], "profiles": ["workers"], "environment": {}, "labels": {}},
    },
}


def with_service(name: str, **changes: Any) -> dict[str, Any]:
    document = copy.deepcopy(FILES)
    document["services"].setdefault(name, {}).update(changes)
    return document


def test_what_can_have_two_colours_is_not_refused():
    assert refusals(FILES, "web", ["mailer"]) == []


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (with_service("web", container_name="shop"), "service web is named shop for good (container_name)"),
        (with_service("mailer", ports=["25:25"]), "service mailer publishes ports"),
        (with_service("web", network_mode="host"), "service web uses the host's network"),
        (with_service("web", networks={"lan": {"ipv4_address": "10.0.0.3"}}), "has a fixed address in network lan"),
        (with_service("web", volumes=["./media:/media"]), "service web mounts ./media, which is not on the hosts"),
        (with_service("web", env_file=".env"), "service web reads .env, which is not on the hosts"),
        (with_service("web", env_file=[{"path": "prod.env"}]), "service web reads prod.env"),
        (
            with_service("db", image="postgres:16"),
            "service db (postgres:16) keeps data, and each colour would have its own",
        ),
        (with_service("proxy", image="nginx"), "service proxy is neither app_service nor one of app_workers"),
        ({**FILES, "secrets": {"key": {"file": "./key"}}}, "secret key is read from ./key"),
        (
            {**with_service("web", volumes=["media:/media"]), "volumes": {"media": None}},
            "service web keeps data in volume media",
        ),
        (
            {
                **with_service("web", volumes=[{"type": "volume", "source": "media", "target": "/m"}]),
                "volumes": {"media": {}},
            },
            "service web keeps data in volume media",
        ),
    ],
)
def test_what_cannot_is_refused_with_what_to_change(document: dict[str, Any], says: str):
    found = refusals(document, "web", ["mailer"])
    assert len(found) == 1
    assert says in found[0]


def test_a_volume_of_the_host_and_an_external_one_are_both_colours_to_share():
    document = with_service("web", volumes=["/srv/a:/a", "shared:/b", "/c"])
    assert refusals({**document, "volumes": {"shared": {"external": True}}}, "web", ["mailer"]) == []


def test_services_that_are_not_there_are_named():
    assert refusals(FILES, "api", ["mailer"])[0].startswith("there is no service api; they are mailer, web")
    assert len(refusals({}, "web", ["mailer"])) == 2


def test_what_golive_decides_wins_and_the_rest_stays():
    found = taken(FILES, OWN, "web")
    app = found["services"]["app"]
    assert set(found["services"]) == {"app", "mailer"}
    assert found["name"] == "shop-green"
    assert (app["image"], app["ports"], app["restart"]) == ("sha256:1", ["10.0.0.1:8002:8000"], "unless-stopped")
    assert app["command"] == ["serve", "--port=${PORT}"]
    assert app["environment"] == {"MODE": "canary", "EMPTY": None, "GOLIVE_COLOUR": "green"}
    assert app["volumes"] == ["/srv/media:/media:ro", OWN["services"]["app"]["volumes"][0]]
    assert app["extra_hosts"] == ["legacy:10.0.0.9"]
    assert app["healthcheck"] == {"test": ["CMD", "true"]}
    assert not {"build", "deploy", "depends_on"} & set(app)
    assert found["services"]["mailer"]["profiles"] == ["workers"]


def test_others_find_the_application_by_the_name_that_they_know():
    assert taken(FILES, OWN, "web")["services"]["app"]["networks"] == {"default": {"aliases": ["web"]}}
    named = {**FILES, "services": {"app": FILES["services"]["web"], "mailer": FILES["services"]["mailer"]}}
    assert "networks" not in taken(named, OWN, "app")["services"]["app"]


def test_nothing_that_is_given_is_changed():
    before = copy.deepcopy((FILES, OWN))
    taken(FILES, OWN, "web")["services"]["app"]["extra_hosts"].append("x:1.2.3.4")
    assert before == (FILES, OWN)


def test_values_of_variables_are_written_so_that_compose_does_not_look_into_them():
    assert variables({"A": 'costs $5, says "hello"', "B": "it's", "C": 1}) == (
        "A='costs $5, says \"hello\"'\nB='it\\'s'\nC='1'\n"
    )


def test_the_network_of_the_colour_is_laid_over_the_files_own():
    network = {"default": {"name": "shop-green", "external": True}}
    assert taken(FILES, {**OWN, "networks": network}, "web")["networks"] == network
    assert taken(FILES, OWN, "web")["networks"] == {"default": {}}
