"""Which of PostgreSQL's errors are refusals. Codes: PostgreSQL documentation, appendix A."""

from __future__ import annotations

# libpq gives no code for a login that fails, so it is read from the server's own sentence (never translated: before
# login there is no locale), or from libpq's when the server asked for a password and there was none to give.
_LOGIN = {
    "password authentication failed": "28P01",
    "no password supplied": "28P01",
    "no pg_hba.conf entry": "28000",
    "pg_hba.conf rejects": "28000",
    "Peer authentication failed": "28000",
    "is not permitted to log in": "28000",
    "permission denied for database": "42501",
}


def login_sqlstate(message: str) -> str:
    """Return the code of a failed login, empty when no server refused it (it is down, or its certificate is wrong)."""
    for sentence, code in _LOGIN.items():
        if sentence in message:
            return code
    return "FATAL" if "FATAL:" in message else ""


def is_refusal(code: str, wanted: str = "") -> bool:
    """Whether a code says that somebody may not do something: class 28 (login) or 42501 (privilege).

    :param wanted: when given, the only code that counts
    """
    return code == wanted if wanted else code.startswith("28") or code == "42501"
