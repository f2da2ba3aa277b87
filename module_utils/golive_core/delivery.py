"""Sends messages: tried again with growing pauses, told once, kept on disk while a receiver cannot be reached."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import smtplib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from . import http, notify
from .notify import Message, Receiver

KEEP_SECONDS = 7 * 86_400.0  # what could not be told for a week is news to nobody
MOST_KEPT = 1000
ANSWER_SECONDS = 5.0
IMPLICIT_TLS = 465


class NotTold(Exception):
    """A receiver did not take a message. The sentence names no address beyond host and port: paths hold tokens."""


@dataclass(frozen=True)
class Outcome:
    """What became of one message for one receiver. `state`: sent, again (was told before), kept."""

    receiver: str
    kind: str
    state: str
    tries: int = 0
    why: str = ""
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return what the record keeps of it."""
        row = {"receiver": self.receiver, "kind": self.kind, "state": self.state, "tries": self.tries}
        return {**row, "seconds": round(self.seconds, 3), **({"why": self.why} if self.why else {})}


# --- one try


def send(receiver: Receiver, message: Message, language: str, directory: Path, timeout: float = ANSWER_SECONDS) -> None:
    """Tell one receiver, once.

    :param directory: where a receiver of kind file has its file, messages.jsonl, unless it names another
    :param timeout: seconds for one answer
    :raises NotTold: when it was not taken
    """
    language = str(receiver.get("language") or language)
    kind, now = receiver["kind"], time.time()
    try:
        if kind == "email":
            _send_mail(receiver, message, language, now, timeout)
        elif kind == "file":
            path = Path(receiver.get("path") or directory / "messages.jsonl")
            line = json.dumps({"time": now, **notify.as_json(message, language)}, ensure_ascii=False)
            with _private(path, "a") as file:
                file.write(line + "\n")
        else:
            token = _token(receiver, timeout) if kind == "wecom_app" else ""
            request = notify.post(receiver, message, language, now, token)
            _ask(receiver, request.url, timeout, "POST", dict(request.body), request.headers)
    except http.NoAnswer as error:
        raise NotTold(str(error)) from error
    except smtplib.SMTPResponseException as error:
        raise NotTold(f"{receiver['server']} answered {error.smtp_code} {_first(error.smtp_error)}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(f"{who}: {said[0]} {_first(said[1])}" for who, said in error.recipients.items())
        raise NotTold(f"{receiver['server']} refused {codes}") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        where = receiver.get("server") or receiver.get("path") or "its address"
        raise NotTold(f"{where}: {str(error).lower() or type(error).__name__}") from error


def _private(path: Path, mode: str) -> IO[str]:
    """Open a file for writing that only its owner reads: "a" to append, "w" anew."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "a" else os.O_TRUNC)
    return os.fdopen(os.open(path, flags, 0o600), mode, encoding="utf-8")


def _first(said: bytes | str) -> str:
    whole = said.decode(errors="replace") if isinstance(said, bytes) else said
    return whole.splitlines()[0][:200] if whole else ""


def _ask(
    receiver: Receiver,
    url: str,
    timeout: float,
    method: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    aim = http.target(url)
    answer = http.fetch(
        aim, method=method, headers=headers, body=body, timeout=timeout, ca_file=str(receiver.get("ca_file") or "")
    )
    if why := notify.refused(receiver["kind"], answer.status, answer.body):
        raise NotTold(f"{aim.scheme}://{aim.authority} {why}")
    return answer.body


def _token(receiver: Receiver, timeout: float) -> str:
    try:
        return str(json.loads(_ask(receiver, notify.token_url(receiver), timeout, "GET"))["access_token"])
    except (KeyError, TypeError) as error:
        raise NotTold("WeCom gave no access_token") from error


def _send_mail(receiver: Receiver, message: Message, language: str, now: float, timeout: float) -> None:
    host, port = notify.smtp_server(receiver["server"])
    # Not the context for HTTP: some mail servers end the handshake over its protocol names.
    context = ssl.create_default_context(cafile=str(receiver.get("ca_file") or "") or None)
    with contextlib.ExitStack() as stack:
        if port == IMPLICIT_TLS:
            server: smtplib.SMTP = stack.enter_context(smtplib.SMTP_SSL(host, port, timeout=timeout, context=context))
        else:
            server = stack.enter_context(smtplib.SMTP(host, port, timeout=timeout))
            if receiver.get("tls", True):
                server.starttls(context=context)
        if receiver.get("user"):
            server.login(str(receiver["user"]), str(receiver.get("password") or ""))
        server.send_message(notify.mail(receiver, message, language, now))


# --- the spool


class Spool:
    """A directory with what is still to be told, and what was told lately.

    waiting/KEY.json holds a message and the name of its receiver, never the receiver's secrets; told.json the keys of
    what was told, with the time. Several processes may use it.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.waiting = directory / "waiting"
        self._told = directory / "told.json"

    def key(self, receiver: str, message: Message) -> str:
        """Return what names a message for a receiver."""
        return hashlib.sha256(f"{receiver}\n{message.id}".encode()).hexdigest()[:32]

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the spool for a moment."""
        self.waiting.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _private(self.directory / "lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def put(self, receiver: str, message: Message, why: str) -> None:
        """Keep a message on disk until it is told."""
        row = {"receiver": receiver, "message": message.as_dict(), "why": why, "since": time.time()}
        with self.locked():
            path = self.waiting / f"{self.key(receiver, message)}.json"
            if path.exists():
                with contextlib.suppress(ValueError, KeyError):
                    row["since"] = json.loads(path.read_text("utf-8"))["since"]
            self._write(path, row)

    def take(self, receiver: str, message: Message) -> None:
        """Forget a message that was told, and remember that it was."""
        now = time.time()
        with self.locked():
            key = self.key(receiver, message)
            (self.waiting / f"{key}.json").unlink(missing_ok=True)
            told = {name: when for name, when in self._read_told().items() if now - when < KEEP_SECONDS}
            self._write(self._told, {**told, key: now})

    def told(self, receiver: str, message: Message, within: float) -> bool:
        """Return whether this was told in the last so many seconds."""
        return time.time() - self._read_told().get(self.key(receiver, message), -within) < within

    def rows(self) -> list[tuple[str, Message, float]]:
        """Return receiver, message and time (seconds since 1970) of what waits, oldest first; old rows are dropped."""
        found = []
        for path in self.waiting.glob("*.json"):
            try:
                row = json.loads(path.read_text("utf-8"))
                found.append((float(row["since"]), str(row["receiver"]), Message.of(row["message"]), path))
            except (OSError, ValueError, KeyError, TypeError):
                continue  # told by another process meanwhile, or half written by one that died
        found.sort(key=lambda row: row[0])
        late = [row for row in found if time.time() - row[0] > KEEP_SECONDS] + found[: max(0, len(found) - MOST_KEPT)]
        for row in late:
            row[3].unlink(missing_ok=True)
        return [
            (receiver, message, since) for since, receiver, message, path in found if path not in {r[3] for r in late}
        ]

    def _read_told(self) -> dict[str, float]:
        try:
            return {str(key): float(when) for key, when in json.loads(self._told.read_text("utf-8")).items()}
        except (OSError, ValueError, AttributeError):
            return {}

    @staticmethod
    def _write(path: Path, data: Any) -> None:
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        with _private(draft, "w") as file:
            json.dump(data, file, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


# --- all receivers


@dataclass(frozen=True)
class Policy:
    """How messages are sent: tries, seconds before the second try (doubled each time), seconds for one answer."""

    tries: int = 3
    pause: float = 1.0
    timeout: float = ANSWER_SECONDS
    within: float = KEEP_SECONDS  # the same news again within so many seconds is not told again


def tell(
    receivers: Sequence[Receiver],
    message: Message,
    spool: Spool,
    language: str,
    how: Policy = Policy(),
    sleep: Callable[[float], None] = time.sleep,
) -> list[Outcome]:
    """Tell every receiver that wants a message, all at once; what fails is kept in the spool.

    :returns: one outcome each; none when nobody wants it
    """

    def one(receiver: Receiver) -> Outcome:
        name, begin, why = str(receiver["name"]), time.monotonic(), ""
        if spool.told(name, message, how.within):
            return Outcome(name, receiver["kind"], "again")
        # On disk before the first try: a process that dies in it has not lost the message.
        spool.put(name, message, "")
        for attempt in range(1, how.tries + 1):
            try:
                send(receiver, message, language, spool.directory, how.timeout)
            except NotTold as error:
                why = str(error)
                if attempt < how.tries:
                    sleep(how.pause * 2 ** (attempt - 1))
            else:
                spool.take(name, message)
                return Outcome(name, receiver["kind"], "sent", attempt, "", time.monotonic() - begin)
        spool.put(name, message, why)
        return Outcome(name, receiver["kind"], "kept", how.tries, why, time.monotonic() - begin)

    wanting = [receiver for receiver in receivers if notify.wants(receiver, message)]
    if not wanting:
        return []
    with ThreadPoolExecutor(max_workers=min(8, len(wanting))) as pool:
        return list(pool.map(one, wanting))


def tell_waiting(
    receivers: Sequence[Receiver], spool: Spool, language: str, timeout: float = ANSWER_SECONDS
) -> list[Outcome]:
    """Try once to tell everything that waits; a receiver that is no longer there is told nothing any more."""
    by_name = {str(receiver["name"]): receiver for receiver in receivers}
    done, unreachable = [], set()
    for name, message, _ in spool.rows():
        receiver = by_name.get(name)
        if receiver is None or name in unreachable:
            continue
        begin = time.monotonic()
        try:
            send(receiver, message, language, spool.directory, timeout)
        except NotTold as error:
            unreachable.add(name)  # the others of this receiver would wait for the same answer
            done.append(Outcome(name, receiver["kind"], "kept", 1, str(error), time.monotonic() - begin))
        else:
            spool.take(name, message)
            done.append(Outcome(name, receiver["kind"], "sent", 1, "", time.monotonic() - begin))
    return done


def sentence(event: str, outcomes: Sequence[Outcome]) -> str:
    """Return what became of a message: who was told, who was not and why."""
    if not outcomes:
        return f"{event}: nobody was told, for no receiver wants it"
    told = [outcome.receiver for outcome in outcomes if outcome.state != "kept"]
    kept = [f"{outcome.receiver} ({outcome.why})" for outcome in outcomes if outcome.state == "kept"]
    parts = ([f"told {', '.join(told)}"] if told else []) + ([f"NOT told, kept: {', '.join(kept)}"] if kept else [])
    return f"{event}: " + "; ".join(parts)
