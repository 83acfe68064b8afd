"""A connection to the Runtime API's port: HTTP/1.1, as far as runtimes speak it, on asyncio and httptools.

This is half of the hot path, so the protocol is written by hand: it keeps nothing of a request but what the Runtime
API and the Extensions API use, and answers with one write. What the requests mean is the port's to know.
"""

from __future__ import annotations

import asyncio
import base64
import http
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, cast

import httptools

from lambdalab import upgrade
from lambdalab.runtimes.runtime_event import Event

RESPONSE_LIMIT = 6_291_556
"""Bytes of result that an invocation may post (AWS's own text names the figure)."""
HELD_LIMIT = RESPONSE_LIMIT + (2 << 20)
"""Bytes of requests that are not whole yet, of all connections of an environment together: one result of the largest
size, and more than any head. Whoever goes on beyond is dropped: what a function sends is the region's memory."""
_ERROR_TYPE, _ERROR_BODY = b"lambda-runtime-function-error-type", b"lambda-runtime-function-error-body"
_HEAD_END = b"\r\n\r\n"
_MODE, _CONTENT_TYPE, _EXPECT = b"lambda-runtime-function-response-mode", b"content-type", b"expect"
_EXTENSION, _EXTENSIONS_OWN = b"lambda-extension-", ("name", "identifier", "accept-feature", "function-error-type")
_READ_LENGTHS = frozenset(map(len, (_ERROR_TYPE, _MODE, _CONTENT_TYPE, _EXPECT)))
_READ_LENGTHS |= {len(_EXTENSION) + len(name) for name in _EXTENSIONS_OWN}
"""Lengths of the headers that say something: most are told apart by that alone."""
_REASONS = {int(status): status.phrase for status in http.HTTPStatus}


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


@dataclass(slots=True)
class Request:
    """What is kept of a request as it comes: the headers that say something, and a body that no `stream` takes.

    A body over the limit is `too_large`, and dropped.
    """

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
    too_large: bool = False

    def body(self) -> bytes:
        """Its body, put together."""
        return self.chunks[0] if len(self.chunks) == 1 else b"".join(self.chunks)

    def trailed_error(self) -> tuple[str, bytes] | None:
        """The error that stands behind the pieces of an answer, in its trailers; the document is base64 there."""
        if not self.error_type:
            return None
        try:
            return self.error_type, base64.b64decode(self.error_body, validate=True)
        except ValueError:
            return self.error_type, self.error_body


class Port(Protocol):
    """What the connections of one port have in common, and who knows what their requests mean."""

    held: int
    """Bytes of requests that are not whole yet, of all of them."""

    def entered(self, connection: Connection) -> None:
        """A connection was made: say whether it may go on."""

    def left(self, connection: Connection) -> None:
        """A connection ended."""

    def begun(self, connection: Connection, request: Request) -> Stream | None:
        """The head of a request is here whose body comes as a stream: who takes its pieces, if anybody does."""

    def route(self, connection: Connection, request: Request, method: bytes) -> None:
        """A whole request is here: answer it, now or later; of one whose pieces were taken this is the end."""

    def poll(self, connection: Connection) -> None:
        """The runtime asks for its next event, in the words of its last poll."""


class Connection(asyncio.Protocol):
    """One connection: parses requests, has them routed, and answers them in order."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request()
        self._transport: asyncio.Transport | None = None
        self._unsent = b""
        self._poll = b""
        """The bytes of the last poll: a runtime polls in the same words each time, which need not be parsed again."""
        self._asked = False
        """Whether what is being read asked for an event: only that is to be learned as a poll."""
        self.polling = False
        """Whether it waits for an event; answers are kept back until there is one."""
        self._waits, self._early = False, b""
        """Whether nothing is read for now, and what has come all the same."""
        self._last = False
        """Whether the peer wants the connection closed after the answer: HTTP/1.0, or `Connection: close`."""
        self._refused = False
        """Whether nothing more is heard, although it has come."""
        self._held = 0

    # -- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Have the peer let in, or dropped before a byte of it is read."""
        self._transport = cast("asyncio.Transport", transport)
        self._port.entered(self)

    @property
    def addresses(self) -> tuple[tuple[str, int], tuple[str, int]] | None:
        """The peer's address and our own; None once the peer has gone."""
        if self._transport is None:
            return None
        peer, local = self._transport.get_extra_info("peername"), self._transport.get_extra_info("sockname")
        return (peer[:2], local[:2]) if peer and local else None

    def wait(self) -> None:
        """Read nothing for now."""
        if self._transport is not None:
            self._waits = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read what was sent and what comes; harmless when nothing waited."""
        if self._transport is not None and self._waits:
            self._waits = False
            self._transport.resume_reading()
            data, self._early = self._early, b""
            if data:
                self._hold(-len(data))
                self.data_received(data)
            self._send_unsent()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Forget the connection, and what it had begun to say: the parser and this know each other."""
        self._transport = None
        self._hold(-self._held)
        self._request = Request()
        del self._parser
        self._port.left(self)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a peer that does not speak HTTP, or does not come to an end, is dropped."""
        if self._waits:
            self._keep_for_later(data)
            return
        begins = not self._held and not self._request.url
        if begins and data == self._poll:
            self._port.poll(self)
            return
        self._hold(len(data))
        if self._port.held > HELD_LIMIT:
            self.abort()
            return
        self._asked = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data if begins else b"", offer.args[0])
        except httptools.HttpParserError:
            self.abort()
        if self._unsent:
            self._send_unsent()
        if self._asked and begins and not self._last and data.find(_HEAD_END) == len(data) - len(_HEAD_END):
            self._poll = data

    def _decline(self, data: bytes, at: int) -> None:
        """Read a request that offers another protocol as if it did not."""
        plain = upgrade.declined(data, at)
        self._request = Request()
        self._hold(-self._held)
        if plain is None:
            self.abort()
        else:
            self._parser = httptools.HttpRequestParser(self)
            self.data_received(plain)

    def _keep_for_later(self, data: bytes) -> None:
        """uvloop begins to read after `connection_made`, whatever was said there: of whom nobody knows yet, too."""
        self._hold(len(data))
        if self._port.held > HELD_LIMIT:
            self.abort()
        elif self._transport is not None:
            self._early += data
            self._transport.pause_reading()

    def asks(self) -> None:
        """The request that is being routed asks for the next event."""
        self.polling = self._asked = True

    def _hold(self, size: int) -> None:
        self._held += size
        self._port.held += size

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
            request.stream = self._port.begun(self, request)
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
            request.too_large = True
            request.chunks.clear()
            self._hold(-self._held)
        return None

    def on_message_complete(self) -> None:
        """The whole request is here: have it routed."""
        if self._refused or self._parser.should_upgrade():  # of an upgrade the body is not here: `_decline` follows
            return
        self._last = not self._parser.should_keep_alive()
        request = self._request
        self._request = Request()
        self._port.held -= self._held
        self._held = 0
        self._port.route(self, request, self._parser.get_method())

    # -- answers

    def send_event(self, event: Event, deadline_ms: int) -> None:
        """Hand out the event to a runtime that polls."""
        self.polling = False
        self._write(event.encode(deadline_ms))

    def accept(self) -> None:
        """Take an answer that came in pieces."""
        self.answer(202)

    @property
    def closed(self) -> bool:
        """Whether the peer has gone."""
        return self._transport is None

    def reply(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer a request long after it was routed, or at once."""
        more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.answer(status, body, more)
        self._write(b"")

    def answer(self, status: int, body: bytes = b'{"status":"OK"}', more: str = "") -> None:
        """Answer the request that is being routed; `more` are lines of the head. It is sent when that is done."""
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{more}"
        self._unsent += f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    def refuse(self, status: int, body: bytes) -> None:
        """Answer so at once, and read no more here: a poll that was sent along would take an event that the runtime,
        which fails over this answer, does not live to handle."""
        self.answer(status, body, "Connection: close\r\n")
        self._refused = self._last = True
        self._write(b"")

    def _send_unsent(self) -> None:
        # A peer that polled without reading our last answer does not wait for it: it goes with the event.
        if self._unsent and not self.polling:
            self._write(b"")

    def _write(self, data: bytes) -> None:
        data, self._unsent = self._unsent + data, b""
        if self._transport is not None:
            self._transport.write(data)
            if self._last:
                self._transport.close()
