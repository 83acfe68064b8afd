"""One HTTP exchange over a Unix socket: the request as it is given, the answer whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import httptools

Headers = list[tuple[bytes, bytes]]
_OWN = frozenset([b"connection", b"expect", b"keep-alive", b"transfer-encoding", b"content-length", b"date", b"server"])
_CHUNK = 1 << 18


@dataclass(slots=True)
class Answer:
    """What came back. Header names are lower-case, those of the connection itself left out.

    `length` is the Content-Length that was stated, which an answer to HEAD has without a body.
    """

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    length: int | None = None


class _Reader:
    """httptools' callbacks."""

    def __init__(self) -> None:
        self.answer = Answer()
        self.headers_done = self.done = False
        self._chunks: list[bytes] = []

    def on_header(self, name: bytes, value: bytes) -> None:
        lower = name.lower()
        if lower == b"content-length":
            self.answer.length = int(value)
        if lower not in _OWN:
            self.answer.headers.append((lower, value))

    def on_headers_complete(self) -> None:
        self.headers_done = True

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.answer.body = b"".join(self._chunks)
        self.done = True


async def exchange(socket: Path, method: str, target: bytes, headers: Headers, body: bytes) -> Answer:
    """Send a request and read its answer. Raises `OSError` or `EOFError` when nobody answers."""
    reader, writer = await asyncio.open_unix_connection(str(socket))
    try:
        lines = [b"%s: %s\r\n" % pair for pair in headers if pair[0] not in _OWN]
        head = b"%s %s HTTP/1.1\r\n%sconnection: close\r\ncontent-length: %d\r\n\r\n"
        writer.write(head % (method.encode(), target, b"".join(lines), len(body)))
        writer.write(body)
        await writer.drain()
        seen = _Reader()
        parser = httptools.HttpResponseParser(seen)
        while not seen.done and not (method == "HEAD" and seen.headers_done):
            data = await reader.read(_CHUNK)
            if not data:
                raise EOFError("the connection was closed before the answer was whole")
            parser.feed_data(data)
        seen.answer.status = parser.get_status_code()
        return seen.answer
    finally:
        writer.close()
