"""An application without a database: tells its release, and what it was given."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    """Health and version are the same here."""

    def do_GET(self) -> None:
        """Answer."""
        secret = Path("/run/secrets/api_key")
        body = json.dumps(
            {
                "release": os.environ["GOLIVE_RELEASE"],
                "colour": os.environ["GOLIVE_COLOUR"],
                "greeting": os.environ.get("GREETING"),
                "secret_bytes": len(secret.read_text()) if secret.exists() else 0,
                "uid": os.getuid(),
            }
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if os.environ.get("BROKEN"):
    raise SystemExit("no stadium found")
ThreadingHTTPServer(("", 8000), Answer).serve_forever()
