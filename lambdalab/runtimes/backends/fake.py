"""A backend without processes, for tests of what stands above one: handlers are coroutines of this process.

It keeps the contract of `base`: a runtime that polls the Runtime API over TCP, a log pipe, an end. It isolates
nothing and measures nothing, and no setting chooses it.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdalab.errors import RuntimeUnavailable
from lambdalab.model.image import Image
from lambdalab.model.invocation import SNAP_START, Fidelity
from lambdalab.runtimes.backends.base import Backend, Exit, Kept, Place, Ready, Sandbox, SandboxSpec

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


Handler = Callable[[Any, FakeContext], Awaitable[Any] | AsyncIterator[bytes]]
"""A coroutine's result is the response; what an asynchronous generator yields is one in pieces."""


class FakeExtension:
    """The inside of an extension: `ask` speaks to the Extensions API, `write` to the log."""

    def __init__(self, name: str, sandbox: FakeSandbox) -> None:
        self.name = name
        self._sandbox = sandbox
        self._identifier = ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A request on a connection of its own, with `Lambda-Extension-*` headers: the status and the document."""
        reader, writer = await self._sandbox.connect()
        content = json.dumps(body).encode()
        headers = {"Identifier": self._identifier, "Name": self.name, **headers}
        named = [f"Lambda-Extension-{name.replace('_', '-')}: {value}" for name, value in headers.items() if value]
        lines = (f"{method} {path} HTTP/1.1", *named, f"Content-Length: {len(content)}", "", "")
        writer.write("\r\n".join(lines).encode() + content)
        try:
            status, answered, text = await _read_answer(reader)
        finally:
            writer.close()
        self._identifier = answered.get("lambda-extension-identifier", self._identifier)
        return status, json.loads(text)

    async def register(self, *events: str) -> Any:
        """Register: the document that came back."""
        return (await self.ask("POST", "/2020-01-01/extension/register", {"events": events}))[1]

    async def next(self) -> Any:
        """The next event, when there is one."""
        return (await self.ask("GET", "/2020-01-01/extension/event/next"))[1]

    def write(self, text: str) -> None:
        """A line of output."""
        self._sandbox.write_for_extension(text)


async def _nothing(context: FakeContext) -> None:
    """No hook."""


Hook = Callable[[FakeContext], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class FakeHooks:
    """What a runtime does with SnapStart; one that is not `aware` of it asks for an event at once."""

    before_snapshot: Hook = _nothing
    after_restore: Hook = _nothing
    aware: bool = True


Extension = Callable[[FakeExtension], Awaitable[None]]


class FakeKept(Kept):
    """What a sandbox left: nothing, and whether that was let go."""

    def __init__(self) -> None:
        self.released = False

    def release(self) -> None:
        """Remember it."""
        self.released = True


class FakeReady(Ready):
    """A sandbox that waits, and what became of it."""

    def __init__(self, backend: FakeBackend, spec: SandboxSpec) -> None:
        self.spec = spec
        self.end = ""
        self._backend = backend

    async def begin(self) -> Sandbox:
        """Start it."""
        self.end = "begun"
        return await self._backend.start(self.spec)

    def discard(self) -> None:
        """Remember it."""
        self.end = "discarded"


class FakeBackend(Backend):
    """Runs `handlers` by name. A handler's name that is not there fails as in a real runtime.

    `extensions` are external extensions by name, which every sandbox starts; `hooks` are run where SnapStart is.
    `ready` are the sandboxes that were made ready, where the backend `gets_ready`.
    """

    name = "fake"
    fidelity = FIDELITY

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        runtimes: frozenset[str] = frozenset({"python3.12"}),
        extensions: Mapping[str, Extension] | None = None,
        hooks: FakeHooks | None = None,
        *,
        gets_ready: bool = False,
    ) -> None:
        self.gets_ready = gets_ready
        self.ready: list[FakeReady] = []
        self.handlers = handlers
        self.hooks = hooks or FakeHooks()
        self.extensions = extensions or {}
        self.runtimes = runtimes
        self.sandboxes: list[FakeSandbox] = []

    async def prepare(self, runtime: str, image: Image | None = None) -> Place:
        """Refuse the runtimes that are not there, and images."""
        if image is not None or runtime not in self.runtimes:
            raise RuntimeUnavailable(f"no interpreter of {runtime} in this fake")
        return Place(self.name, gets_ready=self.gets_ready)

    async def start(self, spec: SandboxSpec) -> Sandbox:
        """Start the polling task."""
        await self.prepare(spec.runtime)
        sandbox = FakeSandbox(spec, self.handlers.get(spec.handler), self.extensions, self.hooks)
        self.sandboxes.append(sandbox)
        return sandbox

    async def get_ready(self, spec: SandboxSpec) -> Ready | None:
        """One that waits; none without the runtime."""
        await self.prepare(spec.runtime)
        self.ready.append(made := FakeReady(self, spec))
        return made

    async def close(self) -> None:
        """End all sandboxes."""
        for sandbox in self.sandboxes:
            sandbox.stop()


class FakeSandbox(Sandbox):
    """One polling task, and one for each extension.

    `frozen`, `memory_mb` and `deaf` (to SIGTERM) are for tests to read and to set; `signals` are those that the
    runtime got, `left` is what was kept of it.
    """

    def __init__(
        self, spec: SandboxSpec, handler: Handler | None, extensions: Mapping[str, Extension], hooks: FakeHooks
    ) -> None:
        self.exited = asyncio.get_running_loop().create_future()
        self.fidelity = FIDELITY
        self.spec = spec
        self.frozen = False
        self.memory_mb = 16
        self.now_mb: int | None = None
        self.left: FakeKept | None = None
        self._handler, self._hooks = handler, hooks
        self._globals: dict[str, Any] = {}
        self._log_fd, self._log = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._addresses: set[tuple[str, int]] = set()
        self.extensions = tuple(extensions)
        self.deaf = False
        self.signals: list[str] = []
        self._extensions_log_fd, self._extensions_log = (
            os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if extensions else (-1, -1)
        )
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._extend(name, run)) for name, run in extensions.items()]
        self._runtime = None if extensions else loop.create_task(self._run())

    @property
    def log_fd(self) -> int:
        """The read end of its log."""
        return self._log_fd

    @property
    def extensions_log_fd(self) -> int:
        """The read end of the extensions' log."""
        return self._extensions_log_fd

    def owns_connection(self, peer: tuple[str, int], local: tuple[str, int]) -> bool:  # noqa: ARG002
        """Whether it is a connection of one of the tasks."""
        return peer in self._addresses

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

    def held_mb(self) -> int:
        """What the test set, else the most that it held."""
        return self.memory_mb if self.now_mb is None else self.now_mb

    def keep(self) -> Kept:
        """Something for the next sandbox."""
        self.left = FakeKept()
        return self.left

    def stop(self) -> None:
        """End the tasks."""
        self._end(Exit("stopped"))

    def _end(self, end: Exit) -> None:
        if self.exited.done():
            return
        if self.extensions and end.reason != "stopped":
            self._end_runtime(end)
            return
        self.exited.set_result(end)
        for task in (*self._tasks, self._runtime):
            if task is not None:
                task.cancel()
        for log in (self._log, self._extensions_log):
            if log >= 0:
                os.close(log)

    # -- extensions

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the environment's port."""
        host, _, port = self.spec.runtime_api.rpartition(":")
        # Bound first: the Runtime API asks for the address before this task hears that it is connected.
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind(("127.0.0.1", 0))
        self._addresses.add(connection.getsockname())
        await asyncio.get_running_loop().sock_connect(connection, (host, int(port)))
        return await asyncio.open_connection(sock=connection)

    def start_runtime(self) -> None:
        """Start polling."""
        self._runtime = asyncio.get_running_loop().create_task(self._run())

    def terminate_runtime(self) -> None:
        """The runtime ends, unless it is deaf."""
        self.signals.append("TERM")
        if not self.deaf:
            self._end(Exit("exited", status=0))

    def kill_runtime(self) -> None:
        """It ends."""
        self.signals.append("KILL")
        self._end(Exit("signal", signal=9))

    def write_for_extension(self, text: str) -> None:
        """A line of an extension's output."""
        os.write(self._extensions_log, f"{text}\n".encode())

    def _end_runtime(self, end: Exit) -> None:
        if self._runtime is not None:
            self._runtime.cancel()
            self._runtime = None
            self._report(None, end)

    def _report(self, name: str | None, end: Exit) -> None:
        if self.on_program_end is not None and not self.exited.done():
            self.on_program_end(name, end)

    async def _extend(self, name: str, run: Extension) -> None:
        try:
            await run(FakeExtension(name, self))
        except FakeExit as ended:
            self._report(name, ended.end)
        except Exception as problem:
            self._report(name, Exit("exited", status=1))
            if not isinstance(problem, (ConnectionError, asyncio.IncompleteReadError)):
                raise
        else:
            self._report(name, Exit("exited", status=0))

    # -- the runtime

    async def _run(self) -> None:
        reader, writer = await self.connect()
        try:
            if self._handler is None:
                words = f"Handler '{self.spec.handler}' missing on module"
                await _exchange(reader, writer, "POST", "/init/error", _error("Runtime.HandlerNotFound", words))
                self._end(Exit("exited", status=1))
                return
            if self._hooks.aware and self.spec.environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == SNAP_START:
                await self._be_restored()
            while True:
                headers, event = await _exchange(reader, writer, "GET", "/invocation/next")
                request_id = headers["lambda-runtime-aws-request-id"]
                context = FakeContext(request_id, self.spec, self._globals, self._write)
                answer = self._handler(json.loads(event), context)
                if isinstance(answer, AsyncIterator):
                    await _stream(writer, request_id, answer)
                    continue
                kind, body = await _called(answer)
                await _exchange(reader, writer, "POST", f"/invocation/{request_id}/{kind}", body)
        except FakeExit as ended:
            self._end(ended.end)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._end(Exit("exited", status=1))
        finally:
            writer.close()

    async def _be_restored(self) -> None:
        """One hook, the wait for the restore, the other hook; a failed one is reported and ends the process."""
        context = FakeContext("", self.spec, self._globals, self._write)
        await self._hook(self._hooks.before_snapshot(context), "/init/error", "Runtime.BeforeSnapshotError", 64)
        await self._ask("GET", "/restore/next")
        await self._hook(self._hooks.after_restore(context), "/restore/error", "Runtime.AfterRestoreError", 65)

    async def _hook(self, hook: Awaitable[None], path: str, kind: str, status: int) -> None:
        try:
            await hook
        except FakeExit:
            raise
        except Exception as problem:
            await self._ask("POST", path, _error(kind, str(problem)))
            raise FakeExit(Exit("exited", status=status)) from problem

    async def _ask(self, method: str, path: str, body: bytes = b"") -> None:
        """A request on a connection of its own, as AWS's client makes these."""
        reader, writer = await self.connect()
        kind = f"Lambda-Runtime-Function-Error-Type: {json.loads(body)['errorType']}\r\n" if body else ""
        head = f"{method} {_API}{path} HTTP/1.1\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        try:
            await _read_answer(reader)
        finally:
            writer.close()

    def _write(self, text: str) -> None:
        os.write(self._log, f"{text}\n".encode())


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorMessage": message, "errorType": kind, "stackTrace": []}).encode()


async def _called(answer: Awaitable[Any]) -> tuple[str, bytes]:
    try:
        return "response", json.dumps(await answer).encode()
    except FakeExit:
        raise
    except Exception as problem:  # noqa: BLE001 - a handler may raise anything
        return "error", _error(type(problem).__name__, str(problem))


async def _stream(writer: asyncio.StreamWriter, request_id: str, pieces: AsyncIterator[bytes]) -> None:
    lines = (
        f"POST {_API}/invocation/{request_id}/response HTTP/1.1", "Host: runtime", "Transfer-Encoding: chunked",
        "Lambda-Runtime-Function-Response-Mode: streaming", "", "",
    )  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    async for piece in pieces:
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
        await writer.drain()
    writer.write(b"0\r\n\r\n")


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
        _, headers, content = await _read_answer(reader)
        if method == "POST" or "lambda-runtime-aws-request-id" in headers:
            return headers, content


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
    content = await reader.readexactly(int(headers.get("content-length", 0)))
    return int(head[0].split(" ")[1]), headers, content
