"""Secrets from SOPS: through the same variable as those of a vault, or refused with a sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from golive.lab import ROOT

ANSIBLE = Path(sys.executable).with_name("ansible")
VALUE = "value-from-sops-0123456789abcdef"


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yml").write_text("all: {hosts: {here: {ansible_connection: local}}}\n")
    (tmp_path / "group_vars/all").mkdir(parents=True)
    (tmp_path / "group_vars/all/golive.yml").write_text("golive_app: football\n")
    return tmp_path


def read(inventory: Path, path: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Show two secrets as a role sees them: one of SOPS, and one that is generated."""
    shown = "{{ [golive_secrets.db_writer, golive_secrets.cache_app | length] | to_json }}"
    play = [
        {
            "hosts": "all",
            "gather_facts": False,
            "roles": [{"role": "golive"}],
            "tasks": [{"ansible.builtin.debug": {"msg": shown}}],
        }
    ]
    (inventory / "play.yml").write_text(json.dumps(play))
    variables = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), **environment}
    command = [ANSIBLE.with_name("ansible-playbook"), "-i", inventory / "hosts.yml", inventory / "play.yml"]
    return subprocess.run(
        command, env=variables | ({"PATH": path} if path else {}), capture_output=True, text=True, check=False
    )


def words(run: subprocess.CompletedProcess[str]) -> str:
    return " ".join((run.stdout + run.stderr).split())


def test_without_the_program_the_run_is_refused_with_a_sentence(inventory):
    file = inventory / "group_vars/all/secrets.sops.yml"
    file.write_text("golive_secrets_vault: {db_writer: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3.9.4}\n")
    run = read(inventory, ANSIBLE_SOPS_BINARY="no-such-sops")
    assert run.returncode != 0
    assert f"{file} is a file of SOPS, but this controller has no program no-such-sops" in words(run)
    assert "Nothing was touched" in words(run)
    assert "Traceback" not in words(run)


def test_a_value_that_nobody_decrypted_is_no_password(inventory):
    (inventory / "group_vars/all/secrets.yml").write_text(
        "golive_secrets_vault: {db_writer: 'ENC[AES256_GCM,data:x]'}\n"
    )
    run = read(inventory)
    assert run.returncode != 0
    assert "golive_secrets_vault has db_writer as SOPS encrypted it" in words(run)
    assert not (inventory / ".golive").exists()


@pytest.mark.skipif(not (shutil.which("sops") and shutil.which("gpg")), reason="needs the programs sops and gpg")
def test_a_value_of_sops_is_a_secret_like_any_other(inventory, tmp_path):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    keys = {**os.environ, "GNUPGHOME": str(home)}
    make = ["gpg", "--batch", "--passphrase", "", "--quick-generate-key", "golive test", "default", "default", "1d"]
    subprocess.run(make, env=keys, check=True, capture_output=True)
    listing = subprocess.run(
        ["gpg", "--list-keys", "--with-colons"], env=keys, check=True, capture_output=True, text=True
    ).stdout
    fingerprint = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))
    file = inventory / "group_vars/all/secrets.sops.yml"
    file.write_text(f"golive_secrets_vault:\n    db_writer: {VALUE}\n")
    subprocess.run(
        ["sops", "--encrypt", "--in-place", "--pgp", fingerprint, file], env=keys, check=True, capture_output=True
    )
    assert VALUE not in file.read_text()
    run = read(inventory, GNUPGHOME=str(home))
    subprocess.run(["gpgconf", "--kill", "all"], env=keys, check=True)
    assert run.returncode == 0, words(run)
    assert f'["{VALUE}", 32]' in words(run).replace('\\"', '"')
