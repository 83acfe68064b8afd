"""A timer for something that is put off again and again: the deadline of invocations, the freezing of what idles."""

from __future__ import annotations

from collections.abc import Callable

from lambdalab.clock import Clock, Timer


class Alarm:
    """Rings once the moment has passed that `due` names (monotonic), which may move on meanwhile; None for none.

    Its timer is kept over many waits, for a cancelled timer on each of thousands of invocations a second costs more
    than one that fires early and is set again. So a later wait may not end before an earlier one.
    """

    def __init__(self, clock: Clock, due: Callable[[], float | None], ring: Callable[[], None]) -> None:
        self._clock, self._due, self._ring = clock, due, ring
        self._timer: Timer | None = None

    def set(self, seconds: float) -> None:
        """Look in so many seconds, unless a look is to come already."""
        if self._timer is None:
            self._timer = self._clock.call_later(seconds, self._look)

    def cancel(self) -> None:
        """Never ring again."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        due = self._due()
        if due is None:
            return
        left = due - self._clock.monotonic()
        if left > 0:
            self.set(left)
        else:
            self._ring()
