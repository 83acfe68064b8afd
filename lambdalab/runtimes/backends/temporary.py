"""The size of a directory that serves as /tmp, kept by looking: no quota is to be had without privileges.

A walk through it costs too much to be done every few milliseconds. How far the file system's free space has shrunk
since the last one costs nothing, and is the most that can have been written: the next walk is due when that could be
too much.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_WALK_EVERY = 60
"""Looks between two walks at most: space that others free meanwhile hides what was written."""


class Temporary:
    """The account of one directory; `limit` in bytes."""

    def __init__(self, directory: Path, limit: int) -> None:
        self.directory = directory
        self.limit = limit
        self._room = limit
        self._free: int | None = None
        self._looks = 0

    def is_due(self) -> bool:
        """Whether it may have passed its limit since it was measured last."""
        self._looks += 1
        free = self._free_bytes()
        if self._free is None:
            self._free = free
        return self._looks % _WALK_EVERY == 0 or self._free - free > self._room

    def is_full(self, unlinked: int) -> bool:
        """Measure it; whether it has passed its limit with the files that are open and have no name any more."""
        self._free, self._looks = self._free_bytes(), 0
        self._room = self.limit - unlinked - _size(self.directory)
        return self._room < 0

    def _free_bytes(self) -> int:
        try:
            there = os.statvfs(self.directory)
        except OSError:
            return 0
        return there.f_bfree * there.f_frsize


def _size(directory: Path) -> int:
    used: dict[int, int] = {}  # by its number: a file with two names is one
    for path, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                file = os.lstat(os.path.join(path, name))  # noqa: PTH118
                used[file.st_ino] = file.st_blocks * 512
    return sum(used.values())
