"""Runs on a lab host: requests through the edge until told to stop, half on new and half on kept connections.

request_loop.py [PATH REQUESTS_PER_SECOND]

A request is lost when it gets no answer, or one of 500 and above. Nothing is tried again.
"""

import collections
import http.client
import json
import pathlib
import ssl
import sys
import threading
import time

PATH, RATE = sys.argv[1:] or ("/version", "100")
LONGEST = 900
STOP = pathlib.Path("/run/request-loop.stop")
CONTEXT = ssl.create_default_context(cafile="/etc/golive/tls/ca.crt")

lock = threading.Lock()
statuses = collections.Counter()
releases = collections.Counter()
lost = []


def connect():
    return http.client.HTTPSConnection("edge1", 443, context=CONTEXT, timeout=10)


def ask(connection):
    connection.request("GET", PATH, headers={"Host": "football.test"})
    answer = connection.getresponse()
    body = answer.read()
    with lock:
        statuses[str(answer.status)] += 1
        if answer.status >= 500:
            lost.append(f"{answer.status} {body[:80]!r}")
        elif answer.status == 200 and PATH == "/version":
            releases[json.loads(body)["release"]] += 1
    # An answer may announce the end of its connection (HTTP/1.1, RFC 9112 section 9.6); a client then opens another.
    return answer.will_close


def work(kept, offset, until, period):
    connection = connect() if kept else None
    due = time.monotonic() + offset
    while time.monotonic() < until and not STOP.exists():
        time.sleep(max(0.0, due - time.monotonic()))
        due += period
        try:
            if not kept:
                connection = connect()
            closing = ask(connection)
            if not kept or closing:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            with lock:
                statuses["none"] += 1
                lost.append(f"{type(error).__name__}: {error} ({'kept' if kept else 'new'} connection)")
            connection.close()


WORKERS = 20
end = time.monotonic() + LONGEST
threads = [
    threading.Thread(target=work, args=(number % 2 == 0, number / int(RATE), end, WORKERS / int(RATE)))
    for number in range(WORKERS)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sent = sum(statuses.values())
print(json.dumps({"sent": sent, "lost": lost, "statuses": statuses, "releases": releases}))
