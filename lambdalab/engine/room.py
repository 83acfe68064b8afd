"""How much memory this machine has for another execution environment; when there is none, the call is throttled.

AWS has room for a thousand environments; a notebook's container of one gigabyte has not. An environment that would
not fit is not started, and one that waits is given no call that it would grow too large for: an overloaded machine
would lose what runs already, and the person's notebook with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambdalab.clock import Clock
from lambdalab.errors import TooManyRequests

KEPT_FREE = 0.06
"""The share of the memory that is left to everything else on the machine."""
GROWTH_MB = 32
"""By how much one that waits may grow in a call unasked; most have what their function needs already."""
FRESH_SECONDS = 0.01
"""How long what the machine has is not asked again on the path of warm calls."""
USUAL_MB = 64
"""What an environment is taken to need before one of its function's was measured."""
_CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes that there are in all, and that may still be used."""

    total_mb: int
    available_mb: int


Look = Callable[[], "Memory | None"]


class Room:
    """Asked before each start. `look` says what the machine has, None where that cannot be known."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def free_mb(self) -> float:
        """How many megabytes may be used yet, less than none where too many are; without end where nobody knows."""
        found = self._look()
        return math.inf if found is None else found.available_mb - int(found.total_mb * KEPT_FREE)

    def missing_mb(self, needed_mb: int) -> int:
        """How many megabytes another environment that needs so many lacks; 0 when there is room."""
        return int(max(needed_mb - self.free_mb(), 0))

    def refusal(
        self, needed_mb: int, environments: int, promised_mb: int = 0, *, waits: bool = False
    ) -> TooManyRequests:
        """What the caller is told when nothing could make room; `promised_mb` is what others may take yet.

        Where an environment `waits`, what lacks is the memory that it would grow by.
        """
        found = self._look() or Memory(0, 0)
        promised = f" beside {promised_mb:,} MB that those at work may take yet" if promised_mb else ""
        what, one = "another execution environment", "one needs about"
        if waits:
            what, one = "this call", "the environment that waits for it may grow by about"
        return TooManyRequests(
            f"Rate Exceeded. This machine has no memory for {what}: "
            f"{found.available_mb:,} of {found.total_mb:,} MB are free, {int(found.total_mb * KEPT_FREE):,} MB stay "
            f"so, and {one} {needed_mb:,} MB{promised}. {environments:,} environments are at work; "
            f"AWS would have {'run it' if waits else 'started another one'}.",
            Reason="ConcurrentInvocationLimitExceeded",
        )


class Growth:
    """What environments that wait may grow by when they are given calls. Used on the path of warm calls.

    The machine, and those at work (`promised` is what they may take yet), are looked at once in `FRESH_SECONDS` and
    when it gets narrow; in between what was granted is subtracted.
    """

    def __init__(self, room: Room, promised: Callable[[], int], clock: Clock) -> None:
        self._room, self._promised, self._clock = room, promised, clock
        self._left, self._until = 0.0, -math.inf

    def grant(self, mb: int) -> bool:
        """Whether there is room for one to grow by so much; if so, it is the caller's."""
        now = self._clock.monotonic()
        if mb > self._left or now >= self._until:
            self._left, self._until = self._room.free_mb() - self._promised(), now + FRESH_SECONDS
        if mb > self._left:
            return False
        self._left -= mb
        return True


def machine() -> Memory | None:
    """This machine's memory, or this container's where that has less; None where there is no /proc."""
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        found = Memory(*(int(lines[name].split()[0]) >> 10 for name in ("MemTotal", "MemAvailable")))
    except (OSError, KeyError, ValueError):
        return None
    limits = [limit for limit in (_container(*files) for files in _CONTAINERS) if limit is not None]
    return min([found, *limits], key=lambda one: one.available_mb)


_CONTAINERS = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "total_inactive_file"),
)
"""Version 2's files and version 1's: the limit, the use, and what of the use the kernel gives up when asked."""


def _container(limit: str, usage: str, reclaimable: str) -> Memory | None:
    try:
        most, used = (_CGROUP / limit).read_text().strip(), int((_CGROUP / usage).read_text())
        stat = (_CGROUP / usage).with_name("memory.stat").read_text()
    except (OSError, ValueError):
        return None
    if not most.isdecimal() or int(most) >= 1 << 60:  # "max", or version 1's way of saying so
        return None
    given_up = next((int(line.split()[1]) for line in stat.splitlines() if line.startswith(f"{reclaimable} ")), 0)
    return Memory(int(most) >> 20, max(int(most) - used + given_up, 0) >> 20)
