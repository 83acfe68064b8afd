"""A response as it is made: what a streaming runtime posts, piece by piece, and where the pieces go.

A caller who asked for a stream gets each piece at once, and what is beyond the first 6 MB at AWS's bandwidth; for
one who did not, the pieces are kept together and are the response. What has to wait is held here, while nothing more
is read from the runtime: its writes wait then, as on AWS, and so does the end of the invocation, for the response is
accepted once all of it has gone. A caller who reads slowly holds the runtime up in the same way: the region's memory
is not what a response is kept in. Source: `lambda-contract.md` section 16.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from lambdalab.clock import Clock, Timer
from lambdalab.engine.bandwidth import BURST, Allowance
from lambdalab.runtimes.runtime_connection import RESPONSE_LIMIT, Source

STREAM_LIMIT = 200 * 1024 * 1024
"""Bytes of a streamed response."""
Error = tuple[str, bytes]
"""An error's type and document, as the runtime gave them in its trailers."""


class ResponseStream(Protocol):
    """The caller's side. Called from the event loop's thread, before the invocation's result."""

    on_room: Callable[[], None]
    """The engine's: called when there is room again, after `write` said that there is none."""

    def begin(self, content_type: str) -> None:
        """The runtime began to answer."""

    def write(self, piece: bytes) -> bool:
        """The next piece of the answer; returns whether there is room for more now."""


class KeptAnswer:
    """An answer in pieces for a caller who waits for the whole.

    `ended` is called once, with the body, whether there was too much of it, and the error (None for a good end).
    """

    size = 0
    """Bytes that were passed on in pieces."""
    held_seconds = 0.0

    def __init__(self, source: Source, ended: Callable[[bytes, bool, Error | None], None]) -> None:
        self._source = source
        self._ended = ended
        self._kept: list[bytes] = []
        self._arrived = 0

    def piece(self, data: bytes) -> None:
        """Keep a piece; what is over the limit is counted and dropped."""
        self._arrived += len(data)
        if self._arrived <= RESPONSE_LIMIT:
            self._kept.append(data)

    def end(self, error: Error | None) -> None:
        """The runtime has finished."""
        self._source.accept()
        self._ended(b"".join(self._kept), self._arrived > RESPONSE_LIMIT, error)

    def stop(self) -> None:
        """The invocation has ended."""


class StreamedAnswer:
    """An answer that is passed on to its caller.

    `ended` is called once, with the error (None for a good end), when the runtime has finished and all has gone;
    `filled` instead, when all has gone that a streamed response may have and the runtime has more.
    """

    def __init__(
        self,
        caller: ResponseStream,
        source: Source,
        clock: Clock,
        ended: Callable[[Error | None], None],
        filled: Callable[[], None],
    ) -> None:
        self._caller, self._source, self._clock = caller, source, clock
        self._caller_is_full = False
        caller.on_room = self._has_room
        self._ended, self._filled = ended, filled
        self._arrived = 0
        self._allowance: Allowance | None = None
        self._held: list[bytes] = []
        self._held_since: float | None = None
        self._timer: Timer | None = None
        self._finish: Callable[[], None] | None = None
        self.held_seconds = 0.0
        """How long the bandwidth kept the answer back."""

    @property
    def size(self) -> int:
        """Bytes that were passed on in pieces."""
        return self._arrived - sum(map(len, self._held))

    def piece(self, data: bytes) -> None:
        """Pass a piece on, now or when its time has come."""
        self._arrived += len(data)
        if self._arrived <= BURST:
            self._pass_on(data)
        else:
            self._beyond(data)

    def end(self, error: Error | None) -> None:
        """The runtime has finished."""
        if self._finish is not None:
            return
        self._finish = lambda: self._accept(error)
        if self._allowance is None:
            self._conclude()
        else:
            self._settle(self._allowance)

    def stop(self) -> None:
        """The invocation has ended: what is still held goes nowhere. Harmless when done twice."""
        if self._timer is not None:
            self._timer.cancel()
        self._arrived -= sum(map(len, self._held))
        self._held.clear()
        self._finish = _nothing
        if self._counted() or self._caller_is_full:
            self._caller_is_full = False
            self._source.go_on()

    def _pass_on(self, data: bytes) -> None:
        if not self._caller.write(data) and not self._caller_is_full:
            self._caller_is_full = True
            self._source.wait()

    def _has_room(self) -> None:
        """The caller has read."""
        if self._caller_is_full:
            self._caller_is_full = False
            if self._held_since is None:
                self._source.go_on()

    def _beyond(self, data: bytes) -> None:
        if self._finish is not None:  # it is full, or over
            self._arrived -= len(data)
            return
        now, before = self._clock.monotonic(), self._arrived - len(data)
        if (excess := self._arrived - STREAM_LIMIT) > 0:
            data, self._arrived = data[: len(data) - excess], STREAM_LIMIT
            self._finish = self._filled
        # Nothing is counted of a response that stays within the burst: its bucket is empty when the burst is used up.
        self._allowance = (self._allowance or Allowance(BURST - before, now)).spend(len(data), now)
        if data:
            self._held.append(data)
        self._settle(self._allowance)

    def _settle(self, allowance: Allowance) -> None:
        """Pass on what is held if its time has come, else wait for it; then go on, or finish."""
        if self._timer is not None:
            return
        now = self._clock.monotonic()
        if (wait := allowance.moment - now) > 0:
            if self._held_since is None:
                self._held_since = now
                self._source.wait()
            # Read on in one go: what a socket had to give is an eighth of a second's worth at most.
            self._timer = self._clock.call_later(wait, self._due)
            return
        held, self._held = self._held, []
        for piece in held:
            self._pass_on(piece)
        waited = self._counted()
        self._conclude()
        if waited and not self._caller_is_full:
            self._source.go_on()

    def _due(self) -> None:
        self._timer = None
        if self._allowance is not None:
            self._settle(self._allowance)

    def _conclude(self) -> None:
        if self._finish is None:
            return
        finish, self._finish = self._finish, _nothing
        finish()
        if self._caller_is_full:  # what it has not read is no longer the runtime's to wait for
            self._caller_is_full = False
            self._source.go_on()

    def _counted(self) -> bool:
        """Whether the runtime was held up until now; if so, for how long is counted."""
        if self._held_since is None:
            return False
        self.held_seconds += self._clock.monotonic() - self._held_since
        self._held_since = None
        return True

    def _accept(self, error: Error | None) -> None:
        self._source.accept()
        self._ended(error)


def _nothing() -> None:
    """It has ended already."""
