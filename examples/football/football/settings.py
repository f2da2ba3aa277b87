"""Settings: names and numbers come from the environment, secrets only from files."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from football import RELEASE
from football.faults import Faults


class SettingsError(Exception):
    """A setting is missing, unreadable or out of range; the text is one sentence for the operator."""


class Environment:
    """Typed reading of FOOTBALL_* variables; an empty variable counts as not set."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str | None = None) -> str:
        value = self._variables.get(name, "").strip() or default
        if value is None:
            raise SettingsError(f"{name} is not set.")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        text = self.text(name, str(default))
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SettingsError(f"{name} is {text!r}, wanted a number from {low:g} to {high:g}.")
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.number(name, default, low, high)
        if value != int(value):
            raise SettingsError(f"{name} is {value:g}, wanted a whole number from {low} to {high}.")
        return int(value)

    def choice(self, name: str, wanted: str) -> bool:
        """Return whether `name` is set to the one word that it may have."""
        value = self.text(name, "")
        if value not in {"", wanted}:
            raise SettingsError(f"{name} is {value!r}, wanted {wanted!r} or nothing.")
        return value == wanted

    def secret(self, name: str) -> str:
        return read_secret(Path(self.text(name)), name)

    def authority(self, name: str) -> str:
        """Return the path of a CA certificate that can be loaded, or "" when `name` is not set."""
        path = self.text(name, "")
        if path:
            try:
                ssl.create_default_context(cafile=path)
            except OSError as error:  # ssl.SSLError, for a file that is no certificate, is one too
                raise SettingsError(
                    f"{name} names {path}, which holds no readable certificate ({error.strerror})."
                ) from None
        return path


def read_secret(path: Path, name: str) -> str:
    """Return the content of a secret's file without its line end.

    :param name: setting or option that named the file, for the error sentence
    :raises SettingsError: when the file cannot be read or is empty
    """
    try:
        value = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise SettingsError(f"{name} names {path}, which cannot be read ({reason}).") from None
    if not value:
        raise SettingsError(f"{name} names {path}, which is empty.")
    return value


@dataclass(frozen=True)
class Database:
    """How to reach PostgreSQL; TLS with verified name when `authority` is set."""

    host: str
    port: int
    name: str
    user: str
    password: str = field(repr=False)
    authority: str
    owner: str

    @classmethod
    def read(cls, environment: Environment) -> Database:
        owner = environment.text("FOOTBALL_DATABASE_OWNER", "")
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}|", owner):
            raise SettingsError(f"FOOTBALL_DATABASE_OWNER is {owner!r}, wanted a plain role name.")
        return cls(
            host=environment.text("FOOTBALL_DATABASE_HOST"),
            port=environment.integer("FOOTBALL_DATABASE_PORT", 5432, 1, 65535),
            name=environment.text("FOOTBALL_DATABASE_NAME"),
            user=environment.text("FOOTBALL_DATABASE_USER"),
            password=environment.secret("FOOTBALL_DATABASE_PASSWORD_FILE"),
            authority=environment.authority("FOOTBALL_DATABASE_SSLROOTCERT"),
            owner=owner,
        )


@dataclass(frozen=True)
class Cache:
    """How to reach Redis; TLS with verified name when `authority` is set."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    authority: str

    @classmethod
    def read(cls, environment: Environment) -> Cache:
        return cls(
            host=environment.text("FOOTBALL_CACHE_HOST"),
            port=environment.integer("FOOTBALL_CACHE_PORT", 6379, 1, 65535),
            user=environment.text("FOOTBALL_CACHE_USER", "default"),
            password=environment.secret("FOOTBALL_CACHE_PASSWORD_FILE"),
            authority=environment.authority("FOOTBALL_CACHE_CACERT"),
        )


@dataclass(frozen=True)
class Server:
    """What `serve` needs: both services, where to listen, and which deployment this is."""

    database: Database
    cache: Cache
    faults: Faults
    port: int
    workers: int
    commit: str
    image: str
    colour: str
    release: str = RELEASE

    @classmethod
    def read(cls, environment: Environment) -> Server:
        return cls(
            database=Database.read(environment),
            cache=Cache.read(environment),
            faults=read_faults(environment),
            port=environment.integer("FOOTBALL_PORT", 8000, 1, 65535),
            workers=environment.integer("FOOTBALL_WORKERS", 2, 1, 64),
            commit=environment.text("FOOTBALL_COMMIT", "unknown"),
            image=environment.text("FOOTBALL_IMAGE", "unknown"),
            colour=environment.text("FOOTBALL_COLOUR", "none"),
        )


@dataclass(frozen=True)
class Worker:
    """What `work` needs: the database, how often, and which deployment this is."""

    database: Database
    seconds: float
    colour: str

    @classmethod
    def read(cls, environment: Environment) -> Worker:
        return cls(
            database=Database.read(environment),
            seconds=environment.number("FOOTBALL_IMPORT_SECONDS", 3600, 0.1, 86400),
            colour=environment.text("FOOTBALL_COLOUR", "none"),
        )


def read_faults(environment: Environment) -> Faults:
    """Read the planted faults, all off unless set."""
    accuracy = environment.text("FOOTBALL_FAULT_ACCURACY", "")
    return Faults(
        error_share=environment.number("FOOTBALL_FAULT_ERROR_SHARE", 0, 0, 1),
        latency_seconds=environment.number("FOOTBALL_FAULT_LATENCY_SECONDS", 0, 0, 60),
        latency_share=environment.number("FOOTBALL_FAULT_LATENCY_SHARE", 1, 0, 1),
        memory_mb_per_request=environment.number("FOOTBALL_FAULT_MEMORY_MB_PER_REQUEST", 0, 0, 1024),
        health_failing=environment.choice("FOOTBALL_FAULT_HEALTH", "failing"),
        accuracy=environment.number("FOOTBALL_FAULT_ACCURACY", 0, 0, 1) if accuracy else None,
        start_refused=environment.choice("FOOTBALL_FAULT_START", "refuse"),
    )
