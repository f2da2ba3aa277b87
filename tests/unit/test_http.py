"""Requests as they go over the wire, answers as they come in pieces."""

from __future__ import annotations

import pytest
from golive_core.http import MAX_BODY, NoAnswer, ResponseParser, printable, request_bytes, target

# --- targets


@pytest.mark.parametrize(
    ("url", "address", "expected"),
    [
        ("http://app/", "", ("app", 80, "/", "app", "app")),
        ("https://edge.example", "10.0.0.2", ("edge.example", 443, "/", "10.0.0.2", "edge.example")),
        ("http://app:8002/health/?full=1", "", ("app", 8002, "/health/?full=1", "app", "app:8002")),
        ("http://[::1]:80/x", "", ("::1", 80, "/x", "::1", "[::1]")),
        ("https://[::1]:80/x", "", ("::1", 80, "/x", "::1", "[::1]:80")),
    ],
)
def test_a_url_is_taken_apart(url: str, address: str, expected: tuple[object, ...]) -> None:
    aim = target(url, address)
    assert (aim.host, aim.port, aim.path, aim.address, aim.authority) == expected


def test_where_leaves_out_a_query_which_may_hold_a_key() -> None:
    assert target("https://edge.example/x?key=s3cr3t").where == "https://edge.example/x?…"


def test_printable_leaves_out_what_cannot_be_sent() -> None:
    assert printable("a\ud800\x07b é 察") == "a b é 察"


def test_where_names_the_address_only_when_it_is_another() -> None:
    assert target("https://edge.example/x", "10.0.0.2").where == "https://edge.example/x via 10.0.0.2"
    assert target("https://edge.example/x").where == "https://edge.example/x"


@pytest.mark.parametrize(
    "url", ["", "edge.example", "ftp://edge/", "http:///x", "http://a:99999/", "http://u:p@a/", "http://a/b c"]
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        target(url)


def test_a_password_in_a_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValueError, match="Authorization") as caught:
        target("http://user:hunter2@app/")
    assert "hunter2" not in str(caught.value)


# --- requests


def test_a_request_goes_over_the_wire_as_asked() -> None:
    wire = request_bytes(target("http://app:8002/x"), "POST", {"X-Token": 7}, {"a": "ä"})
    head, _, body = wire.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /x HTTP/1.1"
    assert {"host: app:8002", "x-token: 7", "content-type: application/json", "content-length: 11"} < set(lines)
    assert body.decode() == '{"a": "ä"}'


def test_given_headers_win() -> None:
    wire = request_bytes(target("http://app/"), headers={"Host": "other", "Content-Type": "text/x"}, body=[1])
    assert b"host: other\r\n" in wire
    assert b"content-type: text/x\r\n" in wire
    assert wire.count(b"host:") == 1


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("get", {}),
        ("GET /x HTTP/1.1\r\nA:", {}),
        ("GET", {"A\r\nB": "1"}),
        ("GET", {"A": "1\r\nB: 2"}),
        ("GET", {"": "1"}),
    ],
)
def test_nothing_can_break_a_request_apart(method: str, headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"method|header"):
        request_bytes(target("http://app/"), method, headers)


# --- answers

ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo", 200, b"foo", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nfoo", 200, b"foo", False),
    (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    (
        b"HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\nA;x=1\r\n0123456789\r\n0\r\n\r\n",
        200,
        b"foo0123456789",
        True,
    ),
    (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nf\r\n0\r\nTrailer: 1\r\nOther: 2\r\n\r\n",
        200,
        b"f",
        True,
    ),
    (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        204,
        b"",
        True,
    ),
    (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", False),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", 200, b"ok", True),
]


@pytest.mark.parametrize(("wire", "status", "body", "keep"), ANSWERS)
@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_an_answer_is_read_however_it_is_cut(wire: bytes, status: int, body: bytes, keep: bool, size: int) -> None:
    parser = ResponseParser()
    pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
    assert [parser.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert (parser.status, bytes(parser.body), parser.keep_alive, parser.surplus) == (status, body, keep, False)


def test_an_answer_without_length_ends_with_the_connection() -> None:
    parser = ResponseParser()
    assert not parser.feed(b"HTTP/1.1 200 OK\r\n\r\nto the end")
    assert parser.end()
    assert (bytes(parser.body), parser.keep_alive) == (b"to the end", False)


@pytest.mark.parametrize(
    "wire",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfoo\r\n",
    ],
)
def test_an_answer_that_breaks_off_is_not_complete(wire: bytes) -> None:
    parser = ResponseParser()
    assert not parser.feed(wire)
    assert not parser.end()


def test_the_answer_to_head_has_no_body() -> None:
    assert ResponseParser("HEAD").feed(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")


def test_bytes_after_an_answer_are_noticed() -> None:
    parser = ResponseParser()
    assert parser.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab")
    assert parser.surplus


def test_headers_of_one_name_are_joined_and_names_ignore_case() -> None:
    parser = ResponseParser()
    parser.feed(b"HTTP/1.1 200 OK\r\nVary: a\r\nVARY: b\r\nContent-Length: 0\r\n\r\n")
    assert parser.header("vary") == "a, b"
    assert parser.header("absent") is None


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (b"SSH-2.0-x\r\n\r\n", "not an HTTP/1 answer: 'SSH-2.0-x'"),
        (b"\x16\x03\x01 binary\r\n\r\n", "not an HTTP/1 answer"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "not a header: 'no colon'"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length is '-1'"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "a chunk has the size b'xyz'"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "the header is longer than"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"0" * 70_000, "a chunk has no size"),
    ],
)
def test_what_is_not_http_is_said_so(wire: bytes, said: str) -> None:
    with pytest.raises(NoAnswer, match=r".") as caught:
        ResponseParser().feed(wire)
    assert caught.value.kind == "protocol"
    assert said in str(caught.value)


def test_a_body_without_end_is_cut_off() -> None:
    parser = ResponseParser(keep_body=False)
    parser.feed(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * MAX_BODY)
    with pytest.raises(NoAnswer, match="the body is longer"):
        parser.feed(b"x")
