"""Time as a dependency: whatever waits, ages or stamps asks a `Clock`, so that tests jump and never sleep."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Timer(Protocol):
    """A pending call that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless once it has run."""


class Clock(Protocol):
    """Wall time, a monotonic count, and calls at a later moment."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""

    def epoch_ms(self) -> int:
        """The moment in whole milliseconds since 1970, as logs and the Runtime API count."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back: for durations."""

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run `call` once, `seconds` from now, on the event loop."""


class SystemClock:
    """The machine's own time. `call_later` needs a running asyncio loop."""

    def now(self) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.now(UTC)

    def epoch_ms(self) -> int:
        """The moment in whole milliseconds since 1970."""
        return int(time.time() * 1000)

    def monotonic(self) -> float:
        """`time.perf_counter`: monotonic, with the finest resolution there is."""
        return time.perf_counter()

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run `call` once, `seconds` from now, on the running loop."""
        return asyncio.get_running_loop().call_later(seconds, call)


class LabClock:
    """What is simulated waits on this: the machine's time, `rate` times as fast, `ahead` seconds on."""

    def __init__(self, clock: Clock, rate: float = 1.0, ahead: float = 0.0) -> None:
        self._clock = clock
        self.rate = rate
        self._began, self._start = clock.monotonic(), clock.now() + timedelta(seconds=ahead)

    def now(self) -> datetime:
        """The lab's moment."""
        return self._start + timedelta(seconds=(self._clock.monotonic() - self._began) * self.rate)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Run `call` once, `seconds` of the lab's time from now."""
        return self._clock.call_later(seconds / self.rate, call)


class FakeClock:
    """A clock for tests: it stands still until `jump`, which runs what falls due on the way, in order."""

    def __init__(self, start: datetime = datetime(2026, 11, 1, 12, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._count = itertools.count()
        self._due: list[tuple[float, int, _FakeTimer]] = []

    def now(self) -> datetime:
        """The moment the clock stands at."""
        return self._start + timedelta(seconds=self._elapsed)

    def epoch_ms(self) -> int:
        """The moment the clock stands at, in whole milliseconds since 1970."""
        return int(self.now().timestamp() * 1000)

    def monotonic(self) -> float:
        """Seconds jumped so far."""
        return self._elapsed

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Keep `call` until a jump passes its moment."""
        timer = _FakeTimer(call)
        heapq.heappush(self._due, (self._elapsed + seconds, next(self._count), timer))
        return timer

    def jump(self, seconds: float) -> None:
        """Move on by `seconds`, running what falls due at the moment it falls due."""
        end = self._elapsed + seconds
        while self._due and self._due[0][0] <= end:
            moment, _, timer = heapq.heappop(self._due)
            self._elapsed = max(self._elapsed, moment)
            timer.run()
        self._elapsed = end


class _FakeTimer:
    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        self._call = None

    def run(self) -> None:
        if self._call is not None:
            self._call()
