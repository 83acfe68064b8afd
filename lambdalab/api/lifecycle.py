"""How long a region has been up, how busy it is, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from lambdalab.clock import Clock

_LOOK_SECONDS = 1.0
"""How often a region that should be idle by now, and is at work, is looked at."""


class Lifecycle:
    """Counts requests; `ending` is set when the region is to end: it was told to, or was idle for too long.

    `why` is then the reason, in words for the region's log.

    It is idle from its last answer, not from its last request, and not while it is at work for nobody's request.
    """

    def __init__(self, clock: Clock, idle_seconds: float) -> None:
        self.ending = asyncio.Event()
        self.requests, self.why = 0, ""
        self.at_work: Callable[[], bool] = lambda: False
        """Whether something goes on that no request waits for."""
        self._under_way = 0
        self._clock = clock
        self._idle = idle_seconds
        self._began = self._last = clock.monotonic()
        self._watch()

    def request(self) -> None:
        """A request came in; `answered` follows."""
        self.requests += 1
        self._under_way += 1

    def answered(self) -> None:
        """It has its answer, all of it, or nobody to give it to any more."""
        self._under_way -= 1
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
        now = self._clock.monotonic()
        left = self._last + self._idle - now
        if left <= 0 and (self._under_way or self.at_work()):
            self._last = now  # what goes on ends later than this
            left = min(self._idle, _LOOK_SECONDS)
        if left <= 0:
            self.end(f"{self._idle:g} s without a request")
            return
        self._clock.call_later(left, self._watch)
