"""An application that costs next to nothing, so that a hundred of it fit on one machine: tells its release."""

import asyncio
import json
import os

RELEASE = json.dumps({"release": os.environ["GOLIVE_RELEASE"]})
ANSWERS = {
    "/version": ("200 OK", RELEASE),
    "/health": ("200 OK", '{"status": "ok"}'),
    "/closed": ("401 Unauthorized", '{"error": "no key"}'),
}


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until it is closed."""
    try:
        while request := await reader.readuntil(b"\r\n\r\n"):
            status, body = ANSWERS.get(request.split(b" ", 2)[1].decode(), ("404 Not Found", '{"error": "not there"}'))
            head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write((head + body).encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    """Listen."""
    server = await asyncio.start_server(answer, "0.0.0.0", 8000)
    await server.serve_forever()


asyncio.run(main())
