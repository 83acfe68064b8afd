"""How long a region has been up, how busy it is, and when it ends."""

from __future__ import annotations

import asyncio
from functools import partial

from lambdalab.clock import Clock


class Lifecycle:
    """Counts requests; `ending` is set when the region is to end: it was told to, or was idle for too long.

    `why` is then the reason, in words for the region's log.
    """

    def __init__(self, clock: Clock, idle_seconds: float) -> None:
        self.ending = asyncio.Event()
        self.requests, self.why = 0, ""
        self._clock = clock
        self._idle = idle_seconds
        self._began = self._last = clock.monotonic()
        self._watch()

    def request(self) -> None:
        """A request came in."""
        self.requests += 1
        self._last = self._clock.monotonic()

    def end(self, why: str) -> None:
        """End in an orderly way, now. Whoever says it first has the word."""
        self.why = self.why or why
        self.ending.set()

    def stop(self) -> None:
        """A client says so: end after the answer that is on its way."""
        self._clock.call_later(0.02, partial(self.end, "a client's request"))

    @property
    def uptime_seconds(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic() - self._began

    def _watch(self) -> None:
        if self._idle <= 0:
            return
        left = self._last + self._idle - self._clock.monotonic()
        if left <= 0:
            self.end(f"{self._idle:g} s without a request")
            return
        self._clock.call_later(left, self._watch)
