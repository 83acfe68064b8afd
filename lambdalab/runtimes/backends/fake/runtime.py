"""A fake sandbox's runtime: it asks the Runtime API for events and gives them to a handler."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from lambdalab.model.invocation import SNAP_START
from lambdalab.runtimes.backends.base import Exit, SandboxSpec
from lambdalab.runtimes.backends.fake.connection import Connections, read_answer
from lambdalab.runtimes.backends.fake.handler import FakeContext, FakeExit, FakeHooks, Handler

_API = "/2018-06-01/runtime"


class FakeRuntime:
    """One runtime. `write` is for its output; `end` is told how its process ends by itself.

    Without a `handler` it fails as a real runtime does whose handler is not there.
    """

    def __init__(
        self,
        spec: SandboxSpec,
        handler: Handler | None,
        hooks: FakeHooks,
        connections: Connections,
        *,
        write: Callable[[str], None],
        end: Callable[[Exit], None],
    ) -> None:
        self._spec = spec
        self._handler, self._hooks = handler, hooks
        self._connections = connections
        self._write, self._end = write, end
        self._globals: dict[str, Any] = {}

    async def run(self) -> None:
        """Poll until the process would end, which is told."""
        reader, writer = await self._connections.open()
        try:
            if self._handler is None:
                words = f"Handler '{self._spec.handler}' missing on module"
                await _exchange(reader, writer, "POST", "/init/error", _error("Runtime.HandlerNotFound", words))
                self._end(Exit("exited", status=1))
                return
            if self._hooks.aware and self._spec.environment.get("AWS_LAMBDA_INITIALIZATION_TYPE") == SNAP_START:
                await self._be_restored()
            while True:
                headers, event = await _exchange(reader, writer, "GET", "/invocation/next")
                request_id = headers["lambda-runtime-aws-request-id"]
                context = FakeContext(request_id, self._spec, self._globals, self._write)
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
        context = FakeContext("", self._spec, self._globals, self._write)
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
        reader, writer = await self._connections.open()
        kind = f"Lambda-Runtime-Function-Error-Type: {json.loads(body)['errorType']}\r\n" if body else ""
        head = f"{method} {_API}{path} HTTP/1.1\r\n{kind}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        try:
            await read_answer(reader)
        finally:
            writer.close()


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
        _, headers, content = await read_answer(reader)
        if method == "POST" or "lambda-runtime-aws-request-id" in headers:
            return headers, content
