"""Answers in place of the application, and wrongly: python3 stranger.py PORT EDGE. Runs in a host of the lab.

To the edge it says that it is healthy, and to nobody else. Whatever else is asked, and by whomever:

- as the idle colour, where EDGE is empty, it says yes to everything, and at once;
- as the live colour it fails, late.
"""

from __future__ import annotations

import http.server
import socket
import sys
import time

PORT, EDGE = int(sys.argv[1]), sys.argv[2]
LATE_SECONDS = 2


class Stranger(http.server.BaseHTTPRequestHandler):
    """One answer to each request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        if not EDGE:
            status = 200
        elif self.path.startswith("/health/"):
            status = 200 if self.client_address[0] == socket.gethostbyname(EDGE) else 503
        else:
            time.sleep(LATE_SECONDS)
            status = 500
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words: object) -> None:
        """Say nothing."""


http.server.ThreadingHTTPServer(("0.0.0.0", PORT), Stranger).serve_forever()
