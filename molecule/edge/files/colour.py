"""A double of the application: one colour, told from its port, which says what reached it and too much about itself."""

import http.server
import json
import sys
import threading
import time
import urllib.parse

PORT = int(sys.argv[1])
COLOUR = "blue" if PORT % 2 else "green"
GO = threading.Event()


class Colour(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is one packet

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/slow":
            time.sleep(float(urllib.parse.parse_qs(url.query)["seconds"][0]))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {
            "release": COLOUR,
            "port": PORT,
            "path": self.path,
            "headers": {name.lower(): text for name, text in self.headers.items()},
        }
        body = json.dumps(said).encode().rjust(1000)
        self.send_response(404 if url.path == "/missing" else 200)  # with a Server header
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Powered-By", "the double")
        self.send_header("X-Golive-Colour", "red")
        self.send_header("X-Frame-Options", "ALLOWALL")
        self.end_headers()
        if url.path == "/wait":  # a byte now and then, until /go is asked for
            while not GO.wait(0.2):
                self.wfile.write(b" ")
                self.wfile.flush()
                body = body[1:]
        elif url.path == "/go":
            GO.set()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_):
        """Say nothing."""


http.server.ThreadingHTTPServer(("", PORT), Colour).serve_forever()
