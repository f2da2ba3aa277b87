"""The Redis protocol, against literal bytes and against a server of our own on loopback."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator

import pytest
from golive_core import resp


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"+PONG\r\n", "PONG"),
        (b":42\r\n", 42),
        (b"$5\r\nhe\r\no\r\n", "he\r\no"),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"*3\r\n$1\r\na\r\n:1\r\n*0\r\n", ["a", 1, []]),
    ],
)
def test_replies_are_read(wire: bytes, reply: resp.Reply) -> None:
    assert resp.read_reply(io.BytesIO(wire)) == reply


def test_an_error_reply_is_a_refusal() -> None:
    with pytest.raises(resp.Refused, match="NOPERM this user"):
        resp.read_reply(io.BytesIO(b"-NOPERM this user has no permissions\r\n"))


@pytest.mark.parametrize("wire", [b"", b"\x15\x03\x03\x00\x02\x02\x46"])
def test_a_server_that_closes_or_sends_a_tls_alert_refuses(wire: bytes) -> None:
    with pytest.raises(resp.Refused, match="without a reply"):
        resp.read_reply(io.BytesIO(wire))


def test_another_protocol_is_not_taken_for_redis() -> None:
    with pytest.raises(ValueError, match="not a Redis reply"):
        resp.read_reply(io.BytesIO(b"HTTP/1.1 400 Bad Request\r\n"))


def test_a_command_is_sent_as_bulk_strings_with_their_length_in_bytes() -> None:
    assert resp.encode(["SET", "k", "é"]) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\n\xc3\xa9\r\n"


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_silence_is_not_a_refusal(silent_port: int) -> None:
    with pytest.raises(resp.Unreachable, match="no reply within"):
        resp.ask("127.0.0.1", silent_port, [["PING"]], timeout=0.1)


def test_a_closed_port_is_not_a_refusal() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free = server.getsockname()[1]
    with pytest.raises(resp.Unreachable, match="refused"):
        resp.ask("127.0.0.1", free, [["PING"]], timeout=1.0)


def test_login_comes_first_and_the_last_reply_is_returned() -> None:
    heard: list[bytes] = []

    def serve(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            for answer in (b"+OK\r\n", b":7\r\n"):
                heard.append(connection.recv(1024))
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        reply = resp.ask("127.0.0.1", server.getsockname()[1], [["DBSIZE"]], user="u", password="p")
        thread.join(timeout=5)
    assert reply == 7
    assert heard == [resp.encode(["AUTH", "u", "p"]), resp.encode(["DBSIZE"])]
