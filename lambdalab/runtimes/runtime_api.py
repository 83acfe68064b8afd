"""The Runtime API of one execution environment: its own port, and what is asked and answered there.

Identity is half of the design. Each environment has its own port, and a connection is answered only when the sandbox
says that one of its own processes opened it: the port alone therefore says who is speaking. What is not the runtime's
to ask goes to `extensions_api`, which is not even made before somebody asks. `runtime_connection` is the other half.

Reference: `lambda-contract.md` section 18.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Protocol

from lambdalab.runtimes.runtime_connection import Connection, Request, Source, Stream

_PREFIX = b"/2018-06-01/runtime/"
_NEXT = _PREFIX + b"invocation/next"
MOST_CONNECTIONS = 256
"""Of one environment at a time: each is a descriptor of the region's, whoever opens it."""
_BACKLOG = 128
"""Connections that the kernel keeps until they are accepted; one more waits a second before it tries again."""
_UNKNOWN = b'{"errorMessage":"unknown path","errorType":"InvalidRequest"}'
_ANSWERED = (
    b'{"errorMessage":"State transition is not allowed: the invocation has its answer",'
    b'"errorType":"InvalidStateTransition"}'
)


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

    def init_failed(self, body: bytes | None, error_type: str) -> None:
        """The runtime reports that its init failed. `body` is None where what it says is over the limit."""

    def asks_to_be_restored(self, connection: Connection) -> bool:
        """The runtime has run its before-snapshot hooks; answer with `connection.reply` when its snapshot is restored.

        False where no snapshot is made of it.
        """

    def restore_failed(self, body: bytes | None, error_type: str) -> None:
        """The runtime reports that an after-restore hook failed. `body` as above."""


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
        self._listener = listener
        self._init_listener = init_listener
        self._others = others
        self._admit: Admit | None = None
        self.address = ""
        self.held = 0
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    async def start(self, listen: str = "127.0.0.1", call: str = "127.0.0.1") -> None:
        """Listen on a free port of the address `listen`; the processes call the host `call`.

        Nobody is answered until `let_in` says who is.
        """
        listener = socket.create_server((listen, 0))  # an address; the loop would first look it up as a name
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listener, backlog=_BACKLOG)
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

    # -- connections (runtime_connection.Port)

    def entered(self, connection: Connection) -> None:
        """Let it in, drop it, or have it wait until that is known."""
        self._connections.add(connection)
        if len(self._connections) > MOST_CONNECTIONS:
            connection.abort()
        elif self._admit is None:
            connection.wait()
        else:
            self._check(connection)

    def _check(self, connection: Connection) -> None:
        addresses = connection.addresses
        if addresses is not None and self._admit is not None and self._admit(*addresses):
            connection.go_on()
        else:
            connection.abort()

    def left(self, connection: Connection) -> None:
        """Forget it."""
        self._connections.discard(connection)

    def begun(self, connection: Connection, request: Request) -> Stream | None:
        """An answer that comes in pieces is passed on from its head on."""
        parts = request.url[len(_PREFIX) :].decode("ascii", "replace").split("/")
        if len(parts) == 3 and parts[0] == "invocation" and parts[2] == "response":
            return self._listener.streams(parts[1], request.content_type, connection)
        return None

    # -- routes

    def route(self, connection: Connection, request: Request, method: bytes) -> None:
        """Who is asked, and what a runtime is answered."""
        if request.url == _NEXT and method == b"GET":
            return self.poll(connection)
        if not request.url.startswith(_PREFIX):
            return self._pass_on(connection, request, method)
        path = request.url[len(_PREFIX) :].decode("ascii", "replace")
        if request.stream is not None:
            return request.stream.end(request.trailed_error())
        if method == b"POST" and path == "init/error":
            return self._fails(connection, request, self._init_listener.init_failed)
        if path.startswith("restore/"):
            return self._restore(connection, request, method, path)
        if method == b"POST":
            return self._conclude(connection, request, path)
        return connection.answer(405, b'{"errorMessage":"method not allowed","errorType":"InvalidRequest"}')

    def poll(self, connection: Connection) -> None:
        """The runtime asks for the next event: it is answered when there is one."""
        connection.asks()
        self._listener.polled(connection)

    @staticmethod
    def _fails(connection: Connection, request: Request, told: Callable[[bytes | None, str], None]) -> None:
        told(None if request.too_large else request.body(), request.error_type or "Unhandled")
        connection.answer(413 if request.too_large else 202)

    def _restore(self, connection: Connection, request: Request, method: bytes, path: str) -> None:
        """SnapStart's two paths. The poll is answered with the restore; elsewhere they are unknown, as on AWS."""
        if (method, path) == (b"POST", "restore/error"):
            return self._fails(connection, request, self._init_listener.restore_failed)
        if (method, path) == (b"GET", "restore/next") and self._init_listener.asks_to_be_restored(connection):
            return None
        return connection.answer(404, _UNKNOWN)

    def _pass_on(self, connection: Connection, request: Request, method: bytes) -> None:
        if self._others is None:
            return connection.answer(404, _UNKNOWN)
        path = request.url.partition(b"?")[0].decode("utf-8", "replace")
        return self._others().handle(connection, method, path, request.extension or {}, request.body())

    def _conclude(self, connection: Connection, request: Request, path: str) -> None:
        parts = path.split("/")
        if len(parts) != 3 or parts[0] != "invocation" or parts[2] not in {"response", "error"}:
            return connection.answer(404, _UNKNOWN)
        if parts[2] == "response" or request.too_large:  # an error that is over the limit is no answer either
            known = self._listener.responded(parts[1], request.body(), too_large=request.too_large)
        else:
            known = self._listener.failed(parts[1], request.body(), request.error_type or "Unhandled")
        if not known and self._listener.is_answered(parts[1]):
            return connection.refuse(403, _ANSWERED)
        if not known:
            return connection.refuse(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')
        return connection.answer(413 if request.too_large else 202)
