"""AWS's event stream encoding, written by the API and read by the client: messages of headers and a payload.

Each message has its length and checksums.

Source: the Smithy specification of `application/vnd.amazon.eventstream`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
_PRELUDE = 12
"""Bytes of lengths and their checksum before a message's headers."""


def event(kind: str, payload: bytes, content_type: str) -> bytes:
    """One event of a kind, such as "PayloadChunk"."""
    return message({":event-type": kind, ":content-type": content_type, ":message-type": "event"}, payload)


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message with string headers."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return body + struct.pack("!I", zlib.crc32(body))


class Message(NamedTuple):
    """One message as it was read."""

    headers: dict[str, str]
    payload: bytes


def read(data: Iterable[bytes]) -> Iterator[Message]:
    """The messages in a stream of bytes, each as soon as it is whole. Raises `ValueError` for what is none."""
    buffer = b""
    for piece in data:
        buffer += piece
        while len(buffer) >= _PRELUDE:
            total, headers = struct.unpack_from("!II", buffer)
            if struct.unpack_from("!I", buffer, 8)[0] != zlib.crc32(buffer[:8]):
                raise ValueError("no event stream: the checksum of a message's lengths is wrong")
            if len(buffer) < total:
                break
            yield _message(buffer[:total], headers)
            buffer = buffer[total:]
    if buffer:
        raise ValueError("the event stream ended in the middle of a message")


def _message(data: bytes, headers: int) -> Message:
    if struct.unpack_from("!I", data, len(data) - 4)[0] != zlib.crc32(data[:-4]):
        raise ValueError("no event stream: a message's checksum is wrong")
    found, at = {}, _PRELUDE
    while at < _PRELUDE + headers:
        name, at = data[at + 1 : at + 1 + data[at]].decode(), at + 1 + data[at]
        (length,) = struct.unpack_from("!H", data, at + 1)
        found[name], at = data[at + 3 : at + 3 + length].decode(), at + 3 + length
    return Message(found, data[at:-4])


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text
