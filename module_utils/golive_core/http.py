"""A small HTTP/1.1 client that says where the time went.

One connection per request. Redirects are answers like any other and are not followed: a 301 is not a 200.
"""

from __future__ import annotations

import functools
import json
import re
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

MAX_HEAD = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
_RECEIVE = 64 * 1024
_NO_BODY = (204, 304)


class NoAnswer(Exception):
    """No complete answer came. `kind` is one of dns, connect, timeout, tls, closed, protocol."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


@dataclass(frozen=True)
class Target:
    """Where a URL leads.

    `host` is the name for Host and the certificate, `address` what is connected to.
    """

    scheme: str
    host: str
    port: int
    path: str
    address: str

    @property
    def authority(self) -> str:
        """Return the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == {"http": 80, "https": 443}[self.scheme] else f"{host}:{self.port}"

    @property
    def where(self) -> str:
        """Return what to call this target in a sentence."""
        via = f" via {self.address}" if self.address != self.host else ""
        path, mark, _ = self.path.partition("?")  # a query may hold a key, and a sentence goes into the record
        return f"{self.scheme}://{self.authority}{path}{'?…' if mark else ''}{via}"


def target(url: str, address: str = "") -> Target:
    """Take a URL apart.

    :param url: http or https, without user and password
    :param address: connect to this name or address; the URL's host when empty
    :raises ValueError: when it is no such URL
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url} has no valid port: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https URL")
    if parts.username is not None:
        raise ValueError(f"the URL of {parts.hostname} holds a user name: give it in the header Authorization")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if re.search(r"[\x00-\x20\x7f]", path):
        raise ValueError(f"{url!r} holds a space or a control character")
    return Target(
        scheme=parts.scheme,
        host=parts.hostname,
        port=port or {"http": 80, "https": 443}[parts.scheme],
        path=path,
        address=address or parts.hostname,
    )


def encode_body(body: Any) -> tuple[bytes, str]:
    """Return a body as bytes, and its content type: JSON for a dictionary or a list, empty for text."""
    if body is None:
        return b"", ""
    if isinstance(body, Mapping | list):
        return json.dumps(body, ensure_ascii=False).encode(), "application/json"
    return str(body).encode(), ""


def request_bytes(
    aim: Target,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    body: Any = None,
    keep_alive: bool = False,
) -> bytes:
    """Return a whole request as it goes over the wire.

    :param headers: added to Host, User-Agent, Accept and what the body needs; given ones win
    :raises ValueError: when the method or a header could break the request apart
    """
    content, content_type = encode_body(body)
    rows = {"host": aim.authority, "user-agent": "golive", "accept": "*/*"}
    rows["connection"] = "keep-alive" if keep_alive else "close"
    if content_type:
        rows["content-type"] = content_type
    if content or method in ("POST", "PUT", "PATCH"):
        rows["content-length"] = str(len(content))
    rows |= {str(name).lower(): str(value) for name, value in (headers or {}).items()}
    if not re.fullmatch(r"[A-Z]+", method):
        raise ValueError(f"{method!r} is not an HTTP method")
    for name, value in rows.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name) or re.search(r"[\r\n\x00]", value):
            raise ValueError(f"header {name!r} is not valid in a request")
    head = f"{method} {aim.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in rows.items())
    return head.encode("utf-8") + b"\r\n" + content


# --- reading an answer


def _header(rows: Sequence[tuple[str, str]], name: str) -> str | None:
    found = [value for key, value in rows if key == name.lower()]
    return ", ".join(found) if found else None


class _Head(NamedTuple):
    """What stands before the body of an answer; `length` is None when it is not told."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    keep_alive: bool = False
    chunked: bool = False
    length: int | None = None


@functools.lru_cache(maxsize=16)  # under load most answers of a second begin with the same bytes
def _read_head(head: bytes) -> _Head:
    first, *lines = head.decode("latin-1").split("\r\n")
    match = re.match(r"HTTP/1\.([01]) (\d{3})(?: |$)", first)
    if match is None:
        raise NoAnswer("protocol", f"this is not an HTTP/1 answer: {printable(first)[:60]!r}")
    status = int(match[2])
    if 100 <= status < 200 and status != 101:
        return _Head(status)
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise NoAnswer("protocol", f"this is not a header: {printable(line)[:60]!r}")
        headers.append((name.strip().lower(), value.strip()))
    connection = (_header(headers, "connection") or "").lower()
    keep_alive = "close" not in connection and (match[1] == "1" or "keep-alive" in connection)
    chunked = "chunked" in (_header(headers, "transfer-encoding") or "").lower()
    length = _header(headers, "content-length")
    if length is not None and not chunked and not re.fullmatch(r"\d{1,15}", length):
        raise NoAnswer("protocol", f"Content-Length is {printable(length)[:60]!r}")
    return _Head(status, tuple(headers), keep_alive, chunked, None if chunked or length is None else int(length))


class ResponseParser:
    """Reads one answer piece by piece (RFC 9112): length, chunks or end of connection; 1xx answers are passed over."""

    def __init__(self, method: str = "GET", keep_body: bool = True) -> None:
        self.status = 0
        self.headers: Sequence[tuple[str, str]] = ()
        self.body = bytearray()
        self.done = False
        self.keep_alive = False
        self._method = method
        self._keep_body = keep_body
        self._buffer = bytearray()
        self._size = 0
        self._left: int | None = None  # bytes of the body, or of the present chunk; None: to the end of the connection
        self._in_body = False
        self._chunked = False
        self._trailer = False

    def feed(self, data: bytes) -> bool:
        """Take bytes in; return whether the answer is complete.

        :raises NoAnswer: of kind protocol, when this is not HTTP
        """
        self._buffer += data
        if not self._in_body and not self._read_head():
            return False
        return self._read_body()

    def end(self) -> bool:
        """Take in that the connection has ended; return whether the answer is complete."""
        if self._in_body and self._left is None:
            self.done = True
        return self.done

    def header(self, name: str) -> str | None:
        """Return a header's value, several joined by commas; None when it is absent."""
        return _header(self.headers, name)

    @property
    def surplus(self) -> bool:
        """Return whether bytes came that belong to no answer."""
        return bool(self._buffer)

    def _read_head(self) -> bool:
        while True:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > MAX_HEAD:
                    raise NoAnswer("protocol", f"the header is longer than {MAX_HEAD} bytes")
                return False
            head = _read_head(bytes(self._buffer[:end]))
            del self._buffer[: end + 4]
            self.status = head.status
            if not 100 <= self.status < 200 or self.status == 101:
                self._take_head(head)
                return True

    def _take_head(self, head: _Head) -> None:
        self.headers, self.keep_alive, self._chunked, self._left = head[1:]
        self._in_body = True
        if self._method == "HEAD" or self.status in _NO_BODY or self.status == 101:
            self._chunked, self._left = False, 0
        elif self._chunked:
            self._left = 0
        elif self._left is None:
            self.keep_alive = False

    def _read_body(self) -> bool:
        while not self.done:
            if self._left != 0:
                self._take()
                if self._left != 0:
                    return False
                if not self._chunked:
                    self.done = True
                continue
            if not self._chunked:
                self.done = True
            elif not self._read_chunk_size():
                return False
        return True

    def _take(self) -> None:
        size = len(self._buffer) if self._left is None else min(self._left, len(self._buffer))
        self._size += size
        if self._size > MAX_BODY:
            raise NoAnswer("protocol", f"the body is longer than {MAX_BODY} bytes")
        if self._keep_body:
            self.body += self._buffer[:size]
        del self._buffer[:size]
        if self._left is not None:
            self._left -= size

    def _read_chunk_size(self) -> bool:
        """Read the next chunk's size, or a line of the trailer; return False when more bytes are needed."""
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD:
                raise NoAnswer("protocol", "a chunk has no size")
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if self._trailer:
            self.done = not line
        elif line or not self._size:  # an empty line ends the chunk before
            match = re.match(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;|$)", line)
            if match is None:
                raise NoAnswer("protocol", f"a chunk has the size {line[:20]!r}")
            self._left = int(match[1], 16)
            self._trailer = self._left == 0
        return True


def printable(text: str) -> str:
    """Return a text without control characters and lone surrogates, as it may stand in a sentence."""
    return re.sub(r"[^\x20-\x7e\u00a0-\ud7ff\ue000-\uffff]+", " ", text)


# --- one request


@dataclass(frozen=True)
class Answer:
    """A complete answer.

    `seconds` is the time it took in all; `timings` says after how many of them `dns`, `connect`, `tls` and `first_byte`
    were reached.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    seconds: float
    timings: Mapping[str, float] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """Return a header's value, several joined by commas; None when it is absent."""
        return _header(self.headers, name)


@functools.lru_cache(maxsize=8)
def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Return a context that verifies chain and name, against this authority or else the system's.

    :raises NoAnswer: of kind tls, when the file cannot be read
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise NoAnswer("tls", f"the authority {ca_file} cannot be read: {_reason(error)}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def resolve(host: str, port: int, ip: int = 0) -> list[tuple[socket.AddressFamily, Any]]:
    """Return the addresses of a host, in the resolver's order.

    :param ip: only those of this version, 4 or 6; 0 for both
    :raises NoAnswer: of kind dns
    """
    family = {4: socket.AF_INET, 6: socket.AF_INET6}.get(ip, socket.AF_UNSPEC)
    try:
        rows = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        which = f" to an address of IPv{ip}" if ip else ""
        raise NoAnswer("dns", f"the name {host} cannot be resolved{which}: {_reason(error)}") from error
    return [(row[0], row[4]) for row in rows]


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def no_answer(error: BaseException, aim: Target) -> NoAnswer:
    """Return what an error of a socket means."""
    if isinstance(error, NoAnswer):
        return error
    place = f"{aim.address}:{aim.port}"
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return NoAnswer("tls", f"TLS with {place} failed: {_reason(error)}")
    if isinstance(error, ConnectionRefusedError):
        return NoAnswer("connect", f"{place} refused the connection")
    if isinstance(error, ConnectionError | ssl.SSLEOFError):
        return NoAnswer("closed", f"{place} closed the connection without a complete answer")
    return NoAnswer("connect", f"{place} cannot be reached: {_reason(error)}")


class _Clock:
    """Measures from one start, and gives a socket what is left of the time."""

    def __init__(self, timeout: float) -> None:
        self.start = time.perf_counter()
        self.timeout = timeout

    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    def limit(self, sock: socket.socket) -> None:
        left = self.timeout - self.elapsed()
        if left <= 0.0:
            raise TimeoutError
        sock.settimeout(left)


def _connect(
    addresses: Iterable[tuple[socket.AddressFamily, Any]], source_address: str, clock: _Clock
) -> socket.socket:
    failed: OSError | None = None
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            clock.limit(sock)
            if source_address:
                sock.bind((source_address, 0))
            sock.connect(address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as error:
            sock.close()
            failed = error
            if isinstance(error, TimeoutError):
                break
    raise failed or OSError("no address")


def fetch(
    aim: Target,
    *,
    method: str = "GET",
    headers: Mapping[str, Any] | None = None,
    body: Any = None,
    timeout: float = 5.0,
    ca_file: str = "",
    source_address: str = "",
    ip: int = 0,
) -> Answer:
    """Make one request on a connection of its own.

    :param timeout: seconds for everything together (only the name resolver keeps its own time)
    :param source_address: address of this host to ask from
    :param ip: version of the addresses to connect to, as in :func:`resolve`
    :raises NoAnswer: when no complete answer came in time
    """
    request = request_bytes(aim, method, headers, body)
    context = tls_context(ca_file) if aim.scheme == "https" else None
    timings: dict[str, float] = {}
    clock = _Clock(timeout)
    sock: socket.socket | None = None
    try:
        addresses = resolve(aim.address, aim.port, ip)
        timings["dns"] = clock.elapsed()
        sock = _connect(addresses, source_address, clock)
        timings["connect"] = clock.elapsed()
        if context is not None:
            clock.limit(sock)
            sock = context.wrap_socket(sock, server_hostname=aim.host)
            timings["tls"] = clock.elapsed()
        clock.limit(sock)
        sock.sendall(request)
        parser = ResponseParser(method)
        while not parser.done:
            clock.limit(sock)
            data = sock.recv(_RECEIVE)
            timings.setdefault("first_byte", clock.elapsed())
            if not data and not parser.end():
                raise NoAnswer("closed", f"{aim.address}:{aim.port} closed the connection without a complete answer")
            if data:
                parser.feed(data)
    except TimeoutError as error:
        at = "answer" if "connect" in timings else "connection"
        raise NoAnswer("timeout", f"no {at} from {aim.address}:{aim.port} within {timeout:g} s") from error
    except (OSError, NoAnswer) as error:
        raise no_answer(error, aim) from error
    finally:
        if sock is not None:
            sock.close()
    return Answer(parser.status, parser.headers, bytes(parser.body), clock.elapsed(), timings)
