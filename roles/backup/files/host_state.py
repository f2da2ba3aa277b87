"""Keep a host's own state on the backup host.

    golive-state.service           send: pack it, encrypt it, and bring it to the backup host. As root, on every host
    golive-state-receiver.service  receive: take what the hosts send. As postgres, on the backup host

What leaves a host is encrypted for a key whose private half no host has. A host is known by its certificate. It can add
an archive of its own; it can neither read, change nor remove one.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import json
import os
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golive_core import host_state
from golive_core.systemd import tell_systemd

SETTINGS = Path(os.environ.get("GOLIVE_STATE_SETTINGS", "/etc/golive/state/settings.json"))
SPARE = 256 * 1024**2
BLOCK = 1 << 20
SECONDS = 60  # without a byte


class Failed(Exception):
    """The message is one sentence."""


def log(sentence: str) -> None:
    """Write a line to the journal."""
    print(sentence, flush=True)


def write(path: Path, text: str, mode: int = 0o640) -> None:
    """Write a file in one step."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.chmod(mode)
    draft.replace(path)


def context(settings: Mapping[str, Any], purpose: ssl.Purpose) -> ssl.SSLContext:
    """Return how both ends show and ask for the certificate of a host."""
    made = ssl.create_default_context(purpose, cafile=settings["ca"])
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.verify_mode = ssl.CERT_REQUIRED
    made.load_cert_chain(settings["cert"], settings["key"])
    return made


# --- on the backup host


class Store:
    """The archives, one directory for each host."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take the settings that role backup wrote."""
        self.directory = Path(settings["directory"])
        self.days, self.most = settings["keep_days"], settings["max_bytes"]
        self.locks: dict[str, threading.Lock] = defaultdict(threading.Lock)  # one host does not wait for another

    def add(self, host: str, source: Any, size: int) -> str:
        """Keep an archive of a host, and return its name; raises Failed."""
        free = shutil.disk_usage(self.directory).free
        if not 0 < size <= self.most:
            raise Failed(f"an archive may have {self.most} bytes, this has {size}; see backup_state_max_mb")
        if free < size + SPARE:
            raise Failed(f"{self.directory} has {free >> 20} MiB free, wanted {(size + SPARE) >> 20}")
        with self.locks[host]:
            place = self.directory / host
            place.mkdir(mode=0o750, exist_ok=True)
            draft = place / ".new"
            draft.unlink(missing_ok=True)
            with draft.open("wb") as output:
                left = size
                while left and (block := source.read(min(left, BLOCK))):
                    if left == size and not block.startswith(host_state.BEGINS):
                        raise Failed("what came is not encrypted, and is not kept")
                    output.write(block)
                    left -= len(block)
                if left:
                    raise Failed(f"{left} of {size} bytes did not come")
                os.fsync(output.fileno())
            draft.chmod(0o640)
            owner = self.directory.stat()
            for path in (place, draft):
                os.chown(path, owner.st_uid, owner.st_gid)
            now = time.time()
            name = host_state.name_of(now)
            draft.replace(place / name)
            for old in host_state.superfluous([path.name for path in place.iterdir()], self.days, now):
                (place / old).unlink()
        log(f"{host}: {name}, {size} bytes")
        return name


class Server(http.server.ThreadingHTTPServer):
    """Takes what the hosts send."""

    daemon_threads = True

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take the settings that role backup wrote."""
        super().__init__((settings["address"], settings["port"]), Handler)
        self.store, self.hosts = Store(settings), settings["hosts"]
        self.context = context(settings, ssl.Purpose.CLIENT_AUTH)

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        """Accept, and leave what may take its time to the thread."""
        plain, peer = super().get_request()
        plain.settimeout(SECONDS)
        return self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), peer

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002  # its signature
        """Say in one line who did not come through."""
        log(f"{client_address[0]} was not answered: {sys.exc_info()[1]}")


class Handler(http.server.BaseHTTPRequestHandler):
    """One request of a host."""

    server: Server
    connection: ssl.SSLSocket
    timeout = SECONDS

    def setup(self) -> None:
        """Ask for the certificate."""
        self.request.do_handshake()
        super().setup()

    def do_PUT(self) -> None:
        """Keep what comes."""
        subject = (self.connection.getpeercert() or {}).get("subject", ())
        names = [value for part in subject for key, value in part if key == "commonName"]
        host = self.server.hosts.get(names[-1] if names else "")
        if self.path != "/state" or not host:
            self._answer(403, f"nothing is kept for {names or 'nobody'}")
            return
        try:
            self._answer(201, self.server.store.add(host, self.rfile, int(self.headers.get("Content-Length") or 0)))
        except (Failed, ValueError, OSError) as error:
            log(f"{host}: {error}")
            self._answer(507, str(error))

    def _answer(self, code: int, text: str) -> None:
        body = text.encode()
        self.close_connection = True
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing of each request; what was kept is said."""


# --- on every host


def pack(settings: Mapping[str, Any], archive: Path) -> int:
    """Write the encrypted archive; return how many files are in it."""
    with archive.open("wb") as output:
        archive.chmod(0o600)
        command = ["age", "--encrypt", "--recipient", settings["recipient"]]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.PIPE) as cipher:
            assert cipher.stdin
            assert cipher.stderr
            broken = ""
            try:
                files = host_state.pack(settings["paths"], settings["host"], settings["app"], cipher.stdin)
            except BrokenPipeError:
                files, broken = 0, "it ended"
            with contextlib.suppress(BrokenPipeError):
                cipher.stdin.close()
            said = cipher.stderr.read().decode(errors="replace").strip()
    if cipher.returncode or broken:
        raise Failed(f"age did not encrypt: {said or broken or cipher.returncode}")
    return files


def bring(settings: Mapping[str, Any], archive: Path) -> str:
    """Bring it to the backup host; return under which name it is kept there."""
    size = archive.stat().st_size
    with archive.open("rb") as body:
        if settings["local"]:
            return Store(settings).add(settings["host"], body, size)
        where = f"{settings['address']}:{settings['port']}"
        asking = http.client.HTTPSConnection(
            settings["address"],
            settings["port"],
            timeout=SECONDS,
            context=context(settings, ssl.Purpose.SERVER_AUTH),
        )
        try:
            asking.request("PUT", "/state", body=body, headers={"Content-Length": str(size)})
            answer = asking.getresponse()
            said = answer.read(1000).decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise Failed(f"{where} did not take it: {error or type(error).__name__}") from None
        finally:
            asking.close()
    if answer.status != 201:
        raise Failed(f"{where} did not keep it: {said}")
    return said


def send(settings: Mapping[str, Any]) -> bool:
    """Pack, encrypt, bring, and write down how it went."""
    state = Path(settings["state_dir"])
    told: dict[str, Any] = {"ok": False, "started": time.time(), "problems": []}
    archive = state / "outgoing.age"
    try:
        told["files"] = pack(settings, archive)
        told["bytes"] = archive.stat().st_size
        told["label"] = bring(settings, archive)
        told["labels"], told["ok"] = [told["label"]], True
        log(f"{told['files']} files, {told['bytes']} bytes, kept as {told['label']}")
    except (Failed, OSError, host_state.sqlite3.Error) as error:
        told["problems"].append(f"{settings['host']}: {' '.join(str(error).split())}")
        log(told["problems"][0])
    finally:
        archive.unlink(missing_ok=True)
    told["finished"] = time.time()
    write(state / "sent.json", json.dumps(told, indent=1) + "\n")
    metrics = Path(settings["metrics"])
    if told["ok"] and metrics.parent.is_dir():
        name = "golive_state_backup_timestamp_seconds"
        text = f"# HELP {name} When the state of this host was last kept on the backup host.\n# TYPE {name} gauge\n"
        write(metrics, f"{text}{name} {told['finished']:.0f}\n", 0o644)
    return bool(told["ok"])


def main() -> int:
    """Do what the unit asks for."""
    settings = json.loads(SETTINGS.read_text(encoding="utf-8"))
    if sys.argv[1:] == ["send"]:
        return 0 if send(settings) else 1
    if sys.argv[1:] == ["receive"]:
        try:
            server = Server(settings)
        except OSError as error:
            address = f"{settings['address']}:{settings['port']}"
            log(f"The hosts' state cannot be taken at {address}: {error}. `ss -ltnp` says who listens there.")
            return 1
        tell_systemd("READY=1")
        server.serve_forever()
    log("usage: send or receive")
    return 2


if __name__ == "__main__":
    sys.exit(main())
