"""A backend without processes, for tests of what stands above one: handlers are coroutines of this process.

It keeps the contract of `base`: a runtime that polls the Runtime API over TCP, a log pipe, an end. It isolates
nothing and measures nothing, and no setting chooses it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import RuntimeUnavailable
from lambdalab.model.image import Image
from lambdalab.model.invocation import Fidelity
from lambdalab.runtimes.backends.base import Backend, Exit, Place, Sandbox, SandboxSpec

_API = "/2018-06-01/runtime"
FIDELITY = Fidelity(
    backend="fake",
    level=0,
    memory="not enforced",
    cpu="not enforced",
    time="enforced",
    file_system="not enforced",
    tmp="not enforced",
    processes="not enforced",
    network="not enforced",
    freeze="not enforced",
)


@dataclass(frozen=True, slots=True)
class FakeContext:
    """What a fake handler knows: its request, its sandbox's specification, a place for globals, a way to write."""

    request_id: str
    spec: SandboxSpec
    globals: dict[str, Any]
    write: Callable[[str], None]


class FakeExit(Exception):
    """Raised by a fake handler: its process ends in this way."""

    def __init__(self, end: Exit) -> None:
        super().__init__(end)
        self.end = end


Handler = Callable[[Any, FakeContext], Awaitable[Any]]


class FakeBackend(Backend):
    """Runs `handlers` by name. A handler's name that is not there fails as in a real runtime."""

    name = "fake"
    fidelity = FIDELITY

    def __init__(self, handlers: Mapping[str, Handler], runtimes: frozenset[str] = frozenset({"python3.12"})) -> None:
        self.handlers = handlers
        self.runtimes = runtimes
        self.sandboxes: list[FakeSandbox] = []

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Refuse the runtimes that are not there, and images."""
        if image is not None or runtime not in self.runtimes:
            raise RuntimeUnavailable(f"no interpreter of {runtime} in this fake")
        return Place(self.name)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the polling task."""
        await self.prepare(spec.runtime)
        sandbox = FakeSandbox(spec, self.handlers.get(spec.handler))
        self.sandboxes.append(sandbox)
        return sandbox

    async def close(self) -> None:
        """End all sandboxes."""
        for sandbox in self.sandboxes:
            sandbox.stop()


class FakeSandbox(Sandbox):
    """One polling task. `frozen` and `memory_mb` are for tests to read and to set."""

    def __init__(self, spec: SandboxSpec, handler: Handler | None) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.fidelity = FIDELITY
        self.task_root = "/var/task"
        self.spec = spec
        self.frozen = False
        self.memory_mb = 16
        self._handler = handler
        self._globals: dict[str, Any] = {}
        self._log_fd, self._log = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._address: tuple[str, int] | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def log_fd(self) -> int:
        """The read end of its log."""
        return self._log_fd

    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:  # noqa: ARG002
        """Whether it is the task's own connection."""
        return peer == self._address

    def begin_invocation(self) -> None:
        """Thaw."""
        self.frozen = False

    def end_invocation(self) -> None:
        """Nothing is watched."""

    def freeze(self) -> None:
        """Remember to be frozen."""
        self.frozen = True

    def max_memory_mb(self) -> int:
        """What the test set."""
        return self.memory_mb

    def stop(self) -> None:
        """End the task."""
        self._end(Exit("stopped"))

    def _end(self, end: Exit) -> None:
        if not self.exited.done():
            self.exited.set_result(end)
            os.close(self._log)
            self._task.cancel()

    # -- the runtime

    async def _run(self) -> None:
        host, _, port = self.spec.runtime_api.rpartition(":")
        # Bound first: the Runtime API asks for the address before this task hears that it is connected.
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind(("127.0.0.1", 0))
        self._address = connection.getsockname()
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            if self._handler is None:
                words = f"Handler '{self.spec.handler}' missing on module"
                await _exchange(reader, writer, "POST", "/init/error", _error("Runtime.HandlerNotFound", words))
                self._end(Exit("exited", status=1))
                return
            while True:
                headers, event = await _exchange(reader, writer, "GET", "/invocation/next")
                request_id = headers["lambda-runtime-aws-request-id"]
                kind, body = await self._call(self._handler, request_id, event)
                await _exchange(reader, writer, "POST", f"/invocation/{request_id}/{kind}", body)
        except FakeExit as ended:
            self._end(ended.end)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._end(Exit("exited", status=1))
        finally:
            writer.close()

    async def _call(self, handler: Handler, request_id: str, event: bytes) -> tuple[str, bytes]:
        context = FakeContext(request_id, self.spec, self._globals, self._write)
        try:
            return "response", json.dumps(await handler(json.loads(event), context)).encode()
        except FakeExit:
            raise
        except Exception as problem:  # noqa: BLE001 - a handler may raise anything
            return "error", _error(type(problem).__name__, str(problem))

    def _write(self, text: str) -> None:
        os.write(self._log, f"{text}\n".encode())


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": kind, "stackTrace": []}).encode()


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, path: str, body: bytes = b""
) -> tuple[dict[str, str], bytes]:
    kind = json.loads(body).get("errorType", "") if path.endswith("/error") else ""
    lines = (f"{method} {_API}{path} HTTP/1.1", "Host: runtime", f"Content-Length: {len(body)}")
    error_type = (f"Lambda-Runtime-Function-Error-Type: {kind}",) if kind else ()
    writer.write("\r\n".join((*lines, *error_type, "", "")).encode() + body)
    if method == "POST" and path != "/init/error":
        # The answer comes with the next event, as the Runtime API sends them together.
        return {}, b""
    while True:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        if method == "POST" or "lambda-runtime-aws-request-id" in headers:
            return headers, content
