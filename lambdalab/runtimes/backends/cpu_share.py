"""A share of the processor kept by stopping and continuing: for where no control group can.

The function may use `share` seconds of processor time for each second of an invocation. When it is ahead it
is stopped until time has caught up. Within 1 to 5 % for work of 0.2 s and more (`speed.md`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

SLICE_SECONDS = 0.005
_SLACK = 0.02
"""Processor seconds a function may be ahead: short work is not stopped at all, as on AWS."""


class CpuShare:
    """The account of one sandbox. `exact` once something better enforces the share."""

    def __init__(self, share: float) -> None:
        self.share = share
        self.exact = share >= 2.0  # more than one thread rarely uses; not worth stopping for
        self._began = 0.0
        self._used_before = 0.0
        self._stopped = False

    def look(self, used: float, set_stopped: Callable[[bool], None]) -> None:
        """`used` is the processor time of all its processes so far, in seconds."""
        now = time.monotonic()
        if not self._began:
            self._began, self._used_before = now, used
        ahead = (used - self._used_before) - (now - self._began) * self.share
        stop = ahead > (0.0 if self._stopped else min(_SLACK, SLICE_SECONDS * 4))
        if stop != self._stopped:
            self._stopped = stop
            set_stopped(stop)

    def rest(self, set_stopped: Callable[[bool], None]) -> None:
        """The invocation is over: the account starts afresh with the next."""
        self._began = 0.0
        if self._stopped:
            self._stopped = False
            set_stopped(False)
