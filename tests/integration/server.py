"""A small HTTP server with planted faults, as a process of its own: a generator must not share its interpreter.

Prints its port, then serves until its input ends. Paths: / and anything else answer 200; /slow?SECONDS answers late,
but to nobody else, and so does every path asked with X-Slow: SECONDS; /freeze?SECONDS stops the whole server;
/status/CODE; /close closes without an answer; /half breaks off; /garbage is not HTTP; /chunked; /limit?N answers 429
from the N+1st request on; /flaky?N fails the first N times; /health and /unhealthy are JSON; /echo repeats the request.
/known?ID answers and remembers when, by the monotonic clock that all processes of a machine share; /truth is JSON with
the time for each of those ids.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections import Counter
from http import HTTPStatus

COUNTS: Counter[str] = Counter()
ANSWERED: dict[int, float] = {}


def answer(status: int, body: bytes = b"ok", *headers: str) -> bytes:
    """Return an answer with a length."""
    rows = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(rows).encode() + b"\r\n\r\n" + body


def reply(path: str, number: float, request: bytes) -> bytes | None:
    """Return the bytes for a path, None to close the connection without any."""
    COUNTS[path] += 1
    seen = COUNTS[path]
    json_type = "Content-Type: application/json"
    if path == "/freeze":
        time.sleep(number)
    if path.startswith("/status/"):
        return answer(int(path.rpartition("/")[2]), b"<html><title>As you asked</title></html>")
    if path == "/health":
        return answer(200, json.dumps({"status": "up", "checks": {"database": {"status": "up"}}}).encode(), json_type)
    if path == "/unhealthy":
        checks = {"database": {"status": "down", "error": "connection refused data1:5432"}, "cache": {"status": "up"}}
        return answer(503, json.dumps({"status": "down", "checks": checks}).encode(), json_type)
    if path == "/limit":
        return answer(429, b"", "Retry-After: 7") if seen > number else answer(200)
    if path == "/limit-without-retry-after":
        return answer(429) if seen > number else answer(200)
    if path == "/flaky":
        return answer(503) if seen <= number else answer(200)
    if path == "/known":
        ANSWERED[int(number)] = time.monotonic()
    if path == "/truth":
        return answer(200, json.dumps(ANSWERED).encode(), json_type)
    if path == "/echo":
        return answer(500, json.dumps({"error": request.decode("latin-1")}).encode(), json_type)
    return {
        "/close": None,
        "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "/garbage": b"SSH-2.0-OpenSSH_10.0\r\n\r\n",
        "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\n",
        "/until-close": b"HTTP/1.0 200 OK\r\n\r\nto the end",
        "/redirect": answer(301, b"", "Location: /"),
    }.get(path, answer(200))


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection's requests, in turn."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            path, _, query = target.partition("?")
            for line in head.lower().split(b"\r\n"):
                if line.startswith(b"x-slow:"):
                    await asyncio.sleep(float(line.partition(b":")[2]))
                if line.startswith(b"content-length:"):
                    await reader.readexactly(int(line.partition(b":")[2]))
            if path == "/slow":
                await asyncio.sleep(float(query))
            data = reply(path, float(query or 0), head)
            if data is None:
                break
            writer.write(data)
            await writer.drain()
            if path in ("/half", "/garbage", "/until-close", "/then-close"):
                break
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client went away, as clients do
    finally:
        writer.close()


async def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cert")
    parser.add_argument("--key")
    arguments = parser.parse_args()
    context = None
    if arguments.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert, arguments.key)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
