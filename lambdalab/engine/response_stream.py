"""A response as it is made: what a streaming runtime posts, piece by piece, and where the pieces go.

A caller who asked for a stream gets each piece at once; for one who did not, the pieces are kept together and are
the response. Source: `lambda-contract.md` section 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lambdalab.runtimes.runtime_api import RESPONSE_LIMIT

STREAM_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response."""


class ResponseStream(Protocol):
    """The caller's side. Called from the event loop's thread, before the invocation's result."""

    def begin(self, content_type: str) -> None:
        """The runtime began to answer."""

    def write(self, piece: bytes) -> None:
        """The next piece of the answer."""


class StreamedAnswer:
    """One answer under way. `ended` is called once with the body that was kept, how much there was, and the error.

    The error is (type, document) as the runtime gave them in its trailers, None for a good end.
    """

    def __init__(
        self,
        caller: ResponseStream | None,
        content_type: str,
        ended: Callable[[bytes, bool, tuple[str, bytes] | None], None],
    ) -> None:
        self._caller = caller
        self._ended = ended
        self._kept: list[bytes] = []
        self._limit = RESPONSE_LIMIT if caller is None else STREAM_LIMIT
        self.size = 0
        if caller is not None:
            caller.begin(content_type)

    def piece(self, data: bytes) -> None:
        """Pass on, or keep, a piece; what is over the limit is counted and dropped."""
        self.size += len(data)
        if self.size > self._limit:
            return
        if self._caller is None:
            self._kept.append(data)
        else:
            self._caller.write(data)

    def end(self, error: tuple[str, bytes] | None) -> None:
        """The runtime has finished."""
        self._ended(b"".join(self._kept), self.size > self._limit, error)
