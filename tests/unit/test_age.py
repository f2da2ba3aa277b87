"""Keys as age(1) writes them. That it takes them is seen in scenario backup."""

from __future__ import annotations

from pathlib import Path

from golive_core import age


def test_bech32_is_that_of_bip_173():
    data = bytes.fromhex("00443214c74254b635cf84653a56d7c675be77df")
    assert age._bech32("abcdef", data) == "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"


def test_the_key_of_a_secret_is_always_the_same_and_says_nothing_of_it():
    first, other = age.private_key("a secret"), age.private_key("another")
    assert (first, len(first)) == (age.private_key("a secret"), 32)
    assert first != other
    assert age.identity(first).startswith("AGE-SECRET-KEY-1")
    assert age.identity(first) == age.identity(first).upper()


def test_the_public_half_is_that_of_the_private_one(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "filter_plugins"))
    import golive_secrets

    # RFC 7748, section 6.1
    private = bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
    public = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
    monkeypatch.setattr(age, "private_key", lambda _: private)
    assert golive_secrets.identity("a secret") == age.identity(private)
    assert golive_secrets.recipient("a secret") == age.recipient(public)
