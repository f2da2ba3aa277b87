"""A double of the application: one colour, told from its port, that fails as /run/fault-PORT says (JSON)."""

import http.server
import json
import pathlib
import random
import sys
import time

PORT = int(sys.argv[1])
COLOUR = "blue" if PORT % 2 else "green"
FAULT = pathlib.Path(f"/run/fault-{PORT}")


class Colour(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        fault = json.loads(FAULT.read_text()) if FAULT.exists() else {}
        status = 200
        if self.path == "/ready":
            status = fault.get("ready", 200)
        else:
            time.sleep(fault.get("seconds", 0))
            if random.random() < fault.get("error", 0):
                status = 500
        body = json.dumps({"release": COLOUR}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


http.server.ThreadingHTTPServer(("", PORT), Colour).serve_forever()
