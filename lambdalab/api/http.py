"""HTTP/1.1 as the gateway needs it: a protocol for uvicorn that hands over whole requests.

uvicorn listens, accepts and shuts down; this class stands where its own ASGI protocol would. ASGI's scope,
channels and events cost more per request than the whole of our signature check (`speed.md`), and buy nothing
here: every request of AWS's wire is small enough to be whole before it is looked at.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import http
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import httptools

from lambdalab import upgrade

if TYPE_CHECKING:
    from uvicorn import Config
    from uvicorn.server import ServerState

    from lambdalab.api.lifecycle import Lifecycle

BODY_LIMIT = 70_167_211
"""Bytes of a request (AWS names the figure in CreateFunction's refusal)."""
HELD_LIMIT = 4 * BODY_LIMIT
"""Bytes of requests that are not whole yet, of all connections together: anybody on this machine may send them, and
functions too, before a signature is looked at."""
_QUEUED = 4
"""Requests of a connection that wait behind the one under way before no more is read."""
_STATUS_LINE = {int(s): f"HTTP/1.1 {int(s)} {s.phrase}\r\n".encode() for s in http.HTTPStatus}
_NO_BODY = {204, 304}
_HASHED_AS_IT_COMES = 1 << 20
"""Bytes from which a body is hashed piece by piece: at once it would hold up the loop, and what is dropped is gone."""
_log = logging.getLogger("lambdalab.http")


@dataclass(slots=True)
class HttpRequest:
    """One request as it came. Header names are lower-case; `target` is the path and query, still encoded.

    `too_large` says that the body was over `BODY_LIMIT` and was not kept; `sha256` is the whole body's in any case
    where it was large, as a hex digest, and None where it is still to be made.
    """

    method: str = ""
    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    too_large: bool = False
    sha256: str | None = None


class HttpResponse(NamedTuple):
    """One answer: the length is added when it is written. `length` is stated instead in an answer to HEAD.

    A `stream` is sent piece by piece as it comes, in chunks, instead of a body. Where there may be no body, in
    answers to HEAD and with status 204 or 304, none is written whatever is given: the client would read it as the
    beginning of the next answer.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    length: int | None = None
    stream: AsyncIterator[bytes] | None = None

    def encode(self, *, to_head: bool = False) -> bytes:
        """The answer's bytes. Raises `ValueError` for a header that would be the end of the head."""
        parts = [_STATUS_LINE.get(self.status) or b"HTTP/1.1 %d \r\n" % self.status]
        for name, value in self.headers:
            parts += (name, b": ", value, b"\r\n")
        head = b"".join(parts)
        lines = len(self.headers) + 1
        if head.count(b"\r") != lines or head.count(b"\n") != lines or b"\0" in head:
            raise ValueError(f"the headers of an answer would end it: {self.headers!r}")
        if self.status in _NO_BODY:
            return head + b"\r\n"
        if self.stream is not None:
            return head + b"transfer-encoding: chunked\r\n\r\n"
        length = len(self.body) if self.length is None else self.length
        return b"%bcontent-length: %d\r\n\r\n%b" % (head, length, b"" if to_head else self.body)


Send = Callable[[HttpResponse], None]


class Responder(Protocol):
    """The gateway: it answers every request and raises nothing."""

    def respond_now(self, request: HttpRequest, send: Send) -> bool:
        """Take the request without a task, and `send` its answer later, from the loop; or return False."""

    async def respond(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request that `respond_now` left."""


@dataclass(slots=True)
class Held:
    """Bytes of requests that are not whole yet, of all connections of one server."""

    size: int = 0


class HttpProtocol(asyncio.Protocol):
    """One connection: requests are answered in the order they came, one at a time.

    `held` and `lifecycle` are the server's.
    """

    def __init__(
        self,
        held: Held,
        lifecycle: Lifecycle,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 - uvicorn's signature
        _loop: Any = None,
    ) -> None:
        if not config.loaded:
            config.load()
        self._responder = cast("Responder", config.loaded_app)
        self._lifecycle = lifecycle
        self._connections, self._tasks = server_state.connections, server_state.tasks
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._request = HttpRequest()
        self._chunks: list[bytes] = []
        self._size = 0
        self._hash: hashlib._Hash | None = None
        self._to_head = False
        self._waiting: deque[tuple[HttpRequest, bool]] = deque()
        self._busy = False
        self._keep_alive = True
        self._held, self._held_by_all = 0, held
        self._writable = asyncio.Event()
        self._writable.set()

    # -- asyncio's and uvicorn's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(cast("Any", self))  # uvicorn names its own classes only

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The client went; what runs for it runs on, as on AWS."""
        self._transport = None
        self._writable.set()
        self._waiting.clear()
        self._hold(-self._held)
        self._request, self._chunks = HttpRequest(), []
        self._connections.discard(cast("Any", self))

    def shutdown(self) -> None:
        """The server ends: close now, or after the answer that is under way."""
        if self._transport is not None and not self._busy:
            self._transport.close()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what is not HTTP, and what there is no room for, is refused and dropped."""
        begins = not self._held and not self._request.target
        self._hold(len(data))
        if self._held_by_all.size > HELD_LIMIT:
            self._refuse(503)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline(data if begins else b"", offer.args[0])
        except httptools.HttpParserCallbackError:
            _log.exception("a request could not be taken")
            self._refuse(500)
        except httptools.HttpParserError:
            self._refuse(400)

    def _decline(self, data: bytes, at: int) -> None:
        """Read a request that offers another protocol as if it did not."""
        plain = upgrade.declined(data, at)
        self._request, self._chunks = HttpRequest(), []
        self._hold(-self._held)
        if plain is None:
            self._refuse(400)
        else:
            self._parser = httptools.HttpRequestParser(self)
            self.data_received(plain)

    def _refuse(self, status: int) -> None:
        if self._transport is not None:
            self._transport.write(HttpResponse(status, [(b"connection", b"close")]).encode())
            self._transport.close()

    def _hold(self, size: int) -> None:
        self._held += size
        self._held_by_all.size += size

    # -- httptools' side

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        self._request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._request.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Tell a client that waits for leave that it may send its body."""
        if (b"expect", b"100-continue") in self._request.headers and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """A part of the body; beyond the limit it is only counted."""
        self._size += len(body)
        if self._size > _HASHED_AS_IT_COMES:
            if self._hash is None:
                self._hash = hashlib.sha256(b"".join(self._chunks))
            self._hash.update(body)
        if self._size <= BODY_LIMIT:
            self._chunks.append(body)
        else:
            self._chunks.clear()
            self._hold(-self._held)

    def on_message_complete(self) -> None:
        """The request is whole: answer it, or queue it behind the one under way."""
        if self._parser.should_upgrade():  # its body is not here: `_decline` follows
            return
        request, chunks = self._request, self._chunks
        request.method = self._parser.get_method().decode("ascii")
        request.body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        request.too_large = self._size > BODY_LIMIT
        request.sha256 = None if self._hash is None else self._hash.hexdigest()
        self._request, self._chunks, self._size, self._hash = HttpRequest(), [], 0, None
        self._hold(-self._held)
        self._waiting.append((request, self._parser.should_keep_alive()))
        if not self._busy:
            self._next()
        elif len(self._waiting) >= _QUEUED and self._transport is not None:
            self._transport.pause_reading()

    # -- answering

    def _next(self) -> None:
        self._busy = bool(self._waiting)
        if not self._busy and self._transport is not None and not self._transport.is_reading():
            self._transport.resume_reading()
        if self._busy:
            request, self._keep_alive = self._waiting.popleft()
            self._to_head = request.method == "HEAD"
            self._lifecycle.request()
            if not self._responder.respond_now(request, self._send):
                task = self._loop.create_task(self._answer(request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, request: HttpRequest) -> None:
        response = await self._responder.respond(request)
        if response.stream is None:
            self._send(response)
            return
        try:
            await self._send_pieces(response, response.stream)
        finally:
            self._lifecycle.answered()

    async def _send_pieces(self, response: HttpResponse, pieces: AsyncIterator[bytes]) -> None:
        """Send a stream as fast as the client reads it. What it does not read is not waited for once it has gone.

        A stream that breaks ends the connection: the client sees that the answer is not whole. One whose head cannot
        be written is read to its end all the same: what makes it may wait for that.
        """
        with_body = not self._to_head and response.status not in _NO_BODY
        try:
            self._write(response.encode(to_head=self._to_head))
            async for piece in pieces:
                if piece and with_body:
                    self._write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await self._writable.wait()
        except Exception:  # noqa: BLE001 - whatever it was, the client must not wait on
            _log.exception("a streamed answer broke")
            if self._transport is not None:
                self._transport.abort()
            with contextlib.suppress(Exception):
                async for _ in pieces:
                    pass
            return
        if with_body:
            self._write(b"0\r\n\r\n")
        if self._transport is not None and not self._keep_alive:
            self._transport.close()
        self._next()

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        """The client reads more slowly than it is written to."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._writable.set()

    def _send(self, response: HttpResponse) -> None:
        self._lifecycle.answered()
        if self._transport is not None:
            self._transport.write(self._encoded(response))
            if not self._keep_alive:
                self._transport.close()
        self._next()

    def _encoded(self, response: HttpResponse) -> bytes:
        """The answer's bytes; where it cannot be written, those of one that says so: nobody is left waiting."""
        try:
            return response.encode(to_head=self._to_head)
        except ValueError:
            _log.exception("an answer could not be written")
            return HttpResponse(500, []).encode()
