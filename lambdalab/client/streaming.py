"""A function's answer as it is made: the pieces, and behind the last of them the invocation as it was measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lambdalab import event_stream
from lambdalab.client import invocation
from lambdalab.client.cell import CellSource
from lambdalab.client.invocation import Invocation
from lambdalab.client.wire import Response
from lambdalab.errors import LabError


class Stream:
    """Iterate over it for the pieces (bytes), once; `invocation` is there after the last one.

    A function that fails half-way ends the pieces; its failure is the invocation's `error`, as with `invoke`.
    """

    def __init__(
        self, function: str, qualifier: str | None, head: Response, data: Iterator[bytes], cell: CellSource | None
    ) -> None:
        self._about = (function, qualifier, cell)
        self._head = head
        self._data = data
        self._pieces: list[bytes] = []
        self._invocation: Invocation | None = None

    def __iter__(self) -> Iterator[bytes]:
        for message in event_stream.read(self._data):
            if message.headers.get(":event-type") == "PayloadChunk":
                self._pieces.append(message.payload)
                yield message.payload
            else:
                self._invocation = self._completed(json.loads(message.payload))

    @property
    def invocation(self) -> Invocation:
        """What was measured, with all pieces as its payload. Raises `LabError` before the end."""
        if self._invocation is None:
            raise LabError("the stream has not ended: iterate over it first, then ask for its invocation.")
        return self._invocation

    def _completed(self, document: dict[str, Any]) -> Invocation:
        function, qualifier, cell = self._about
        return invocation.streamed(function, qualifier, self._head, b"".join(self._pieces), document, cell)
