"""The Runtime API of one execution environment: its own port, its own protocol, on asyncio and httptools.

This is half of the hot path, so the protocol is written by hand: it keeps nothing of a request but what the
Runtime API uses, and answers with one write. The other half of the design is identity. Each environment has
its own port, and a connection is answered only when the sandbox says that one of its own processes opened it:
the port alone therefore says who is speaking. What is not the runtime's to ask goes to `extensions_api`, which is
not even made before somebody asks.

Reference: `lambda-contract.md` section 18.
"""

from __future__ import annotations

import asyncio
import base64
import http
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import httptools

RESPONSE_LIMIT = 6_291_556
"""Bytes of result that an invocation may post (AWS's own text names the figure)."""
HELD_LIMIT = RESPONSE_LIMIT + (2 << 20)
"""Bytes of requests that are not whole yet, of all connections of an environment together: one result of the largest
size, and more than any head. Whoever goes on beyond is dropped: what a function sends is the region's memory."""
_PREFIX = b"/2018-06-01/runtime/"
_ERROR_TYPE, _ERROR_BODY = b"lambda-runtime-function-error-type", b"lambda-runtime-function-error-body"
_MODE, _CONTENT_TYPE, _EXPECT = b"lambda-runtime-function-response-mode", b"content-type", b"expect"
_EXTENSION, _EXTENSIONS_OWN = b"lambda-extension-", ("name", "identifier", "accept-feature", "function-error-type")
_READ_LENGTHS = frozenset(map(len, (_ERROR_TYPE, _MODE, _CONTENT_TYPE, _EXPECT)))
_READ_LENGTHS |= {len(_EXTENSION) + len(name) for name in _EXTENSIONS_OWN}
"""Lengths of the headers that say something: most are told apart by that alone."""
_ANSWERED = (
    b'{"errorMessage":"State transition is not allowed: the invocation has its answer",'
    b'"errorType":"InvalidStateTransition"}'
)
_REASONS = {int(status): status.phrase for status in http.HTTPStatus}


@dataclass(frozen=True, slots=True)
class Event:
    """What `GET invocation/next` hands out: the body, and the headers as they are on the wire."""

    request_id: str
    body: bytes
    invoked_arn: str
    trace_id: str
    client_context: str | None = None

    def encode(self, deadline_ms: int) -> bytes:
        """The whole HTTP answer. The deadline (epoch milliseconds) is known only when the event is handed out."""
        context = f"Lambda-Runtime-Client-Context: {self.client_context}\r\n" if self.client_context else ""
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            f"Lambda-Runtime-Aws-Request-Id: {self.request_id}\r\n"
            f"Lambda-Runtime-Deadline-Ms: {deadline_ms}\r\n"
            f"Lambda-Runtime-Invoked-Function-Arn: {self.invoked_arn}\r\n"
            f"Lambda-Runtime-Trace-Id: {self.trace_id}\r\n"
            f"{context}Content-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


class Listener(Protocol):
    """What the environment does with what its runtime says of invocations."""

    def polled(self, connection: Connection) -> None:
        """The runtime asks for the next event; answer with `connection.send_event`, now or later."""

    def responded(self, request_id: str, body: bytes, *, too_large: bool) -> bool:
        """The runtime answers an invocation. Returns whether that invocation was waiting."""

    def failed(self, request_id: str, body: bytes, error_type: str) -> bool:
        """The runtime reports an invocation's error. Returns whether that invocation was waiting."""

    def is_answered(self, request_id: str) -> bool:
        """Whether that invocation has its answer already: the first one stands."""

    def streams(self, request_id: str, content_type: str, source: Source) -> Stream | None:
        """The runtime begins to answer an invocation piece by piece; None when that invocation was not waiting."""


class InitListener(Protocol):
    """What the environment does with what its runtime says of its init, and of a restore."""

    def init_failed(self, body: bytes, error_type: str) -> None:
        """The runtime reports that its init failed."""

    def asks_to_be_restored(self, connection: Connection) -> bool:
        """The runtime has run its before-snapshot hooks; answer with `connection.reply` when its snapshot is restored.

        False where no snapshot is made of it.
        """

    def restore_failed(self, body: bytes, error_type: str) -> None:
        """The runtime reports that an after-restore hook failed."""


class Stream(Protocol):
    """An answer that comes in pieces."""

    def piece(self, data: bytes) -> None:
        """The next piece."""

    def end(self, error: tuple[str, bytes] | None) -> None:
        """All pieces are here; the error's type and document where the runtime stopped for one."""


class Source(Protocol):
    """Where an answer comes from in pieces: the connection of its runtime."""

    def wait(self) -> None:
        """Read nothing for now: the runtime's writes wait once what lies between is full."""

    def go_on(self) -> None:
        """Read on."""

    def accept(self) -> None:
        """Tell the runtime that its answer has arrived. Called once after the answer's end, then or later."""


class Others(Protocol):
    """Who answers what is not the runtime's to ask: `extensions_api.ExtensionsApi`."""

    def handle(self, connection: Connection, method: bytes, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """Answer by `connection.reply`, now or later."""


Admit = Callable[[tuple[str, int], tuple[str, int]], bool]
"""Whether the connection (peer address, local address) is from a process of the environment."""


class RuntimeApi:
    """The listening port of one environment. `start` it, put `address` in the sandbox, `close` it at the end.

    `others` makes what answers the requests that are not the runtime's; without it they are unknown paths.
    """

    def __init__(
        self, listener: Listener, init_listener: InitListener, others: Callable[[], Others] | None = None
    ) -> None:
        self.listener = listener
        self.init_listener = init_listener
        self.others = others
        self._admit: Admit | None = None
        self.address = ""
        self.held = 0
        """Bytes of requests that are not whole yet."""
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self, listen: str = "127.0.0.1", call: str = "127.0.0.1") -> None:
        """Listen on a free port of the address `listen`; the processes call the host `call`.

        Nobody is answered until `let_in` says who is.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), listen, 0, backlog=16)
        self.address = f"{call}:{self._server.sockets[0].getsockname()[1]}"

    def let_in(self, admit: Admit) -> None:
        """From now on answer those whom `admit` knows, also of those who came before it was known whom to expect.

        A small program connects before its backend has heard that it is started.
        """
        self._admit = admit
        for connection in list(self._connections):
            self._check(connection)

    def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.abort()

    def entered(self, connection: Connection) -> None:
        """A connection was made: let it in, drop it, or have it wait until that is known."""
        self._connections.add(connection)
        if self._admit is None:
            connection.wait()
        else:
            self._check(connection)

    def _check(self, connection: Connection) -> None:
        if self._admit is not None and self._admit(*connection.addresses):
            connection.go_on()
        else:
            connection.abort()

    def left(self, connection: Connection) -> None:
        """A connection ended."""
        self._connections.discard(connection)


@dataclass(slots=True)
class _Request:
    url: bytes = b""
    error_type: str = ""
    error_body: bytes = b""
    content_type: str = ""
    streaming: bool = False
    expects: bool = False
    stream: Stream | None = None
    extension: dict[str, str] | None = None
    chunks: list[bytes] = field(default_factory=list)
    size: int = 0

    def body(self) -> bytes:
        return self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)


class Connection(asyncio.Protocol):
    """One connection of a runtime: parses requests and answers them in order."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._parser = httptools.HttpRequestParser(self)
        self._request = _Request()
        self._transport: asyncio.Transport | None = None
        self._unsent = b""
        self._polling = False
        self._held = 0

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the peer let in, or dropped before a byte of it is read."""
        self._transport = cast("asyncio.Transport", transport)
        self._api.entered(self)

    @property
    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]]:
        """The peer's address and our own."""
        assert self._transport is not None, "asked while it is being made"
        peer, local = self._transport.get_extra_info("peername"), self._transport.get_extra_info("sockname")
        return peer[:2], local[:2]

    def wait(self) -> None:
        """Read nothing for now."""
        if self._transport is not None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read what was sent and what comes; harmless when nothing waited."""
        if self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()
            self._send_unsent()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection, and what it had begun to say: the parser and this know each other."""
        self._transport = None
        self._hold(-self._held)
        self._request = _Request()
        del self._parser
        self._api.left(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a peer that does not speak HTTP, or does not come to an end, is dropped."""
        self._hold(len(data))
        if self._api.held > HELD_LIMIT:
            self.abort()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()
        if self._unsent:
            self._send_unsent()

    def _hold(self, size: int) -> None:
        self._held += size
        self._api.held += size

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    # -- httptools' side

    def on_url(self, url: bytes) -> None:
        """Its path."""
        self._request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those that say something are kept."""
        if len(name) in _READ_LENGTHS:
            self._keep(name.lower(), value)

    def _keep(self, name: bytes, value: bytes) -> None:
        request = self._request
        if name == _CONTENT_TYPE:
            request.content_type = value.decode("latin-1")
        elif name == _ERROR_TYPE:
            request.error_type = value.decode("utf-8", "replace")
        elif name == _ERROR_BODY:
            request.error_body = value
        elif name == _MODE:
            request.streaming = value.lower() == b"streaming"
        elif name == _EXPECT:
            request.expects = value.lower() == b"100-continue"
        elif name.startswith(_EXTENSION):
            request.extension = request.extension or {}
            request.extension[name[len(_EXTENSION) :].decode()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        """An answer that comes in pieces is passed on from here; a client that waits for leave gets it."""
        request = self._request
        if request.streaming and self._parser.get_method() == b"POST":
            parts = request.url[len(_PREFIX) :].decode("ascii", "replace").split("/")
            if len(parts) == 3 and parts[0] == "invocation" and parts[2] == "response":
                request.stream = self._api.listener.streams(parts[1], request.content_type, self)
        if request.expects and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of its body; what is over the limit is counted and dropped."""
        request = self._request
        if request.stream is not None:
            self._hold(-self._held)
            return request.stream.piece(body)
        request.size += len(body)
        if request.size <= RESPONSE_LIMIT:
            request.chunks.append(body)
        else:
            request.chunks.clear()
            self._hold(-self._held)
        return None

    def on_message_complete(self) -> None:
        """The whole request is here: route it."""
        request, method = self._request, self._parser.get_method()
        self._request = _Request()
        self._hold(-self._held)
        if not request.url.startswith(_PREFIX):
            return self._pass_on(request, method)
        path = request.url[len(_PREFIX) :].decode("ascii", "replace")
        if method == b"GET" and path == "invocation/next":
            self._polling = True
            return self._api.listener.polled(self)
        if request.stream is not None:
            return request.stream.end(_trailed(request))
        if method == b"POST" and path == "init/error":
            self._api.init_listener.init_failed(request.body(), request.error_type or "Unhandled")
            return self._answer(202)
        if path.startswith("restore/"):
            return self._restore(request, method, path)
        if method == b"POST":
            return self._conclude(request, path)
        return self._answer(405, b'{"errorMessage":"method not allowed","errorType":"InvalidRequest"}')

    def _restore(self, request: _Request, method: bytes, path: str) -> None:
        """SnapStart's two paths. The poll is answered with the restore; elsewhere they are unknown, as on AWS."""
        listener = self._api.init_listener
        if (method, path) == (b"POST", "restore/error"):
            listener.restore_failed(request.body(), request.error_type or "Unhandled")
            return self._answer(202)
        if (method, path) == (b"GET", "restore/next") and listener.asks_to_be_restored(self):
            return None
        return self._unknown()

    def _unknown(self) -> None:
        return self._answer(404, b'{"errorMessage":"unknown path","errorType":"InvalidRequest"}')

    def _pass_on(self, request: _Request, method: bytes) -> None:
        if self._api.others is None:
            return self._unknown()
        path = request.url.partition(b"?")[0].decode("utf-8", "replace")
        return self._api.others().handle(self, method, path, request.extension or {}, request.body())

    def _conclude(self, request: _Request, path: str) -> None:
        parts = path.split("/")
        if len(parts) != 3 or parts[0] != "invocation" or parts[2] not in {"response", "error"}:
            return self._unknown()
        too_large = request.size > RESPONSE_LIMIT
        if parts[2] == "response":
            known = self._api.listener.responded(parts[1], request.body(), too_large=too_large)
        else:
            known = self._api.listener.failed(parts[1], request.body(), request.error_type or "Unhandled")
        if not known and self._api.listener.is_answered(parts[1]):
            return self._answer(403, _ANSWERED)
        if not known:
            return self._answer(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')
        return self._answer(413 if too_large else 202)

    # -- answers

    def send_event(self, event: Event, deadline_ms: int) -> None:
        """Hand out the event to a runtime that polls."""
        self._polling = False
        self._write(event.encode(deadline_ms))

    def accept(self) -> None:
        """Take an answer that came in pieces."""
        self._answer(202)

    @property
    def closed(self) -> bool:
        """Whether the peer has gone."""
        return self._transport is None

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send an answer of `others`, at once or long after the request."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._answer(status, body, more)
        self._write(b"")

    def _answer(self, status: int, body: bytes = b'{"status":"OK"}', more: str = "") -> None:
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{more}"
        self._unsent += f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def _send_unsent(self) -> None:
        # A peer that polled without reading our last answer does not wait for it: it goes with the event.
        if self._unsent and not self._polling:
            self._write(b"")

    def _write(self, data: bytes) -> None:
        data, self._unsent = self._unsent + data, b""
        if self._transport is not None:
            self._transport.write(data)


def _trailed(request: _Request) -> tuple[str, bytes] | None:
    """The error that stands behind the pieces of an answer, in its trailers; the document is base64 there."""
    if not request.error_type:
        return None
    try:
        return request.error_type, base64.b64decode(request.error_body, validate=True)
    except ValueError:
        return request.error_type, request.error_body


def error_document(error_type: str, message: str) -> dict[str, Any]:
    """The body of a failure that the platform, not the runtime, reports; keys in AWS's order."""
    return {"errorType": error_type, "errorMessage": message}
