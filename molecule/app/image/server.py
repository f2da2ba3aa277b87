"""An application without a database: tells its release, and what it was given. It keeps its API keys in memory."""

import hashlib
import json
import os
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

# What it had before anybody described it. Of these it does not know the hash.
KEYS = {name: {"state": "active", "scopes": [], "expires": None} for name in ("former", "support")}
HERE = "http://app:8000/keys"  # as a container of the same network finds the one that serves


class Answer(BaseHTTPRequestHandler):
    """Health and version are the same here."""

    def do_GET(self) -> None:
        """Answer."""
        if self.path == "/keys":
            self.say([{"name": name, **key} for name, key in KEYS.items()])
            return
        secret = Path("/run/secrets/api_key")
        self.say(
            {
                "release": os.environ["GOLIVE_RELEASE"],
                "colour": os.environ["GOLIVE_COLOUR"],
                "greeting": os.environ.get("GREETING"),
                "secret_bytes": len(secret.read_text()) if secret.exists() else 0,
                "uid": os.getuid(),
            }
        )

    def do_POST(self) -> None:
        """Change a key."""
        name, changes = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        KEYS[name] = KEYS.get(name, {}) | changes
        print("key", name, json.dumps(KEYS[name], sort_keys=True), flush=True)
        self.say("done")

    def say(self, what: object) -> None:
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def ask(change: object = None) -> str:
    data = None if change is None else json.dumps(change).encode()
    with urllib.request.urlopen(HERE, data, timeout=10) as answer:
        said: str = answer.read().decode()
        return said


def run(command: str, *words: str) -> None:
    """Run one of the commands for keys, in a container of its own."""
    if command == "list":
        print(ask())
    elif command == "issue":
        name, *given = words
        expires = next((word.removeprefix("until=") for word in given if word.startswith("until=")), None)
        scopes = [word for word in given if not word.startswith("until=")]
        digits = hashlib.sha256(sys.stdin.readline().strip().encode()).hexdigest()[:16]
        ask([name, {"state": "active", "scopes": scopes, "expires": expires, "sha256": digits}])
    elif command == "revoke":
        ask([words[0], {"state": "revoked"}])
    else:
        print("there is no command", command, file=sys.stderr)
        sys.exit(2)


if os.environ.get("BROKEN"):
    raise SystemExit("no stadium found")
if sys.argv[1:]:
    run(*sys.argv[1:])
else:
    ThreadingHTTPServer(("", 8000), Answer).serve_forever()
