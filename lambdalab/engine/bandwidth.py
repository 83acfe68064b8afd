"""How fast the rest of a large streamed response may go: a token bucket, as a rule without a clock of its own.

AWS passes the first 6 MB of a streamed response on as fast as they come, and what is beyond at 2 MB a second
(`lambda-contract.md` section 16). Its own Runtime Interface Emulator has the same figures in powers of two, as a
bucket that holds as much as the burst.
"""

from __future__ import annotations

from dataclasses import dataclass

BURST = 6 * 1024 * 1024
"""Bytes of a response that go as fast as they come; as much as a pause can save up for later, too."""
RATE = 2 * 1024 * 1024
"""Bytes a second beyond."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`left` bytes may go at `moment` (seconds); every second brings `RATE` more, up to `BURST`."""

    left: float
    moment: float

    def spend(self, size: int, now: float) -> Allowance:
        """What is left once `size` more bytes have gone; they may go at its `moment`, which is `now` or later.

        `now` may lie before this one's moment: those bytes then wait behind the ones that wait already.
        """
        left = min(BURST, self.left + (now - self.moment) * RATE)
        wait = max(0.0, (size - left) / RATE)
        return Allowance(left + wait * RATE - size, now + wait)
