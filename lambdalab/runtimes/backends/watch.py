"""Looking at running sandboxes every few milliseconds: what the kernel does not enforce for us is enforced here."""

from __future__ import annotations

from typing import Protocol

from lambdalab.clock import Clock, Timer

EVERY_SECONDS = 0.005
_SHARE_OF_LOOP = 5
"""Looking may take a fifth of the loop's time at most: with hundreds of busy sandboxes it is done less often."""


class Watched(Protocol):
    """A sandbox that is starting or busy."""

    def look(self) -> None:
        """Measure it, and end it if it is over a limit."""


class Watch:
    """Calls `look` on every member while there are any; costs nothing while there are none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._members: set[Watched] = set()
        self._timer: Timer | None = None

    def add(self, member: Watched) -> None:
        """Look at it from now on."""
        self._members.add(member)
        if self._timer is None:
            self._timer = self._clock.call_later(EVERY_SECONDS, self._look)

    def remove(self, member: Watched) -> None:
        """Leave it alone; harmless when it was not looked at."""
        self._members.discard(member)

    def _look(self) -> None:
        self._timer = None
        began = self._clock.monotonic()
        for member in tuple(self._members):
            member.look()
        if self._members:
            took = self._clock.monotonic() - began
            self._timer = self._clock.call_later(max(EVERY_SECONDS, took * _SHARE_OF_LOOP), self._look)
