"""What is refused before anything is touched, and in which words."""

import pytest
from golive_core.network import free_subnet, not_networks
from golive_core.request import NEEDED_GROUPS, manifest_refusals, refusals

GROUPS = {group: ["one"] for group in NEEDED_GROUPS}
GOOD = {"app": "football", "public_name": "football.test", "release": "1.0.0", "known_releases": ["1.0.0"]}


def ask(groups=GROUPS, **changed):
    return refusals(groups, releases_dir="/releases", **{**GOOD, **changed})


def test_nothing_is_refused_when_all_is_there():
    assert ask() == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"app": ""}, 'golive_app is ""'),
        ({"app": "Foot Ball"}, 'golive_app is "Foot Ball"'),
        ({"public_name": "football_test"}, "golive_public_name"),
        ({"public_name": "a" * 64 + ".test"}, "golive_public_name"),
        ({"release": ""}, "-e release=1.4.0"),
        ({"release": "../../etc"}, "-e release=1.4.0"),
        ({"release": "9.9"}, "release 9.9 is not known: /releases holds 1.0.0"),
        ({"known_releases": []}, "holds nothing"),
        ({"groups": {**GROUPS, "edge": [], "cache": []}}, "no host in edge, cache;"),
    ],
)
def test_each_impossible_request_is_one_sentence(changed, words):
    found = ask(**changed)
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ('{"release": "1.0.0"', "release.json is not JSON (Expecting ',' delimiter"),
        ("", "release.json is not JSON"),
        ("[]", "release.json holds no object"),
        ('{"release": "1.1.0"}', 'release.json is of release "1.1.0", wanted "1.0.0"'),
        ('{"release": "1.0.0", "app": "tennis"}', 'release.json is of app "tennis", wanted "football"'),
    ],
)
def test_a_manifest_that_is_not_what_its_directory_says(manifest, words):
    (found,) = manifest_refusals(manifest, "football", "1.0.0", "/releases/1.0.0/release.json")
    assert words in found
    assert found.endswith("build or fetch the release again")


@pytest.mark.parametrize("manifest", ['{"release": "1.0.0", "app": "football", "more": 1}', '{"image_id": "sha256:1"}'])
def test_a_manifest_need_not_say_more_than_it_knows(manifest):
    assert manifest_refusals(manifest, "football", "1.0.0", "release.json") == []


def test_free_subnet_overlaps_nothing_that_is_used():
    used = ["10.213.0.0/23", "default", "via", "172.17.0.0/16", "10.213.3.7", "fd00::/64"]
    assert free_subnet(used) == "10.213.2.0/24"


def test_a_full_pool_says_what_to_do():
    with pytest.raises(ValueError, match="lab_pool"):
        free_subnet(["10.0.0.0/8"])


def test_addresses_and_networks_are_told_from_what_is_neither():
    assert not_networks(["192.0.2.7", "192.0.2.7/24", "2001:db8::/32", "::1"]) == []
    assert not_networks(["192.0.2.0/33", "office", ""]) == ["192.0.2.0/33", "office", ""]
