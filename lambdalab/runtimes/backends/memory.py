"""The memory that a sandbox's processes hold together, each page counted once however many share it.

What a fork shares with its parent is memory once, as control groups count it; the resident sizes of the two
have it twice. Where there is one process its resident size is the answer, and cheap. Where there are several,
each one's proportional share of what it maps (Pss) is summed up: 0.1 ms and more for each, so it is asked only
while the resident sizes leave the answer open, and for a bounded share of the loop's time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lambdalab.runtimes.backends import processes

_SHARE_OF_TIME = 20
"""Measuring shares may take a twentieth of the loop's time at most."""
_AT_ONCE = 64
"""Processes whose shares are asked for without a pause."""


class Memory:
    """The account of one sandbox, in bytes. `peak` is the most it was seen to hold, `held` what it held last.

    `beside` is what they hold that is mapped nowhere (`hidden.py`): whoever looks says it, and it counts from then on.
    """

    def __init__(
        self, limit: int, now: Callable[[], float] = time.monotonic, used: Callable[[], float] = time.thread_time
    ) -> None:
        self.peak = self.held = 0
        self.beside = 0
        self._limit = limit
        self._now = now
        self._used = used
        self._again = 0.0
        self._asking: list[int] = []
        self._sum, self._spent = 0, 0.0

    def look(self, members: Sequence[int]) -> bool:
        """Measure its processes; whether they hold more than the limit."""
        held = sum(map(processes.resident_bytes, members)) + self.beside
        if len(members) > 1 and (self._asking or held > self.peak):
            # The shares are never more than the resident sizes: what is below the peak can be no new one.
            shares = self._shares(members)
            if shares is None:
                return False
            held = shares
        self.held = held
        self.peak = max(self.peak, held)
        return held > self._limit

    def _shares(self, members: Sequence[int]) -> int | None:
        """The sum of their shares, as far as it takes to be over the limit; None while it is not known.

        Of a crowd a part is asked at each look: all at once would hold up the loop for a second.
        """
        now, began = self._now(), self._used()
        if not self._asking:
            if now < self._again:
                return None
            self._asking, self._sum, self._spent = list(members), self.beside, 0.0
        for pid in self._asking[:_AT_ONCE]:
            self._sum += processes.shared_out_bytes(pid)
            if self._sum > self._limit:
                self._asking.clear()
                break
        del self._asking[:_AT_ONCE]
        self._spent += self._used() - began
        self._again = now + self._spent * _SHARE_OF_TIME
        return None if self._asking else self._sum

    def told(self, peak: int, held: int) -> None:
        """Its one process holds so much, and held so much at most, as the kernel tells."""
        held += self.beside
        self.peak, self.held = max(self.peak, peak, held), held
