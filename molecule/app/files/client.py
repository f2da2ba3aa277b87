"""Ask a URL ten times a second until SIGTERM; then write down how often that was, and what went wrong."""

import json
import signal
import sys
import time
import urllib.request
from pathlib import Path

url, file = sys.argv[1:]
seen = {"sent": 0, "lost": []}


def end(*_: object) -> None:
    """Write it down."""
    Path(file).write_text(json.dumps(seen), encoding="utf-8")
    sys.exit()


signal.signal(signal.SIGTERM, end)
while True:
    seen["sent"] += 1
    try:
        urllib.request.urlopen(url, timeout=5).read()
    except OSError as error:
        seen["lost"].append(str(error))
    time.sleep(0.1)
