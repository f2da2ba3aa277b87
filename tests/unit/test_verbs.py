"""The command line: which verb runs which playbook, help that fits a screen, exit codes of refusals, completion."""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import subprocess
import sys
import tomllib
from datetime import date

import pytest
import yaml

from golive import completion, init, play, verbs
from golive.__main__ import main, parser
from golive.completion import _parts
from golive.lab import ROOT
from golive.play import Command
from golive.say import Problem

PARTS = _parts(parser())
SITE = ROOT / "inventories" / "single"


def command(*words):
    own, rest = verbs.split(list(words))
    options = parser().parse_args([*own, "-i", str(SITE)])
    options.words = rest
    return verbs.command(verbs.BY_NAME[options.verb], options).text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["plan", "1.4.0"], "golive.yml -i inventories/single -e release=1.4.0 --check --diff"),
        (["run", "1.4.0"], "golive.yml -i inventories/single -e release=1.4.0"),
        (["run", "1.4.0", "--", "--tags", "watch"], "golive.yml -i inventories/single -e release=1.4.0 --tags watch"),
        (["rollback", "1.3.0"], "rollback.yml -i inventories/single -e release=1.3.0"),
        (["verify"], "verify.yml -i inventories/single"),
        (["status"], "status.yml -i inventories/single"),
        (["watch"], "status.yml -i inventories/single"),
        (["doctor", "security.x"], "verify.yml -i inventories/single -e gate=security.x"),
        (["validate", "1.4.0"], "golive.yml -i inventories/single -e release=1.4.0 --check --diff --tags preflight"),
        (
            ["start", "1.4.0"],
            "golive.yml -i inventories/single -e release=1.4.0 --tags infrastructure,security,monitoring",
        ),
        (["health"], "verify.yml -i inventories/single -e gate=release.live_health"),
        (["deploy", "1.4.0"], "golive.yml -i inventories/single -e release=1.4.0"),
        (["notify", "back to 1.3.0"], """notify.yml -i inventories/single -e '{"message": "back to 1.3.0"}'"""),
    ],
)
def test_a_verb_is_a_playbook(words, text):
    assert command(*words) == f"ansible-playbook playbooks/{text}"


@pytest.mark.parametrize("verb", [verb for verb in verbs.VERBS if verb.name != "notify"], ids=lambda verb: verb.name)
def test_the_playbook_of_a_verb_is_there(verb):
    assert (ROOT / "playbooks" / f"{verb.playbook}.yml").exists()


@pytest.mark.parametrize("name", PARTS)
def test_help_fits_a_screen_and_has_an_example(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = PARTS[name].format_help()
    assert len(text.splitlines()) <= 40 if name == "init" else len(text.splitlines()) <= 24
    if name != "completion":
        assert "example: ./golive " in text


def test_without_a_release_the_newest_one_is_meant(tmp_path):
    site = tmp_path / "mine"
    for release in ("1.0.0", "1.1.0"):
        (site / ".golive" / "releases" / release).mkdir(parents=True)
        (site / ".golive" / "releases" / release / "release.json").touch()
        os.utime(site / ".golive" / "releases" / release / "release.json", (1, 1))
    os.utime(site / ".golive" / "releases" / "1.0.0" / "release.json", (2, 2))
    options = argparse.Namespace(inventory=str(site), release=None, words=())
    assert "release=1.0.0" in verbs.command(verbs.BY_NAME["validate"], options).text()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["verify"], "no inventory was named"),
        (["verify", "-i", "nowhere"], "there is no inventory nowhere"),
        (["validate", "-i", "inventories/prod"], "there is no release in"),
    ],
)
def test_a_wrong_use_ends_with_2_and_a_sentence(words, sentence, monkeypatch, capsys):
    monkeypatch.delenv(play.INVENTORY, raising=False)
    monkeypatch.delenv("ANSIBLE_INVENTORY", raising=False)
    monkeypatch.setattr(sys, "argv", ["golive", *words])
    assert main() == 2
    assert sentence in capsys.readouterr().err


def test_an_unknown_verb_ends_with_2(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["golive", "fly"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


def test_the_language_is_that_of_the_inventory():
    assert play.language_of(ROOT / "inventories" / "prod") == "both"
    assert play.language_of(SITE) == "en"
    assert play.language_of(None) == "en"


def test_where_the_records_of_an_inventory_are(tmp_path):
    (tmp_path / "hosts.yml").touch()
    assert play.records_of(tmp_path) == play.records_of(tmp_path / "hosts.yml") == tmp_path / ".golive" / "records"
    assert play.records_of(ROOT / "inventories" / "lab").parent.parent == ROOT / ".golive"


def test_words_with_blanks_stay_one_variable():
    assert Command("x", None, {"a": "1 b=2"}).argv()[-1] == '{"a": "1 b=2"}'


@pytest.mark.parametrize("shell", [shell for shell in completion.SHELLS if shutil.which(shell)])
def test_completion_is_understood_by_the_shell(shell):
    script = completion.script(shell, parser())
    assert subprocess.run([shell, "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("words", "found"),
    [("./golive ro", ["rollback"]), ("./golive record sh", ["show"]), ("./golive plan --sh", ["--show-command"])],
)
def test_completion_in_bash(words, found):
    parts = words.split()
    ask = f"COMP_WORDS=({words}); COMP_CWORD={len(parts) - 1}; _golive; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    script = f"{completion.script('bash', parser())}\n{ask}"
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout.split() == found


TODAY = date(2026, 11, 28)
GIVEN = {"app": "shop", "public_name": "shop.example.org", "hosts": "192.0.2.10", "admin_networks": "192.0.2.0/24"}


def test_init_takes_what_it_is_given_and_the_defaults():
    said = init.answers(GIVEN, None)
    assert (said["user"], said["port"], said["health-path"]) == ("root", "8000", "/health")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("app", "Shop"),
        ("public_name", "shop example"),
        ("hosts", "a,,b"),
        ("hosts", "a,a"),
        ("admin_networks", "192.0.2.0/33"),
        ("admin_networks", "0.0.0.0/0"),
        ("port", "70000"),
        ("health_path", "health"),
        ("user", "a b"),
        ("version_key", "a..b"),
        ("reports", "junit.xml,eslint.json"),
        ("app", None),
    ],
)
def test_init_refuses_what_cannot_work(name, value):
    with pytest.raises(Problem, match=f"--{name.replace('_', '-')} is .*wanted|would let everybody in") as refused:
        init.answers({**GIVEN, name: value}, None)
    assert refused.value.code == 2


def test_init_asks_again_until_the_answer_is_right(capsys):
    said = iter(["Shop", "shop"])
    given = {question.name.replace("-", "_"): question.default for question in init.QUESTIONS} | GIVEN | {"app": None}
    assert init.answers(given, lambda _: next(said))["app"] == "shop"
    assert '"Shop": wanted small letters' in capsys.readouterr().out


@pytest.mark.parametrize("hosts", ["h1", "h1,h2", "h1,h2,h3,h4"])
def test_init_puts_a_host_into_every_group(hosts):
    made = init.files(init.answers({**GIVEN, "hosts": hosts}, None), TODAY)
    groups = yaml.safe_load(made["hosts.yml"])["all"]["children"]
    assert set(groups) == set(init.GROUPS)
    assert all(group["hosts"] for group in groups.values())
    assert {host for group in groups.values() for host in group["hosts"]} == set(hosts.split(","))


def test_init_waives_what_a_first_release_cannot_have_and_says_until_when():
    made = init.files(init.answers({**GIVEN, "reports": "junit.xml,coverage.json"}, None), TODAY)
    waived = yaml.safe_load(made["group_vars/all/waivers.yml"])["gates_waivers"]
    assert [one["gate"] for one in waived][:4] == [
        "evidence.lint", "evidence.types", "evidence.security", "monitoring.grafana_healthy",
    ]  # fmt: skip
    assert {one["until"] for one in waived} == {"2027-02-26"}
    assert all(one["who"] and one["reason"] for one in waived)


def test_init_overwrites_nothing(tmp_path, monkeypatch, capsys):
    (tmp_path / "x").touch()
    monkeypatch.setattr(sys, "argv", ["golive", "init", str(tmp_path), "--yes"])
    assert main() == 2
    assert "nothing is overwritten" in capsys.readouterr().err


def test_what_pip_installs_is_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    module, _, function = project["project"]["scripts"]["golive"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert all(
        (ROOT / place / "__init__.py").exists() for place in project["tool"]["setuptools"]["package-dir"].values()
    )


def test_outside_of_a_project_it_says_where_to_go(tmp_path):
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'module_utils'}"}
    shutil.copytree(ROOT / "src" / "golive", tmp_path / "golive")
    command = [sys.executable, "-m", "golive", "status"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "this is no golive project" in done.stderr
    environment["GOLIVE_PROJECT"] = str(ROOT)
    command += ["-i", "inventories/single", "--show-command"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout == "ansible-playbook playbooks/status.yml -i inventories/single\n"
