"""Settings and commands that fail: one sentence, the right exit code, no traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest
from services import Postgres

from football import faults, settings

Command = Callable[..., tuple[int, str, str]]


def test_the_first_missing_setting_is_named(command: Command) -> None:
    assert command("serve") == (2, "", "football: FOOTBALL_DATABASE_HOST is not set.")


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("FOOTBALL_DATABASE_NAME", "", "FOOTBALL_DATABASE_NAME is not set."),
        ("FOOTBALL_DATABASE_PORT", "many", "FOOTBALL_DATABASE_PORT is 'many', wanted a number from 1 to 65535."),
        ("FOOTBALL_DATABASE_PORT", "0", "FOOTBALL_DATABASE_PORT is '0', wanted a number from 1 to 65535."),
        ("FOOTBALL_DATABASE_PORT", "1.5", "FOOTBALL_DATABASE_PORT is 1.5, wanted a whole number from 1 to 65535."),
        ("FOOTBALL_DATABASE_OWNER", "x; drop", "FOOTBALL_DATABASE_OWNER is 'x; drop', wanted a plain role name."),
        (
            "FOOTBALL_DATABASE_PASSWORD_FILE",
            "/nowhere/password",
            "FOOTBALL_DATABASE_PASSWORD_FILE names /nowhere/password, which cannot be read "
            "(No such file or directory).",
        ),
        (
            "FOOTBALL_DATABASE_SSLROOTCERT",
            "/nowhere/ca.crt",
            "FOOTBALL_DATABASE_SSLROOTCERT names /nowhere/ca.crt, which holds no readable certificate "
            "(No such file or directory).",
        ),
    ],
)
def test_wrong_settings(command: Command, postgres: Postgres, variable: str, value: str, sentence: str) -> None:
    code, output, error = command("current", database=postgres.settings("postgres"), **{variable: value})
    assert (code, output, error) == (2, "", f"football: {sentence}")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "which is empty."), (b"\xff\xfe", "which cannot be read (not UTF-8 text).")]
)
def test_unusable_secret(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(settings.SettingsError) as caught:
        settings.read_secret(file, "FOOTBALL_X")
    assert str(caught.value) == f"FOOTBALL_X names {file}, {reason}"


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text("no certificate")
    environment = settings.Environment({"FOOTBALL_CACHE_CACERT": str(file)})
    with pytest.raises(settings.SettingsError, match="holds no readable certificate"):
        environment.authority("FOOTBALL_CACHE_CACERT")


def test_only_the_line_end_is_cut_from_a_secret(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(" a secret \r\n")
    assert settings.read_secret(file, "x") == " a secret "


def test_passwords_stay_out_of_representations(postgres: Postgres) -> None:
    assert "writer-secret" not in repr(postgres.settings("football"))


def test_faults_are_off_by_default() -> None:
    assert settings.read_faults(settings.Environment({})) == faults.Faults()


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("ERROR_SHARE", "0.25", {"error_share": 0.25}),
        ("LATENCY_SECONDS", "0.7", {"latency_seconds": 0.7}),
        ("LATENCY_SHARE", "0.1", {"latency_share": 0.1}),
        ("MEMORY_MB_PER_REQUEST", "2", {"memory_mb_per_request": 2.0}),
        ("HEALTH", "failing", {"health_failing": True}),
        ("ACCURACY", "0", {"accuracy": 0.0}),
        ("START", "refuse", {"start_refused": True}),
    ],
)
def test_each_fault_can_be_planted(variable: str, value: str, fault: dict[str, float]) -> None:
    environment = settings.Environment({f"FOOTBALL_FAULT_{variable}": value})
    assert settings.read_faults(environment) == faults.Faults(**fault)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("variable", "value"), [("ERROR_SHARE", "2"), ("ERROR_SHARE", "nan"), ("HEALTH", "maybe"), ("START", "no")]
)
def test_a_misspelt_fault_is_an_error_and_not_silently_off(variable: str, value: str) -> None:
    with pytest.raises(settings.SettingsError, match=f"FOOTBALL_FAULT_{variable} is '{value}', wanted "):
        settings.read_faults(settings.Environment({f"FOOTBALL_FAULT_{variable}": value}))


def test_wrong_password_is_one_sentence(command: Command, postgres: Postgres) -> None:
    code, _, error = command("current", database=postgres.settings("postgres", password="wrong"))
    assert code == 1
    assert error == (
        f"football: current failed at database 127.0.0.1:{postgres.port}: "
        'password authentication failed for user "football_writer".'
    )


def test_unreachable_database_is_one_sentence(command: Command, postgres: Postgres) -> None:
    code, _, error = command("current", database=postgres.settings("postgres"), FOOTBALL_DATABASE_PORT="1")
    assert code == 1
    assert error.startswith("football: current failed at database 127.0.0.1:1: ")
    assert "\n" not in error
