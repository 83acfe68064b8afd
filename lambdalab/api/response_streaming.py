"""The family of streamed responses: InvokeWithResponseStream, and what function URLs in RESPONSE_STREAM mode use.

Source: `lambda-contract.md` section 16.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from lambdalab import event_stream
from lambdalab.api import invocation
from lambdalab.api.operations import Answer, Call, operation
from lambdalab.engine.request import Request, Result
from lambdalab.errors import InvalidRuntime, RuntimeUnavailable

if TYPE_CHECKING:
    from lambdalab.api.region import Region

JSON = "application/json"
ROOM = 1 << 20
"""Bytes of an answer that wait for its caller. Beyond, the function's writes wait."""


class Pieces:
    """One streamed invocation: `began` once its answer begins, then its `pieces`, then its `result`.

    Its pieces are to be read to the end, or given up: the function waits for who reads them.
    """

    def __init__(self, region: Region, request: Request) -> None:
        self.content_type = JSON
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._first = asyncio.Event()
        self._waiting, self._given_up = 0, False
        self.on_room: Callable[[], None] = lambda: None
        self._invoked = asyncio.ensure_future(self._invoke(region, request))

    # -- the engine's side (response_stream.ResponseStream)

    def begin(self, content_type: str) -> None:
        """The runtime began to answer."""
        self.content_type = content_type or "application/octet-stream"
        self._first.set()

    def write(self, piece: bytes) -> bool:
        """The next piece; whether those that wait for the caller are few enough for more."""
        if not self._given_up:
            self._queue.put_nowait(piece)
            self._waiting += len(piece)
        return self._waiting <= ROOM

    # -- the answer's side

    async def began(self) -> None:
        """Return once there is something to answer with. Raises what kept the invocation from starting."""
        await self._first.wait()
        if self._invoked.done():
            self._invoked.result()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The pieces; a response that the runtime gave whole is one. A failed one ends them early."""
        while (piece := await self._queue.get()) is not None:
            had_room = self._waiting <= ROOM
            self._waiting -= len(piece)
            if not had_room and self._waiting <= ROOM:
                self.on_room()
            yield piece

    def give_up(self) -> None:
        """Nobody reads on: what is still to come goes nowhere, and the function need not wait."""
        self._given_up, self._waiting = True, 0
        self.on_room()

    async def result(self) -> Result:
        """What was measured; after the last piece."""
        return await self._invoked

    async def _invoke(self, region: Region, request: Request) -> Result:
        try:
            result = await region.dispatcher.invoke(request._replace(caller=self))
            if result.body and result.record.outcome == "ok":
                self.write(result.body)
        except RuntimeUnavailable as missing:
            raise InvalidRuntime(str(missing)) from missing
        finally:
            self._queue.put_nowait(None)
            self._first.set()
        return result


@operation("InvokeWithResponseStream")
async def invoke_with_response_stream(region: Region, call: Call) -> Answer:
    """Run a function and pass its answer on as it is made."""
    request = await invocation.request_of(region, call)
    if call.params.get("InvocationType") == "DryRun":
        return Answer(status=204)
    pieces = Pieces(region, request)
    await pieces.began()
    output = {
        "ExecutedVersion": request.version.version,
        "ResponseStreamContentType": event_stream.CONTENT_TYPE,
    }
    return Answer(output, stream=_events(pieces, wants_record=invocation.RECORD_HEADER in call.headers))


async def _events(pieces: Pieces, *, wants_record: bool) -> AsyncIterator[bytes]:
    async for piece in pieces.pieces():
        yield event_stream.event("PayloadChunk", piece, "application/octet-stream")
    result = await pieces.result()
    complete: dict[str, Any] = {}
    if result.record.outcome != "ok":
        complete |= {"ErrorCode": "Unhandled", "ErrorDetails": result.body.decode(errors="replace")}
    if result.tail is not None:
        complete["LogResult"] = base64.b64encode(result.tail.encode()).decode()
    if wants_record:
        complete["Record"] = json.loads(result.record.to_json())
    yield event_stream.event("InvokeComplete", json.dumps(complete).encode(), JSON)
