"""How much memory this machine has for another execution environment; when there is none, the call is throttled.

AWS has room for a thousand environments; a notebook's container of one gigabyte has not. An environment that would
not fit is not started: an overloaded machine would lose what runs already, and the person's notebook with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lambdalab.errors import TooManyRequests

KEPT_FREE = 0.06
"""The share of the memory that is left to everything else on the machine."""
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
    """Asked before each start. `look` says what the machine has; None where that cannot be known."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def missing_mb(self, needed_mb: int) -> int:
        """How many megabytes another environment that needs so many lacks; 0 when there is room."""
        found = self._look()
        if found is None:
            return 0
        return max(needed_mb + int(found.total_mb * KEPT_FREE) - found.available_mb, 0)

    def refusal(self, needed_mb: int, environments: int, promised_mb: int = 0) -> TooManyRequests:
        """What the caller is told when nothing could make room; `promised_mb` is what others may take yet."""
        found = self._look() or Memory(0, 0)
        promised = f" beside {promised_mb:,} MB that those at work may take yet" if promised_mb else ""
        return TooManyRequests(
            f"Rate Exceeded. This machine has no memory for another execution environment: "
            f"{found.available_mb:,} of {found.total_mb:,} MB are free, {int(found.total_mb * KEPT_FREE):,} MB stay "
            f"so, and one needs about {needed_mb:,} MB{promised}. {environments:,} environments are at work; "
            "AWS would have started another one.",
            Reason="ConcurrentInvocationLimitExceeded",
        )


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
