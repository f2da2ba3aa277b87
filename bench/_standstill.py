"""The server of bench/load_probe.py: answers each request after DELAY seconds, and stands still when asked to.

Prints its port, then serves until its input ends. /known?ID remembers when it answered, by the clock that all processes
of a machine share; /truth tells that for each id; /stand-still?SECONDS stops the whole server.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

DELAY = float(sys.argv[1])
HEAD = b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n"  # ab wants to be told
ANSWERED: dict[str, float] = {}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one connection's requests, in turn."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path, _, query = head.split(b" ", 2)[1].decode().partition("?")
            body = b"ok"
            if path == "/stand-still":
                time.sleep(float(query))  # everybody waits
            elif path == "/truth":
                body = json.dumps(ANSWERED).encode()
            else:
                await asyncio.sleep(DELAY)
            if path == "/known":
                ANSWERED[query] = time.monotonic()
            writer.write(HEAD % len(body) + body)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main() -> None:
    """Serve until the input ends."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # a generator that hangs up is no news
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    sys.exit(0)  # kept connections would be waited for


asyncio.run(main())
