"""Get a certificate by ACME when it is time, and put it into service without a reload of HAProxy.

    golive-certificate.service      renew: ask when it is due, then serve what is not served yet
    certbot, for a DNS-01 challenge present | cleanup: call the operator's hook

What could not be put into service is tried again at the next run, with no new certificate asked for.
"""

from __future__ import annotations

import fcntl
import grp
import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from golive_core import certificate, haproxy

SETTINGS = Path(os.environ["GOLIVE_ACME_SETTINGS"])  # what role tls wrote; the hook for DNS lies beside it
STATE = Path("/var/lib/golive-acme")  # accounts, keys and certificates of certbot
LIVE = STATE / "live" / "golive"
ASKED = STATE / "directory"  # who issued what LIVE holds
TRIES = 5  # certbot sends a request with a refused nonce twice, and a server may well refuse two in a row


class Failed(Exception):
    """The message is one sentence."""


def log(sentence: str) -> None:
    """Write a line to the journal."""
    print(sentence, flush=True)


def read(path: str | Path) -> str:
    """Return the content of a file; nothing when there is none."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


class Service:
    """One run."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take the settings that role tls wrote."""
        self.directory: str = settings["directory"]
        self.names: list[str] = settings["names"]
        self.renew_days: float = settings["renew_days"]
        self.authority: str = settings["authority"]
        self.files: dict[str, str] = settings["files"]
        self.group: str = settings["group"]
        self.port: int = settings["port"]
        self.address: str = settings["address"]
        self.settings = settings
        self.pem = self.files["pem"]

    def examine(self) -> certificate.Certificate:
        """Return what certbot last brought; raises certificate.Unfit."""
        return certificate.examine(read(LIVE / "fullchain.pem"), read(LIVE / "privkey.pem"), self.authority, self.names)

    def wanted_because(self) -> str:
        """Return why to ask for a certificate now, or nothing."""
        if not (LIVE / "fullchain.pem").exists():
            return "there is none"
        if read(ASKED) != self.directory:
            return f"the last one came from {read(ASKED) or 'elsewhere'}"
        try:
            return certificate.due(self.examine(), self.renew_days, time.time())
        except certificate.Unfit as error:
            return str(error)

    def ask(self) -> None:
        """Let certbot get a new certificate."""
        command = [
            *("certbot", "certonly", "--non-interactive", "--agree-tos", "--force-renewal", "--renew-with-new-domains"),
            *("--cert-name", "golive", "--server", self.directory, "--domains", ",".join(self.names)),
            *("--config-dir", str(STATE), "--work-dir", str(STATE / "work"), "--logs-dir", str(STATE / "log")),
            *("--max-log-backups", "20", "--key-type", "ecdsa", "--elliptic-curve", "secp256r1"),
            *(("--email", mail) if (mail := self.settings["email"]) else ("--register-unsafely-without-email",)),
            *(self.by_dns() if self.settings["challenge"] == "dns-01" else self.by_http()),
        ]
        environment = dict(os.environ)
        if self.settings["directory_authority"]:
            environment["REQUESTS_CA_BUNDLE"] = self.settings["directory_authority"]
        for left in reversed(range(TRIES)):
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                ASKED.write_text(self.directory, encoding="utf-8")
                return
            output = done.stdout + done.stderr
            if not (left and certificate.nonce_refused(read(STATE / "log" / "letsencrypt.log"))):
                break
            log("the server refused a nonce twice, asking again")
        raise Failed(
            f"{self.directory} issued no certificate for {', '.join(self.names)}: "
            f"{certificate.certbot_reason(output)}. What is served stays; see {STATE}/log"
        )

    def by_http(self) -> list[str]:
        """Answer behind HAProxy; before it first runs it has no certificate yet, and port 80 is free."""
        try:
            socket.create_server(("", 80)).close()
            where = ["--http-01-port", "80"]
        except OSError:
            where = ["--http-01-address", "127.0.0.1", "--http-01-port", str(self.port)]
        return ["--standalone", "--preferred-challenges", "http", *where]

    @staticmethod
    def by_dns() -> list[str]:
        """Let the operator's hook publish the answers."""
        this = f"{sys.executable} {Path(__file__).parent}"
        hooks = ["--manual-auth-hook", f"{this} present", "--manual-cleanup-hook", f"{this} cleanup"]
        return ["--manual", "--preferred-challenges", "dns", *hooks]

    def serve(self, found: certificate.Certificate) -> None:
        """Put what certbot brought into the files and into HAProxy."""
        chain, key = read(LIVE / "fullchain.pem"), read(LIVE / "privkey.pem")
        new = {self.files["cert"]: chain, self.files["key"]: key, self.pem: chain + key}
        old = {path: content for path in new if (content := read(path))}
        if old == new:
            return
        handed = certificate.exchange(new, old, self.write, self.hand, lambda: self.prove(chain, found.serial))
        where = "served" if handed else "in place, HAProxy does not serve it yet"
        log(f"the certificate with serial {found.serial} is {where}")

    def write(self, files: Mapping[str, str]) -> None:
        """Replace files, each in one step."""
        group = grp.getgrnam(self.group).gr_gid
        for path, content in files.items():
            secret = path != self.files["cert"]
            new = Path(f"{path}.new")
            new.unlink(missing_ok=True)
            new.touch(0o600, exist_ok=False)
            with new.open("w", encoding="utf-8") as file:
                file.write(content)
                os.fchown(file.fileno(), 0, group if secret else 0)
                os.fchmod(file.fileno(), 0o640 if secret else 0o644)
                file.flush()
                os.fsync(file.fileno())
            new.rename(path)

    def hand(self, files: Mapping[str, str]) -> bool:
        """Give HAProxy the new file, if it serves it."""
        ask = haproxy.master(within_seconds=5)
        try:
            ask("show proc")
        except haproxy.EdgeError:
            return False  # it does not run, and reads the file when it starts
        return certificate.hand_to_haproxy(ask, self.settings["served_as"], files[self.pem])

    def prove(self, chain: str, serial: str) -> None:
        """Look at the wire."""
        wanted = ssl.PEM_cert_to_DER_cert(chain[: chain.index("-----END") + len("-----END CERTIFICATE-----")])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it was examined; here counts which it is
        try:
            with socket.create_connection((self.address, 443), 5) as plain:
                with context.wrap_socket(plain, server_hostname=self.names[0]) as wrapped:
                    seen = wrapped.getpeercert(binary_form=True)
        except OSError as error:
            raise haproxy.EdgeError(f"{self.address}:443 does not answer over TLS: {error}") from error
        if seen != wanted:
            raise haproxy.EdgeError(f"{self.address}:443 does not show the certificate with serial {serial}")

    def renew(self) -> None:
        """Ask when it is time, and serve what is not served yet."""
        if reason := self.wanted_because():
            log(f"asking {self.directory} for a certificate for {', '.join(self.names)}: {reason}")
            self.ask()
        try:
            found = self.examine()
            self.serve(found)
        except certificate.Unfit as error:
            raise Failed(f"the certificate from {self.directory} is not put into service: {error}") from error
        except haproxy.EdgeError as error:
            raise Failed(f"the certificate from {self.directory} was taken back, the old one stays: {error}") from error


def challenge(what: str) -> None:
    """Call the operator's hook as `HOOK present|cleanup NAME VALUE`, its settings on standard input."""
    name = "_acme-challenge." + os.environ["CERTBOT_DOMAIN"]
    with SETTINGS.with_name("dns-settings").open(encoding="utf-8") as settings:
        subprocess.run(
            [SETTINGS.with_name("dns-hook"), what, name, os.environ["CERTBOT_VALIDATION"]], stdin=settings, check=True
        )


def main() -> None:
    """Do what the one argument says."""
    what = sys.argv[1]
    if what in ("present", "cleanup"):
        challenge(what)
        return
    with (STATE / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Service(json.loads(SETTINGS.read_text(encoding="utf-8"))).renew()


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        sys.exit(str(error))
